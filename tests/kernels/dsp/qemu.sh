#!/bin/sh
# qemu.sh CORE PROGRAM.c OUT.elf [QEMU ARGUMENTS]: builds a test or benchmark of the DSP kernels for cortex-m4 or cortex-m7 and runs it in
# QEMU. Status: the program's; 77 (skipped) without cross compiler or emulator. Run in the repository's root.
core=$1 source=$2 elf=$3
shift 3
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
arm-none-eabi-gcc -mcpu=$core -mthumb $fpu -std=c11 -O2 -g -Wall -Wextra -Werror -Wno-missing-field-initializers -ffunction-sections \
    -fdata-sections -I. $arm/startup.c "$source" engine/dsp/*.c engine/ref/*.c -nostartfiles -T $arm/mps2.ld \
    --specs=rdimon.specs -Wl,--gc-sections -o "$elf" || exit 1
exec timeout 300 qemu-system-arm -M $machine -nic none -display none -monitor none -serial none -nodefaults \
    -semihosting-config enable=on,target=native "$@" -kernel "$elf"
