# qemu_pty.sh - sourced: an emulated machine with its UART on a pty.
#
#     machine_start MACHINE ELF [OPTION...]     sets tty and qemu (its process)
#     machine_stop

machine_start() {
    local machine=$1 elf=$2
    shift 2
    qemu-system-arm -M "$machine" -display none -monitor none -serial pty -kernel "$elf" "$@" >"$work/qemu.out" 2>&1 &
    qemu=$!
    for _ in $(seq 100); do
        tty=$(grep -o '/dev/pts/[0-9]*' "$work/qemu.out") && return
        sleep 0.1
    done
    echo "qemu-system-arm gave no pty: $(cat "$work/qemu.out")"
    exit 1
}

machine_stop() {
    kill "$qemu" 2>/dev/null
    wait "$qemu" 2>/dev/null
    qemu=
}
