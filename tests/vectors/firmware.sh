#!/usr/bin/env bash
# firmware.sh MCUNET [NET...] - .tflite -> generated project -> QEMU, outputs against TensorFlow Lite Micro's, on a Cortex-M4 and a
# Cortex-M7. One line per network and board; exit code 77 (skipped) without the data or the tools.
set -euo pipefail
mcunet=$1 data="${MCUNET_SHARED:-../shared}/data"
shift
export MCUNET_HOME=$PWD
[ -d "$data/vectors" ] || { echo "no $data/vectors, skipped"; exit 77; }
for tool in arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool >/dev/null || { echo "no $tool, skipped"; exit 77; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-vectors.XXXXXX")
trap 'rm -rf "$work"' EXIT

bytes() { # numbers in text to int8
    python3 -c 'import sys; sys.stdout.buffer.write(bytes(int(x) & 255 for x in sys.stdin.read().split()))' <"$1"
}

failures=0
check() { # vectors, model, board [--set ...]
    local name=$1 model="$data/models/$2.tflite" board=$3 dir="$work/$1-$3"
    shift 3
    [ $# = 0 ] || dir+="-${2//[.=]/_}"
    "$mcunet" codegen "$model" --board "$board" -o "$dir" -q "$@"
    "$mcunet" build "$dir" --emulator -q
    bytes "$data/vectors/$name.pat1.in.txt" >"$work/in.bin"
    bytes "$data/vectors/$name.pat1.out.txt" >"$work/expected.bin"
    "$mcunet" emulate "$dir" --input "$work/in.bin" --output "$work/out.bin" -q
    if cmp -s "$work/out.bin" "$work/expected.bin"; then
        echo "equal    $name on $board $*"
    else
        echo "DIFFERS  $name on $board $*"
        failures=$((failures + 1))
    fi
}

nets=(${@:-mlpad mlpkws mlpic mlpvww vww_i8})
for net in "${nets[@]}"; do
    boards=(stm32f412 stm32f746)
    case $net in
    mlpad) model=mlperf_ad01_int8 ;;
    mlpkws) model=mlperf_kws_ref_model ;;
    mlpic) model=mlperf_pretrainedResnet_quant ;;
    mlpvww) model=mlperf_vww_96_int8 ;;
    vww_i8) model=tinyengine_vww_80x80 ;;
    in4) model=mcunet-in4_512kb-2mb_imagenet boards=(stm32h743) ;;
    *) echo "unknown network '$net'" && exit 2 ;;
    esac
    for board in "${boards[@]}"; do
        check "$net" $model "$board"
    done
done
[ $failures = 0 ] || exit 1
