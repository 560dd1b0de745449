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
        printf "  %-34s %14s %14s", $1, $2, ($1 in old) ? old[$1] : "-"
        if (($1 in old) && old[$1] + 0 != 0 && $2 ~ /^-?[0-9.]+$/) printf "  x %.4f", $2 / old[$1]
        printf "\n" }' "$2" "$3"
}

printf '  %-34s %14s %14s  ratio\n' figure now committed
tests/bench/quickstart.sh "$mcunet" >"$work/quickstart.csv"
compare "recipes/quickstart.yml" tests/regression/quickstart.csv "$work/quickstart.csv"
if [ -d ../shared/data/models ]; then
    tests/bench/imagenet1k_net.sh "$mcunet" ../shared >"$work/in2.csv"
    compare "mcunet-in2 on stm32f746" tests/regression/imagenet1k_net.csv "$work/in2.csv"
else
    echo "skipped: mcunet-in2 (no ../shared/data)"
fi
