#!/usr/bin/env bash
# imagenet1k_net.sh MCUNET SHARED [IMAGES] - the stages alone on a real ImageNet-1k network: mcunet-in2, quantized on 64 images of
# imagenet1k-sample, measured on the other 936, firmware for STM32F746 in QEMU against the host on IMAGES (100) images.
# Prints CSV; committed as tests/regression/imagenet1k_net.csv.
set -euo pipefail
mcunet=$1 shared=$2 images=${3:-100}
net="$shared/data/models/mcunet-in2_256kb-1mb_imagenet.onnx" data="$shared/data/imagenet1k-sample"
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-in2.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$mcunet" quantize "$net" --data "$data" --images 64 --preprocess mcunet -q -o "$work"
"$mcunet" eval "$net" --data "$data" --holdout 64 --preprocess mcunet -q --json >"$work/float.json"
"$mcunet" eval "$work/int8.onnx" --data "$data" --holdout 64 -q --json >"$work/eval.json"
"$mcunet" codegen "$work/int8.onnx" --board stm32f746 -q -o "$work/fw" --json >"$work/codegen.json"
"$mcunet" build "$work/fw" -q --json >"$work/build.json"
"$mcunet" build "$work/fw" --emulator -q
"$mcunet" emulate "$work/fw" --model "$work/int8.onnx" --data "$data" --images "$images" -q --json >"$work/run.json"

python3 - "$work" <<'PYTHON'
import json, sys
load = lambda name: json.load(open(f"{sys.argv[1]}/{name}.json"))
fp, int8, build, run = load("float"), load("eval"), load("build"), load("run")
predicted, linked = build["predicted"], build["linked"]
rows = [
    ("images", int8["images"]), ("float_top1", f'{fp["top1"]:.2f}'), ("int8_top1", f'{int8["top1"]:.2f}'),
    ("loss_points", f'{fp["top1"] - int8["top1"]:.2f}'),
    ("sram_bytes_predicted", predicted["sram_bytes"]), ("sram_bytes_linked", linked["sram_bytes"]),
    ("flash_bytes_predicted", predicted["flash_bytes"]), ("flash_bytes_linked", linked["flash_bytes"]),
    ("weights_and_constants_predicted", predicted["weights_bytes"] + predicted["constants_bytes"]),
    ("weights_and_constants_linked", linked["rodata_bytes"]),
    ("code_error_percent", build["code_error_percent"]),
    ("emulated_images", run["images"]), ("emulated_identical", run["identical"]),
]
print("figure,value")
for name, value in rows:
    print(f"{name},{value}")
PYTHON
