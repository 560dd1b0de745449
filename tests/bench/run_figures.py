#!/usr/bin/env python3
"""run_figures.py DIR - the figures of a run folder as CSV (figure,value), as tests/regression keeps them."""
import json
import os
import sys


def load(name):
    with open(os.path.join(sys.argv[1], name)) as file:
        return json.load(file)


search, evaluation, build, run = load("search.json"), load("eval.json"), load("build.json"), load("run.json")
predicted, linked = build["predicted"], build["linked"]
rows = [
    ("evaluations", search["evaluations"]),
    ("macs", search["best"]["macs"]),
    ("images", evaluation["images"]),
    ("float_top1", f'{evaluation["float"]["top1"]:.2f}'),
    ("int8_top1", f'{evaluation["int8"]["top1"]:.2f}'),
    ("loss_points", f'{evaluation["float"]["top1"] - evaluation["int8"]["top1"]:.2f}'),
    ("sram_bytes_search", search["best"]["sram_bytes"]),
    ("sram_bytes_schedule", predicted["sram_bytes"]),
    ("sram_bytes_linked", linked["sram_bytes"]),
    ("weights_and_constants_predicted", predicted["weights_bytes"] + predicted["constants_bytes"]),
    ("weights_and_constants_linked", linked["rodata_bytes"]),
    ("flash_bytes_search", search["best"]["flash_bytes"]),
    ("flash_bytes_linked", linked["flash_bytes"]),
    ("code_error_percent", build["code_error_percent"]),
    ("emulated_images", run["images"]),
    ("emulated_identical", run["identical"]),
]
print("figure,value")
for name, value in rows:
    print(f"{name},{value}")
