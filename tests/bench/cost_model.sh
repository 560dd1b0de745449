#!/usr/bin/env bash
# cost_model.sh [--update] MCUNET [SHARED] - instructions that the planner's cost model (codegen/implement_cost.c) predicts beside those that
# the firmware executes on a Cortex-M7, per network, kind of operator and weight layout. CSV; --update writes
# tests/regression/cost_model.csv.
set -euo pipefail
update=
[ "${1:-}" != --update ] || { update=1; shift; }
mcunet=$(realpath "$1") shared=$(realpath "${2:-../shared}")
export MCUNET_HOME=$PWD
[ -d "$shared/data/models" ] || { echo "no $shared/data/models, skipped" >&2; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-cost-model.XXXXXX")
trap 'rm -rf "$work"' EXIT

rows() { # name, model, arena limit
    local dir=$work/$1
    "$mcunet" codegen "$shared/data/models/$2.tflite" --board stm32h743 -o "$dir" -q --set codegen.optimize=latency \
        --set "limits.sram=$(($3 + 2080))" --set limits.flash=2MiB
    "$mcunet" build "$dir" --emulator -q
    "$mcunet" profile "$dir" --board stm32h743 --json -q >"$dir.json" 2>/dev/null
    python3 - "$1" "$dir/schedule.json" "$dir.json" <<'PYTHON'
import json, sys
name, schedule, profile = sys.argv[1], json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
counted = {layer["name"]: layer["instructions"] for layer in profile["estimate"]["layers"]}
sums = {}
for step in schedule["steps"]:
    for kernel in step["kernels"]:
        if kernel["identifier"] not in counted:
            continue
        kind = kernel["identifier"].rsplit("_", 1)[0]
        for key in ((kind, kernel["layout"]), ("all", "-")):
            sum_of = sums.setdefault(key, [0, 0])
            sum_of[0] += kernel["instructions"]
            sum_of[1] += counted[kernel["identifier"]]
for (kind, layout), (predicted, executed) in sorted(sums.items()):
    print(f"{name},{kind},{layout},{predicted},{executed},{predicted / executed:.3f}")
PYTHON
}

csv=$work/cost_model.csv
{
    echo "network,operators,layout,predicted,executed,ratio"
    rows mcunet-in4 mcunet-in4_512kb-2mb_imagenet 320000
    rows vww_80x80 tinyengine_vww_80x80 94000
    rows mlperf-vww96 mlperf_vww_96_int8 100708
    rows mlperf-kws mlperf_kws_ref_model 22820
    rows mlperf-ic mlperf_pretrainedResnet_quant 54996
    rows mlperf-ad mlperf_ad01_int8 6000
} >"$csv"
if [ -n "$update" ]; then cp "$csv" tests/regression/cost_model.csv; else cat "$csv"; fi
