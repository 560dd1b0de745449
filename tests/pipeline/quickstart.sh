#!/usr/bin/env bash
# recipes/quickstart.yml as a newcomer runs it: what search, schedule and linker say agrees, int8 is as good as float, firmware equals host.
. "$(dirname "$0")/pipeline.sh"

"$mcunet" run recipes/quickstart.yml -o "$scratch/run" >/dev/null
python3 tests/bench/run_figures.py "$scratch/run" | tee "$scratch/figures.csv"
figure() {
    awk -F, -v name="$1" '$1 == name { print $2 }' "$scratch/figures.csv"
}
[ "$(figure sram_bytes_search)" = "$(figure sram_bytes_schedule)" ] || fail "search and schedule differ in SRAM"
[ "$(figure sram_bytes_search)" = "$(figure sram_bytes_linked)" ] || fail "the linked SRAM is not what search said"
[ "$(figure weights_and_constants_predicted)" = "$(figure weights_and_constants_linked)" ] || fail "weights and constants differ"
[ "$(figure emulated_identical)" = True ] || fail "firmware and host differ"
margin=2 # percent; code sizes are predicted for the compiler of Debian 12
arm-none-eabi-gcc -dumpfullversion | grep -q '^12\.2\.1$' || { margin=4; echo "code sizes are those of arm-none-eabi-gcc 12.2.1: may be off by $margin %"; }
awk -v e="$(figure code_error_percent)" -v m=$margin 'BEGIN { exit !(e >= -m && e <= m) }' || fail "code size predicted worse than $margin %"
awk -v l="$(figure loss_points)" 'BEGIN { exit !(l <= 1.5) }' || fail "int8 loses more than 1.5 points"
awk -v t="$(figure int8_top1)" 'BEGIN { exit !(t >= 80) }' || fail "int8 top-1 below 80 %"
grep -q '<svg' "$scratch/run/report.html" || fail "the report has no chart"
if grep -Eq '(src|href)="?https?:' "$scratch/run/report.html"; then fail "the report is not self-contained"; fi
echo "ok: quickstart"
