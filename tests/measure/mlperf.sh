#!/bin/bash
# Firmware of --harness mlperf in QEMU, driven over a pty as MLPerf Tiny's runner drives it.
#
# usage: tests/measure/mlperf.sh MCUNET
set -u
mcunet=$1
for tool in qemu-system-arm arm-none-eabi-gcc ninja python3; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
here=$(dirname "$0")
work=$(mktemp -d)
qemu=
. "$here/qemu_pty.sh"
trap 'machine_stop; rm -rf "$work"' EXIT
failures=0
export MCUNET_QUIET=1

for board in stm32f412:mps2-an386 stm32f746:mps2-an500; do
    for net in every_operator given_table; do
        project=$work/$net-${board%:*}
        "$mcunet" codegen tests/fuzz/corpus/quant_qdq/$net.onnx --board ${board%:*} -o "$project" -q >/dev/null &&
            "$mcunet" build "$project" --emulator -q && "$mcunet" build "$project" --harness mlperf --emulator -q || exit 1
        bytes=$(sed -n 's/#define MCU_INPUT_BYTES //p' "$project/model.h")
        head -c "$bytes" /dev/urandom >"$work/in.bin"
        "$mcunet" emulate "$project" --input "$work/in.bin" -o "$work/out.bin" || exit 1
        machine_start ${board#*:} "$project/mlperf_emulator.elf"
        timeout 200 python3 "$here/mlperf_runner.py" "$tty" "$project" "$work/in.bin" "$work/out.bin" >"$work/log" 2>&1 ||
            { echo "FAILED: $net on ${board%:*}: $(tail -5 "$work/log")"; failures=$((failures + 1)); }
        machine_stop
    done
done
echo "$failures failures"
[ $failures = 0 ]
