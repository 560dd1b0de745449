#!/bin/bash
# mcunet flash --measure against emulated machines of every core, their UART on a pty: load, infer, outputs, times of the
# layers; and each thing that can go wrong ends with exit 7 or 8 and one message.
#
# usage: tests/measure/flash.sh MCUNET
set -u
mcunet=$1
for tool in qemu-system-arm arm-none-eabi-gcc ninja python3; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
here=$(dirname "$0")
net=tests/fuzz/corpus/quant_qdq/every_operator.onnx other=tests/fuzz/corpus/quant_qdq/given_table.onnx
work=$(mktemp -d)
qemu=
. "$here/qemu_pty.sh"
trap 'machine_stop; rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE TEXT COMMAND...: the exit code, and a single line of messages with that text.
expect() {
    local code=$1 text=$2
    shift 2
    timeout 100 "$@" >"$work/out" 2>"$work/err"
    local got=$?
    [ $got = "$code" ] || fail "exit $got, not $code, of: $*: $(cat "$work/err")"
    grep -qF -- "$text" "$work/err" || fail "'$text' is not in: $(cat "$work/err")"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "not one line: $(cat "$work/err")"
}

value() { # JSON KEY
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}

project() { # BOARD MODEL: makes the project and its emulated harness
    "$mcunet" codegen "$2" --board "$1" -o "$work/$1" -q >/dev/null && "$mcunet" build "$work/$1" --harness mcunet --emulator -q || exit 1
}

