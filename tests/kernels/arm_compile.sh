#!/bin/bash
# The reference kernels as firmware gets them: no warning for Cortex-M4, M7 and M33, and less than 512 bytes of stack per call chain.
#
#     arm_compile.sh ENGINE_FOLDER
#
# Exit code 77 (skipped) without arm-none-eabi-gcc.
set -euo pipefail
engine=$(realpath "$1")
command -v arm-none-eabi-gcc > /dev/null || { echo "SKIP: arm-none-eabi-gcc is not installed (Debian package gcc-arm-none-eabi)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for cpu in cortex-m4 cortex-m7 cortex-m33; do
    for source in "$engine"/ref/*.c; do
        arm-none-eabi-gcc -mcpu=$cpu -mthumb -O2 -std=c11 -Wall -Wextra -Wshadow -Werror -fstack-usage -c "$source" \
            -o "$cpu-$(basename "$source" .c).o"
    done
    # A kernel (mcu_...) calls one of the file's row functions at a time.
    for usage in $cpu-*.su; do
        awk -F'\t' -v file="$usage" '
            $3 !~ /static/ { print "FAIL " file ": " $1 " has a stack frame of unknown size"; bad = 1 }
            $1 ~ /:mcu_/ { kernel = $2 > kernel ? $2 : kernel; next }
            { row = $2 > row ? $2 : row }
            END { if (kernel + row >= 512) { print "FAIL " file ": " kernel + row " bytes of stack"; bad = 1 } exit bad }' "$usage"
    done
    largest=$(cat $cpu-*.su | cut -f2 | sort -n | tail -1)
    echo "ok $cpu: largest frame $largest bytes, $(arm-none-eabi-size $cpu-*.o | awk 'NR > 1 { n += $1 } END { print n }') bytes of code"
done
