#!/usr/bin/env python3
"""Every key that a command prints with --json is in its manual page.

usage: tests/cli/json_manual.py MCUNET      exit code 1 and one line per key that is not; 77 when tools are missing
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUPERNET = ROOT / "nas" / "supernets" / "quickstart.onnx"
TOOLS = ("ninja", "arm-none-eabi-gcc", "qemu-system-arm")

# In this order: later ones use files of earlier ones. --seed and sizes are small on purpose.
COMMANDS = [
    ("space", f"{SUPERNET} --board stm32f746 --samples 20 -o . --json -q"),
    ("search", f"{SUPERNET} --board stm32f746 --data synthetic -o . --json -q --set search.population=3 --set search.parents=2"
     " --set search.crossover=1 --set search.mutation=1 --set search.iterations=1 --set search.images=32"
     " --set search.bn_images=32"),
    ("quantize", "subnet.onnx --data synthetic --images 16 -o . --json -q"),
    ("codegen", "int8.onnx --board stm32f746 -o firmware --json -q"),
    ("build", "firmware --json -q"),
    ("build", "firmware --emulator --json -q"),
    ("emulate", "firmware --model int8.onnx --data synthetic --images 1 --json -q"),
    ("eval", "int8.onnx --data synthetic --images 32 --json -q"),
    ("profile", "int8.onnx --board stm32f746 --json"),
    ("profile", "firmware --json -q"),
    ("emulate", "firmware --cycles --json -q"),
    ("compare", "subnet.onnx int8.onnx --data synthetic --images 4 --json -q"),
    ("report", ". --json"),
    ("boards", "--json"),
    ("boards", "stm32f746 --json"),
    ("boards", "check --json"),
    ("table", "mlperf-tiny --data . --json"),
    ("table", "mcunet-zoo --data . --json"),
    ("datasets", "--json"),
    ("doctor", "--json"),
]


def keys(value, prefix=""):
    """Names of every object below value; of lists, the first entry speaks for all."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield prefix + name
            yield from keys(inner, prefix + name + ".")
    elif isinstance(value, list) and value:
        yield from keys(value[0], prefix)


def words_of_page(command):
    """Words of the page, and of the page that its JSON section refers to."""
    text = (ROOT / "cli" / "man" / f"mcunet-{command}.1").read_text()
    section = re.search(r"^\.Sh JSON\n(.*?)(?=^\.Sh )", text, re.M | re.S)
    for other in re.findall(r"^\.Xr mcunet-(\w+) 1", section.group(1) if section else "", re.M):
        text += (ROOT / "cli" / "man" / f"mcunet-{other}.1").read_text()
    return set(re.findall(r"\w+", text))


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    missing = [tool for tool in TOOLS if not shutil.which(tool)] + ([] if SUPERNET.exists() else [SUPERNET])
    if missing:
        print("skipped: missing", *missing)
        return 77
    mcunet, offences, checked = os.path.abspath(sys.argv[1]), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for command, arguments in COMMANDS:
            result = subprocess.run([mcunet, command, *arguments.split()], cwd=folder, capture_output=True, text=True,
                                    env={**os.environ, "MCUNET_HOME": str(ROOT)}, check=False)
            if result.returncode:
                print(f"mcunet {command} {arguments}: exit code {result.returncode}: {result.stderr.strip()}")
                offences += 1
                continue
            words = words_of_page(command)
            for key in keys(json.loads(result.stdout)):
                checked += 1
                if key.split(".")[-1] not in words:
                    print(f"cli/man/mcunet-{command}.1: does not tell of '{key}'")
                    offences += 1
    print(f"{checked} keys, {offences} offences")
    return 1 if offences or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