export MCUNET_QUIET=1
bytes=
for board in stm32f412:mps2-an386 stm32f746:mps2-an500 stm32u575:mps2-an505; do
    machine=${board#*:} board=${board%:*}
    project $board $net
    bytes=$(value "$work/$board/schedule.json" input_bytes)
    head -c $((bytes * 2)) /dev/urandom >"$work/in.bin"
    machine_start $machine "$work/$board/harness_emulator.elf"
    # Against the network on the host, and, without it, against the emulator: it must come to the same.
    for reference in host emulator; do
        model=
        [ $reference = host ] && model="--model $net"
        timeout 300 "$mcunet" flash "$work/$board" --measure --no-flash --port "$tty" --runs 3 --input "$work/in.bin" $model --json \
            >"$work/$reference.json" || fail "$board measured against the $reference"
        [ "$(value "$work/$reference.json" reference)" = $reference ] || fail "$board: not compared with the $reference"
        [ "$(value "$work/$reference.json" images)" = 2 ] || fail "$board: images"
        [ "$(value "$work/$reference.json" identical)" = True ] || fail "$board: outputs"
        [ "$(value "$work/$reference.json" runs)" = 3 ] || fail "$board: runs"
        python3 - "$work/$reference.json" "$work/$board/schedule.json" <<'PYTHON' || fail "$board: layers"
import json, sys
measured, schedule = (json.load(open(path)) for path in sys.argv[1:])
names = [name for step in schedule["steps"] for name in step["operators"]]
rows = measured["layers"]
assert [row["name"] for row in rows] == names
assert all(row["calls"] >= 1 and row["ticks"] >= 0 for row in rows)
assert sum(row["ticks"] for row in rows) > 0 and measured["ticks_least"] <= measured["ticks"] <= measured["ticks_most"]
assert measured["counter"] == "timer" and measured["clock_hz"] == 0 # an emulator measures no cycles, and says so
PYTHON
    done
    cmp -s <(value "$work/host.json" output_crc32) <(value "$work/emulator.json" output_crc32) || fail "$board: CRC"
    machine_stop
done

flash="$mcunet flash $work/stm32f746"
measure="$flash --measure --no-flash --model $net --port"

"$mcunet" build "$work/stm32f746" -q # so that nothing is left to do without a PATH
mkdir "$work/path" && ln -s "$(command -v ninja)" "$(command -v arm-none-eabi-gcc)" "$work/path/"
# No board; no tool to flash it with; nobody to measure.
expect 7 "there is no serial port '/dev/no-such-port'" $measure /dev/no-such-port
expect 7 "is not a serial port" $measure /dev/null
expect 7 "'openocd' is not installed, and stm32f746 cannot be flashed without it: apt install openocd" env PATH="$work/path" $flash
[ "$($flash --dry-run)" = "openocd -f board/stm32f746g-disco.cfg -c 'program {$work/stm32f746/firmware.elf} verify reset exit'" ] ||
    fail "--dry-run: $($flash --dry-run)"
expect 2 "--measure needs --port" $flash --measure

# The other programs, and what becomes of their exit codes.
plan() { # METHOD CONFIG: the line of flash_config, or nothing
    mkdir -p "$work/$1" && sed "s/^flash_method:.*/flash_method: $1/; s/^flash_config:.*/$2/" boards/stm32f746.yml >"$work/$1/stm32f746.yml"
    $flash --board "$work/$1/stm32f746.yml" --dry-run | sed "s,$work/stm32f746/,,g"
}
image="arm-none-eabi-objcopy -O binary firmware.elf firmware.bin"
[ "$(plan st-flash "")" = "$image
st-flash --reset write firmware.bin 0x08000000" ] || fail "st-flash: $(plan st-flash "")"
[ "$(plan dfu-util "flash_config: 0483:df11")" = "$image
dfu-util -d 0483:df11 -a 0 -s 0x08000000:leave -D firmware.bin" ] || fail "dfu-util: $(plan dfu-util "flash_config: 0483:df11")"
printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s"\n' "$work/arguments" >"$work/path/openocd"
chmod +x "$work/path/openocd"
PATH=$work/path:$PATH $flash -q || fail "a program that succeeds"
[ "$(tail -1 "$work/arguments")" = "program {$work/stm32f746/firmware.elf} verify reset exit" ] || fail "openocd got: $(cat "$work/arguments")"
printf '#!/bin/sh\necho "Info : hello" >&2\necho "Error: open failed" >&2\nexit 1\n' >"$work/path/openocd"
expect 7 "openocd could not flash STM32F746G-DISCO (is it plugged in?): Error: open failed" env PATH="$work/path:$PATH" $flash
rm "$work/path/openocd"
expect 2 "--harness is mcunet or mlperf" $flash --harness other --dry-run

# Another network on the board.
"$mcunet" codegen $other --board stm32f746 -o "$work/other" -q >/dev/null && "$mcunet" build "$work/other" --harness mcunet --emulator -q
machine_start mps2-an500 "$work/other/harness_emulator.elf"
expect 8 "runs another network" $measure "$tty"
machine_stop

# A board that stands still.
machine_start mps2-an500 "$work/stm32f746/harness_emulator.elf" -S
expect 7 "did not answer within" $measure "$tty"
machine_stop

# MLPerf's firmware is on the board: it says something else. Its first lines came before anyone listened, and "%" is no part of a frame:
# one is sent by a second process.
"$mcunet" build "$work/stm32f746" --harness mlperf --emulator -q
machine_start mps2-an500 "$work/stm32f746/mlperf_emulator.elf"
(sleep 0.5; printf '%%name%%%%' >"$tty") &
expect 7 "that are no answer of mcunet's measuring firmware" $measure "$tty"
machine_stop

# The cable is pulled while the board works.
machine_start mps2-an500 "$work/stm32f746/harness_emulator.elf"
(sleep 1; kill -9 $qemu) &
expect 7 "the connection to the board at '$tty' was lost" $measure "$tty" --runs 65535 --timeout 100
machine_stop

# The board stops answering in the middle of it.
machine_start mps2-an500 "$work/stm32f746/harness_emulator.elf"
(sleep 1; kill -STOP $qemu) &
expect 7 "did not answer within" $measure "$tty" --runs 65535 --timeout 2
kill -CONT $qemu
machine_stop

echo "$failures failures"
[ $failures = 0 ]
