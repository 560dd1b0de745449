#!/usr/bin/env bash
# engine.sh MCUNET [SHARED] - instructions, SRAM, flash and estimated latency of MCUNet and MLPerf Tiny networks, in the memory that each
# may use: optimize sram, and optimize latency within a limit. CSV, one line per network and plan. Instructions are exact (counted in QEMU,
# Cortex-M7, one whole inference); ms are estimates (mcunet profile). A network that does not fit a board's flash (mcunet-in4 on the F746) is built
# for a larger board of the same core.
set -euo pipefail
mcunet=$(realpath "$1") shared=$(realpath "${2:-../shared}")
export MCUNET_HOME=$PWD
[ -d "$shared/data/models" ] || { echo "no $shared/data/models, skipped" >&2; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-engine.XXXXXX")
trap 'rm -rf "$work"' EXIT

figure() { # JSON file, path of keys
    python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    value = value[key]
print(round(value, 3))' "$1" "$2"
}

project() { # folder, model, board, optimize, arena limit, flash limit
    local set=(--set "codegen.optimize=$4" --set "limits.flash=$6")
    [ "$5" = - ] || set+=(--set "limits.sram=$(($5 + 2080))") # stack and runtime
    "$mcunet" codegen "$shared/data/models/$2.tflite" --board "$3" -o "$1" -q "${set[@]}"
    "$mcunet" build "$1" --emulator -q
}

row() { # name, model, optimize, arena limit, flash limit, board to build for, board of a Cortex-M4 or -
    local dir=$work/$1-$3-$4 l4r5=-
    project "$dir" "$2" "$6" "$3" "$4" "$5"
    "$mcunet" profile "$dir" --board stm32f746 --json -q >"$dir.json" 2>/dev/null
    if [ "$7" != - ]; then
        project "$dir-m4" "$2" "$7" "$3" "$4" "$5"
        "$mcunet" profile "$dir-m4" --board "$7" --json -q >"$dir-m4.json" 2>/dev/null
        l4r5=$(figure "$dir-m4.json" estimate.ms)
    fi
    echo "$1,$3,$4,$(figure "$dir.json" arena_bytes),$(figure "$dir.json" flash_bytes),$(figure "$dir.json" code_bytes),$(figure \
        "$dir.json" estimate.instructions),$(figure "$dir.json" estimate.ms),$l4r5"
}

echo "network,optimize,arena_limit_bytes,arena_bytes,flash_bytes,code_bytes,m7_instructions,f746_ms_estimate,l4r5_ms_estimate"
nets() { # optimize; the limits of "latency": 320 kB, 94 kB, what TensorFlow Lite Micro takes, 6 kB
    local sram=$1
    limit() { [ "$sram" = sram ] && echo - || echo "$1"; }
    row mcunet-in4 mcunet-in4_512kb-2mb_imagenet "$sram" "$(limit 320000)" 2MiB stm32h743 -
    row vww_80x80 tinyengine_vww_80x80 "$sram" "$(limit 94000)" 1MiB stm32f746 stm32l4r5
    row mlperf-vww96 mlperf_vww_96_int8 "$sram" "$(limit 100708)" 1MiB stm32f746 stm32l4r5
    row mlperf-kws mlperf_kws_ref_model "$sram" "$(limit 22820)" 1MiB stm32f746 stm32l4r5
    row mlperf-ic mlperf_pretrainedResnet_quant "$sram" "$(limit 54996)" 1MiB stm32f746 stm32l4r5
    row mlperf-ad mlperf_ad01_int8 "$sram" "$(limit 6000)" 1MiB stm32f746 stm32l4r5
}
nets sram
nets latency
row mcunet-in4 mcunet-in4_512kb-2mb_imagenet latency 131072 2MiB stm32h743 -
