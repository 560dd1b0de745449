#!/usr/bin/env bash
# run.sh MCUNET - the figures of this build beside the committed ones, as ratios. Nothing here can fail a test; a figure moves only
# with the commit that explains it (update tests/regression then).
set -euo pipefail
mcunet=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

compare() { # title, committed CSV, new CSV: figure,value
    echo "$1"
    awk -F, 'NR == FNR { old[$1] = $2; next } FNR > 1 {
        printf "  %-58s %14s %14s", $1, $2, ($1 in old) ? old[$1] : "-"
        if (($1 in old) && old[$1] + 0 != 0 && $2 ~ /^-?[0-9.]+$/) printf "  x %.4f", $2 / old[$1]
        printf "\n" }' "$2" "$3"
}

# A table with a line per network, as figure,value: its first key columns name the line.
figures() { # key columns, CSV
    awk -F, -v keys="$1" 'NR == 1 { print "figure,value"; for (i = 1; i <= NF; i++) name[i] = $i; next }
        { line = $1; for (i = 2; i <= keys; i++) line = line " " $i
          for (i = keys + 1; i <= NF; i++) print line " " name[i] "," $i }' "$2"
}

printf '  %-58s %14s %14s  ratio\n' figure now committed
tests/bench/quickstart.sh "$mcunet" >"$work/quickstart.csv"
compare "recipes/quickstart.yml" tests/regression/quickstart.csv "$work/quickstart.csv"
planner=$(dirname "$mcunet")/tests/bench/bench_planner
if [ -x "$planner" ]; then
    { MCUNET_HOME=$PWD "$planner" quickstart; MCUNET_HOME=$PWD "$planner" imagenet64 | tail -n +2; } >"$work/planner.csv"
    figures 2 tests/regression/planner.csv >"$work/planner_old.csv"
    figures 2 "$work/planner.csv" >"$work/planner_new.csv"
    compare "ms to plan a candidate of the search, one thread" "$work/planner_old.csv" "$work/planner_new.csv"
else
    echo "skipped: ms to plan a candidate (no $planner: configure with -DMCUNET_TESTS=ON)"
fi
if [ -d ../shared/data/models ]; then
    tests/bench/imagenet1k_net.sh "$mcunet" ../shared >"$work/in2.csv"
    compare "mcunet-in2 on stm32f746" tests/regression/imagenet1k_net.csv "$work/in2.csv"
    tests/bench/engine.sh "$mcunet" ../shared >"$work/engine.csv"
    figures 3 tests/regression/engine.csv >"$work/engine_old.csv"
    figures 3 "$work/engine.csv" >"$work/engine_new.csv"
    compare "instructions, SRAM, flash, estimated ms" "$work/engine_old.csv" "$work/engine_new.csv"
else
    echo "skipped: mcunet-in2 and the engine table (no ../shared/data)"
fi
