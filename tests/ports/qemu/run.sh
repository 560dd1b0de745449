#!/bin/bash
# The port of STM32F4 as machine code, on QEMU's STM32F405 (netduinoplus2): it has the USART, but of clocks, flash
# and GPIO nothing that answers. So every wait of the port ends in vain, and the core must come up at the internal oscillator's
# 16 MHz, say so, and talk.
#
#     run.sh BOARDS_FOLDER
#
# Exit code 77 (skipped) without the tools.
set -euo pipefail
arm=$(realpath "$1")/arm
here=$(dirname "$(realpath "$0")")
for tool in arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool > /dev/null || { echo "SKIP: $tool is not installed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -std=c11 -O2 -ffreestanding -nostdlib \
    -Wall -Wextra -Werror -I"$arm" -DMCU_CLOCK_MHZ=100 -DMCU_FLASH_WAIT_STATES=3 -DMCU_UART=USART1 -DMCU_UART_TX=PA9 \
    -DMCU_UART_TX_AF=7 -DMCU_UART_RX=PA10 -DMCU_UART_RX_AF=7 -T "$here/stm32f4.ld" "$here/echo.c" "$arm/startup.c" \
    "$arm/port_stm32f4.c" -o "$work/echo.elf"
mkfifo "$work/in"
timeout 60 qemu-system-arm -M netduinoplus2 -nographic -monitor none -serial stdio -kernel "$work/echo.elf" \
    < "$work/in" > "$work/out" 2> "$work/log" &
qemu=$!
exec 3> "$work/in"
# wait_for LINE: it is the last one of the output, within 30 s
wait_for() {
    for _ in $(seq 300); do
        [ "$(tail -1 "$work/out")" = "$1" ] && return
        sleep 0.1
    done
    echo "FAIL: expected '$1', got: $(cat "$work/out" "$work/log")"
    kill "$qemu" 2> /dev/null || true
    exit 1
}
wait_for 16000000
printf 'HAL' >&3
wait_for IBM
kill "$qemu"
wait "$qemu" 2> /dev/null || true
echo "ok: 16000000 Hz, HAL -> IBM"
