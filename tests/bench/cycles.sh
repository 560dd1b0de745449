#!/usr/bin/env bash
# cycles.sh [--update] MCUNET [NET...]: cycles of the bench set's firmware by our estimator and by the reference one
# (../shared/tools/cycles), and their ratio, on F746, H743, L4R5 and U575. CSV on stdout; --update writes tests/regression/cycles.csv
# (all nets). How long the estimator took, and every ratio off by more than 1 %, go to stderr; those make the exit code 1. 77: skipped.
#
# Where they differ, and why: QEMU's TCG interface (7.2) counts the halfword after the last instruction of a page to that instruction, when
# it peeks at it; pages are 1 KiB, as the emulator's firmware guards its stack with the MPU. The reference takes such a block for two bytes
# longer: it adds an unknown instruction and counts falling through to the next page as a taken branch. Ours reads the
# length off the instruction (boards/cycles/plugin.c). With that line changed in the reference, totals agree within 10 cycles.
set -euo pipefail
update=
[ "${1:-}" != --update ] || { update=1; shift; }
mcunet=$(realpath "$1") data="${MCUNET_SHARED:-../shared}/data" tool="${MCUNET_SHARED:-../shared}/tools/cycles"
shift
export MCUNET_HOME=$PWD
python=/usr/bin/python3
[ -e "$tool/cyc.py" ] || { echo "no $tool, skipped"; exit 77; }
for program in arm-none-eabi-gcc qemu-system-arm; do
    command -v $program >/dev/null || { echo "no $program, skipped"; exit 77; }
done
$python -c 'import capstone, elftools' 2>/dev/null || { echo "no python3-capstone or python3-pyelftools, skipped"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-cycles.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$tool"/* "$work/"
chmod -R u+w "$work"
gcc -O2 -shared -fPIC -o "$work/cyc.so" "$work/cyc.c"

model_of() {
    case $1 in
    quickstart) # the net that the recipe finds
        [ -e "$work/run/int8.onnx" ] || "$mcunet" run recipes/quickstart.yml -o "$work/run" --until quantize -q >/dev/null
        echo "$work/run/int8.onnx" ;;
    ad) echo "$data/models/mlperf_ad01_int8.tflite" ;;
    kws) echo "$data/models/mlperf_kws_ref_model.tflite" ;;
    ic) echo "$data/models/mlperf_pretrainedResnet_quant.tflite" ;;
    vww96) echo "$data/models/mlperf_vww_96_int8.tflite" ;;
    vww_80x80) echo "$data/models/tinyengine_vww_80x80.tflite" ;;
    in3) echo "$data/models/mcunet-in3_320kb-1mb_imagenet.tflite" ;;
    in4) echo "$data/models/mcunet-in4_512kb-2mb_imagenet.tflite" ;;
    *) echo "unknown network '$1'" >&2; exit 2 ;;
    esac
}

far=0
compare() { # net, board
    local model dir="$work/$1-$2" started cycles reference flash=
    model=$(model_of "$1")
    { "$mcunet" codegen "$model" --board "$2" -o "$dir" -q --set codegen.optimize=latency &&
        "$mcunet" build "$dir" --emulator -q; } >/dev/null 2>"$work/said" || {
        echo "$1 on $2: $(head -1 "$work/said")" >&2 # does not fit
        return 0
    }
    started=$(date +%s.%N)
    "$mcunet" profile "$dir" -q --json >"$work/ours.json"
    echo "$1 on $2: estimated in $(echo "$(date +%s.%N) - $started" | bc | cut -c1-5) s" >&2
    [ "$2" != stm32u575 ] || flash="--flash 0x10000000-0x107fffff"
    # shellcheck disable=SC2086
    reference=$($python "$work/cyc.py" -q "$dir/emulator.elf" --board "$2" --out "$work/prof" $flash | sed -E 's/.* total ([0-9]+) .*/\1/')
    $python - "$1" "$2" "$reference" "$work/ours.json" <<'PYTHON' || far=1
import json, sys
net, board, reference, path = sys.argv[1:]
e = json.load(open(path))["estimate"]
ratio = e["cycles"] / int(reference)
print(f'{net},{board},{e["instructions"]},{e["cycles"]},{e["ms"]:.3f},{e["cpi"]:.3f},{reference},{ratio:.4f}', flush=True)
if abs(ratio - 1) >= 0.01:
    sys.exit(f"{net} on {board}: ours / reference is {ratio:.4f}")
PYTHON
}

nets=("${@:-quickstart ad kws ic vww96 vww_80x80 in3 in4}")
{
    echo "net,board,instructions,cycles,ms,cpi,reference_cycles,ratio"
    for net in ${nets[*]}; do
        for board in stm32f746 stm32h743 stm32l4r5 stm32u575; do
            compare "$net" $board
        done
    done
} >"$work/cycles.csv"
if [ -n "$update" ]; then
    cp "$work/cycles.csv" tests/regression/cycles.csv
else
    cat "$work/cycles.csv"
fi
exit $far
