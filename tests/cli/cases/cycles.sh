# Estimated cycles of a generated project: what is said about it (figures change with kernels and compilers, so they read N), and mistakes.
for tool in ninja arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool > /dev/null || skip "no $tool"
done
numbers() { sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g'; }
cp "$ROOT/tests/fuzz/corpus/quant_tflite/net_20" int8.tflite
run mcunet codegen int8.tflite --board stm32f746 -o firmware -q
mcunet profile firmware -q > table
grep -E '^(estimate for|layer)' table | sed -E 's/ +/ /g; s/ issue.*//'
grep -E '^(compiled|estimate:)' table | numbers
# The layers sum to the whole, to the cycle; --cycles of the model and emulate say the same.
mcunet profile firmware -q --json > project.json
mcunet profile int8.tflite --board stm32f746 --cycles -q --json > model.json
mcunet emulate firmware --cycles -q --json > run.json
python3 - << 'P'
import json
project, model, run = (json.load(open(f"{name}.json"))["estimate"] for name in ("project", "model", "run"))
sums = {key: sum(layer[key] for layer in project["layers"]) for key in ("instructions", "cycles")}
print("layers sum to the whole:", all(sums[key] == project[key] for key in sums))
print("causes sum to the cycles:", sum(project["by_cause"].values()) == project["cycles"])
print("project, model and emulate agree:", project["cycles"] == model["cycles"] == run["cycles"])
P
run mcunet profile firmware --board stm32l4r5 -q
run mcunet profile . -q
run mcunet profile firmware --subnet smallest -q
run mcunet profile "$ROOT/nas/supernets/quickstart.onnx" --subnet smallest --board stm32f746 --cycles -q
