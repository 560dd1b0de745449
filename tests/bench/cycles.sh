#!/usr/bin/env bash
# cycles.sh [--update] MCUNET [NET...]: cycles of the bench set's firmware by our estimator and by the reference one
# (../shared/tools/cycles), and their ratio, on F746, H743, L4R5 and U575. CSV on stdout; --update writes tests/regression/cycles.csv
# (all nets). How long the estimator took goes to stderr. Exit code 1 when ratio_pages is off by 1 % or more, 77: skipped.
#
# Where they differ, and why: QEMU's TCG interface (7.2) counts the halfword after the last instruction of a page to that instruction, when
# it peeks at it; pages of Cortex-M are 1 KiB. The reference takes such a block for two bytes
# longer: it adds an unknown instruction and counts falling through to the next page as a taken branch. Ours reads the
# length off the instruction (boards/cycles/plugin.c). ratio_pages is against the reference with that one line changed.
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
for kind in plain pages; do
    mkdir "$work/$kind"
    cp "$tool"/* "$work/$kind/"
    chmod -R u+w "$work/$kind"
    [ $kind = plain ] ||
        sed -i 's/sz += qemu_plugin_insn_size(in);/sz += ((const uint8_t *)qemu_plugin_insn_data(in))[1] >> 3 >= 0x1d ? 4 : 2;/' "$work/$kind/cyc.c"
    gcc -O2 -shared -fPIC -o "$work/$kind/cyc.so" "$work/$kind/cyc.c"
done
! cmp -s "$work/plain/cyc.c" "$work/pages/cyc.c" || { echo "the reference has changed: look at it again" >&2; exit 1; }

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

reference() { # plain or pages, ELF, board
    local flash=
    [ "$3" != stm32u575 ] || flash="--flash 0x10000000-0x107fffff"
    # shellcheck disable=SC2086
    $python "$work/$1/cyc.py" -q "$2" --board "$3" --out "$work/prof" $flash | sed -E 's/.* total ([0-9]+) .*/\1/'
}

far=0
compare() { # net, board
    local model dir="$work/$1-$2" started
    model=$(model_of "$1")
    { "$mcunet" codegen "$model" --board "$2" -o "$dir" -q --set codegen.optimize=latency &&
        "$mcunet" build "$dir" --emulator -q; } >/dev/null 2>"$work/said" || {
        echo "$1 on $2: $(head -1 "$work/said")" >&2 # does not fit
        return 0
    }
    started=$(date +%s.%N)
    "$mcunet" profile "$dir" -q --json >"$work/ours.json"
    echo "$1 on $2: estimated in $(echo "$(date +%s.%N) - $started" | bc | cut -c1-5) s" >&2
    $python - "$1" "$2" "$work/ours.json" "$(reference plain "$dir/emulator.elf" "$2")" "$(reference pages "$dir/emulator.elf" "$2")" \
        <<'PYTHON' || far=1
import json, sys
net, board, path, plain, pages = sys.argv[1:]
e = json.load(open(path))["estimate"]
ratio, ratio_pages = e["cycles"] / int(plain), e["cycles"] / int(pages)
print(f'{net},{board},{e["instructions"]},{e["cycles"]},{e["ms"]:.3f},{e["cpi"]:.3f},{plain},{ratio:.4f},{ratio_pages:.5f}', flush=True)
if abs(ratio_pages - 1) >= 0.01:
    sys.exit(f"{net} on {board}: ours / reference is {ratio_pages:.4f}")
PYTHON
}

nets=("${@:-quickstart ad kws ic vww96 vww_80x80 in3 in4}")
{
    echo "net,board,instructions,cycles,ms,cpi,reference_cycles,ratio,ratio_pages"
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
