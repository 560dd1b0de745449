#!/bin/bash
# Every board's port as its firmware gets it: no warning, at most 64 bytes of stack a function, 16 bytes of RAM (boards/arm/port.h).
#
#     arm_compile.sh BOARDS_FOLDER
#
# Exit code 77 (skipped) without arm-none-eabi-gcc.
set -euo pipefail
boards=$(realpath "$1")
command -v arm-none-eabi-gcc > /dev/null || { echo "SKIP: arm-none-eabi-gcc is not installed (Debian package gcc-arm-none-eabi)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# value KEY FILE: of a line "KEY: value"
value() { sed -n "s/^$1: *//p" "$2"; }
# pin NAME "PD8 AF7": the macros of port.h
pin() { echo "-DMCU_UART_$1=${2%% AF*} -DMCU_UART_$1_AF=${2##* AF}"; }

compiled=0
for file in "$boards"/*.yml; do
    board=$(basename "$file" .yml) port=$(value port "$file")
    [ -n "$port" ] || continue
    # shellcheck disable=SC2046
    arm-none-eabi-gcc -mcpu="$(value core "$file")" -mthumb -mfpu="$(value fpu "$file")" -mfloat-abi=hard -std=c11 -O2 \
        -ffreestanding -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror -fstack-usage \
        -DMCU_CLOCK_MHZ="$(value clock_mhz "$file")" -DMCU_FLASH_WAIT_STATES="$(value flash_wait_states "$file")" \
        -DMCU_UART="$(value uart_instance "$file")" $(pin TX "$(value uart_tx "$file")") $(pin RX "$(value uart_rx "$file")") \
        -c "$boards/arm/port_$port.c" -o "$board.o"
    stack=$(awk -F'\t' '$3 !~ /static/ { print 9999 } { print $2 }' "$board.su" | sort -n | tail -1)
    read -r text data bss _ < <(arm-none-eabi-size "$board.o" | tail -1)
    [ "$stack" -le 64 ] || { echo "FAIL $board: $stack bytes of stack"; exit 1; }
    [ $((data + bss)) -le 16 ] || { echo "FAIL $board: $((data + bss)) bytes of RAM"; exit 1; }
    echo "ok $board: $port, $text bytes of code, $stack of stack, $((data + bss)) of RAM"
    compiled=$((compiled + 1))
done
[ "$compiled" -ge 7 ] || { echo "FAIL: only $compiled boards have a port"; exit 1; }
