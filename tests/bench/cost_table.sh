#!/usr/bin/env bash
# cost_table.sh [--update] MCUNET [N]: latencies of N (30) random subnets predicted by the cost table that a search would use, against
# their full estimates, on F746 and L4R5. None of the subnets is one that the tables were filled from. CSV on stdout; --update writes
# tests/regression/cost_table.csv. Summaries and how long things took go to stderr, with the share of a search's time that latencies
# take with a warm table. Exit code 1 when a network is off by 5 % or more, 77: skipped.
set -euo pipefail
update=
[ "${1:-}" != --update ] || { update=1; shift; }
mcunet=$(realpath "$1") n=${2:-30}
export MCUNET_HOME=$PWD OMP_WAIT_POLICY=passive
for program in arm-none-eabi-gcc qemu-system-arm; do
    command -v $program >/dev/null || { echo "no $program, skipped"; exit 77; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/mcunet-cost-table.XXXXXX")
trap 'rm -rf "$work"' EXIT
csv=$work/cost_table.csv
for board in stm32f746 stm32l4r5; do
    # tables of another compiler or engine are made anew, once: a bench is of what is in the tree
    if "$mcunet" costs $board 2>&1 >/dev/null | grep -q 'another compiler or engine'; then
        started=$(date +%s)
        "$mcunet" costs $board --fill -q >/dev/null
        echo "$board: table filled in $(($(date +%s) - started)) s" >&2
    fi
    "$mcunet" costs $board --check "$n" >"$work/$board.csv"
    if [ -e "$csv" ]; then tail -n +2 "$work/$board.csv" >>"$csv"; else cp "$work/$board.csv" "$csv"; fi
done

# The same subnets planned with and without their latencies: a limit that all keep. A search also measures accuracies, and once the winner.
seconds() {
    local started ended
    started=$(date +%s.%N)
    "$mcunet" space imagenet64 --board stm32f746 -o "$work/space" --samples 100 -q --set codegen.optimize=latency "$@" >/dev/null
    ended=$(date +%s.%N)
    echo "$ended - $started" | bc
}
echo "1212 subnets planned in $(seconds) s, with latencies in $(seconds --set limits.latency=1000s) s" >&2

if [ -n "$update" ]; then cp "$csv" tests/regression/cost_table.csv; else cat "$csv"; fi
awk -F, 'NR > 1 && ($8 >= 5 || $8 <= -5) { print $1 " " $2 " " $3 ": off by " $8 " %" > "/dev/stderr"; far = 1 } END { exit far }' "$csv"
