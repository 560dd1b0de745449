#!/bin/bash
# mcunet boards calibrate: measurements that a board file with other constants would give bring these constants back.
#
# usage: tests/measure/calibrate.sh MCUNET
set -u
mcunet=$1
for tool in qemu-system-arm arm-none-eabi-gcc ninja python3; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
export MCUNET_QUIET=1

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# The board as it "is": slower flash, slower RAM than its file says.
sed 's/^\( *flash_fetch_cycles:\).*/\1 9/; s/^\( *flash_read_cycles:\).*/\1 7.5/; s/^\( *ram_fill_cycles:\).*/\1 8/' boards/stm32f746.yml >"$work/true.yml"
cmp -s "$work/true.yml" boards/stm32f746.yml && fail "the board file was not changed"

mkdir "$work/new"
files=
for net in quant_qdq/every_operator.onnx quant_tflite/net_15 quant_tflite/net_18 quant_tflite/net_19 quant_tflite/net_20; do
    project=$work/$(basename $net .onnx)
    "$mcunet" codegen tests/fuzz/corpus/$net --board stm32f746 -o "$project" -q >/dev/null &&
        "$mcunet" profile "$project" --board "$work/true.yml" --json >"$project/estimate.json" || exit 1
    python3 - "$project" <<'PYTHON' || exit 1
import json, sys
project = sys.argv[1]
schedule, estimate = json.load(open(project + "/schedule.json")), json.load(open(project + "/estimate.json"))["estimate"]
cycles = {layer["name"]: layer["cycles"] for layer in estimate["layers"]}
layers = [{"identifier": k["identifier"], "ticks": cycles[k["identifier"]]} for step in schedule["steps"] for k in step["kernels"] if k["identifier"] in cycles]
json.dump({"kind": "measurement", "board": "stm32f746", "counter": "core cycles", "model_sha256": schedule["model_sha256"],
           "ticks": estimate["cycles"], "layers": layers}, open(project + "/measured.json", "w"))
PYTHON
    files="$files $project/measured.json"
done

"$mcunet" boards calibrate $files --json -o "$work/new/stm32f746.yml" >"$work/result.json" || fail "calibrate"
python3 - "$work/result.json" <<'PYTHON' || fail "constants do not come back: $(cat "$work/result.json")"
import json, sys
result = json.load(open(sys.argv[1]))
constants = {row["name"]: row for row in result["constants"]}
fetch = constants["flash_fetch_cycles"] # what most cycles wait for; reads of flash and RAM are hard to tell apart in nets this small
assert fetch["told"] and fetch["before"] != 9 and abs(fetch["after"] - 9) <= 0.1, fetch
assert all(row["told"] or row["after"] == row["before"] for row in constants.values())
assert result["rms_after_percent"] < result["rms_before_percent"] / 5, result
assert all(abs(row["after_percent"]) <= 0.2 < abs(row["before_percent"]) for row in result["networks"]), result
PYTHON
"$mcunet" boards check "$work/new/stm32f746.yml" >/dev/null || fail "the new board file is wrong"
[ "$(diff <(cat boards/stm32f746.yml) "$work/new/stm32f746.yml" | grep -c '^>')" -le 6 ] || fail "more than the constants changed"

expect() { # CODE TEXT COMMAND...
    local code=$1 text=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    [ $? = "$code" ] || fail "not exit $code: $*: $(cat "$work/err")"
    grep -qF -- "$text" "$work/err" || fail "'$text' is not in: $(cat "$work/err")"
}
measured=$work/net_15/measured.json
mkdir "$work/elsewhere" && cp "$measured" "$work/elsewhere/"
sed 's/core cycles/timer/' "$measured" >"$work/net_15/timer.json"
sed 's/"stm32f746"/"stm32h743"/' "$measured" >"$work/net_15/other.json"
cp "$measured" "$work/net_18/wrong.json"
echo '{}' >"$work/net_15/empty.json"
expect 2 "name 1 to 256 measurements" "$mcunet" boards calibrate
expect 2 "-o and --board go with calibrate" "$mcunet" boards stm32f746 -o x.yml
expect 3 "was measured with a timer" "$mcunet" boards calibrate "$work/net_15/timer.json"
expect 3 "was measured on stm32h743, the others on stm32f746" "$mcunet" boards calibrate "$measured" "$work/net_15/other.json"
expect 3 "is of another network than the project beside it" "$mcunet" boards calibrate "$work/net_18/wrong.json"
expect 3 "there is no schedule.json beside it" "$mcunet" boards calibrate "$work/elsewhere/measured.json"
expect 3 "is no measurement" "$mcunet" boards calibrate "$work/net_15/empty.json"
expect 3 "cannot open" "$mcunet" boards calibrate "$work/none.json"

echo "$failures failures"
[ $failures = 0 ]
