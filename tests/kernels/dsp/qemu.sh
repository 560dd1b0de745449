#!/bin/sh
# qemu.sh CORE OUT.elf PROGRAM.c... [-- QEMU ARGUMENTS]: builds tests or a benchmark of the DSP kernels for cortex-m4, cortex-m4-nofpu or
# cortex-m7 and runs them in QEMU, one after the other. Status: 0 if every program's is; 77 (skipped) without cross compiler
# or emulator. Run in the repository's root.
core=$1 elf=$2
shift 2
case $core in
cortex-m4) machine=mps2-an386 fpu="-mfpu=fpv4-sp-d16 -mfloat-abi=hard" ;;
cortex-m4-nofpu) core=cortex-m4 machine=mps2-an386 fpu="-mfloat-abi=soft" ;;
cortex-m7) machine=mps2-an500 fpu="-mfpu=fpv5-d16 -mfloat-abi=hard" ;;
*) echo "qemu.sh: unknown core '$core'" >&2; exit 2 ;;
esac
for tool in arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
arm=tests/kernels/dsp/arm
compile="arm-none-eabi-gcc -mcpu=$core -mthumb $fpu -std=c11 -O2 -g -Wall -Wextra -Werror -Wno-missing-field-initializers
    -ffunction-sections -fdata-sections -I."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Every program's main gets the program's name; one main calls them all.
calls= declarations=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    name=$(basename "$1" .c)_main
    $compile "-Dmain=$name" -c "$1" -o "$work/$name.o" || exit 1
    declarations="$declarations int $name(int argc, char **argv);" calls="$calls | $name(argc, argv)"
    shift
done
[ $# -gt 0 ] && shift
echo "$declarations int main(int argc, char **argv); int main(int argc, char **argv) { return 0 $calls; }" >"$work/main.c"
$compile $arm/startup.c "$work"/main.c "$work"/*_main.o engine/dsp/*.c engine/ref/*.c -nostartfiles -T $arm/mps2.ld --specs=rdimon.specs \
    -Wl,--gc-sections -o "$elf" || exit 1
timeout 300 qemu-system-arm -M $machine -nic none -display none -monitor none -serial none -nodefaults \
    -semihosting-config enable=on,target=native "$@" -kernel "$elf"
