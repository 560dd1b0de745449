# The cost table: filled in steps, damaged, and what latency and energy limits say. Figures change with kernels and compilers: N.
for tool in ninja arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool > /dev/null || skip "no $tool"
done
export XDG_CACHE_HOME=$PWD/cache
numbers() { sed -E 's/[0-9]+(\.[0-9]+)?/N/g'; }
run mcunet costs
run mcunet costs stm32f747
run mcunet costs stm32f746 --networks 0
# A fill goes on where it was: the same bytes as in one go.
mcunet costs stm32f746 --fill --networks 3 -o steps.csv -q > /dev/null
mcunet costs stm32f746 --fill --networks 5 -o steps.csv -q > /dev/null
mcunet costs stm32f746 --fill --networks 5 -o whole.csv -q | numbers | head -1
cmp steps.csv whole.csv && echo "steps and whole are the same"
mcunet costs stm32f746 -o whole.csv --json | grep -c '"identity"\|"networks": 5'
mcunet costs stm32f746 -o whole.csv --check 2 --supernet quickstart -q | cut -d, -f1-4 | sed 1q
# Damage is told, and cured by a fill.
head -c 2000 whole.csv > cut.csv
mcunet costs stm32f746 -o cut.csv 2>&1 | numbers
mcunet costs stm32f746 --fill --networks 5 -o cut.csv -q 2>&1 > /dev/null
cmp cut.csv whole.csv && echo "the cut table is whole again"
# Limits.
run mcunet space "$ROOT/nas/supernets/quickstart.onnx" --board stm32f746 -o out -q --samples 5 --set limits.latency=fast
run mcunet space "$ROOT/nas/supernets/quickstart.onnx" --board stm32f746 -o out -q --samples 5 --set limits.energy=5mJ
key=$(mcunet costs stm32f746 -o whole.csv --json | python3 -c 'import hashlib, json, sys; print(hashlib.sha256(json.load(sys.stdin)["identity"].encode()).hexdigest())')
mkdir -p cache/mcunet/cost && cp whole.csv cache/mcunet/cost/$key.csv
run mcunet space "$ROOT/nas/supernets/quickstart.onnx" --board stm32f746 -o out -q --samples 5 --set limits.latency=10us 2>&1 | sed -E "s/'r[0-9][^']*'/SUBNET/; s/[0-9]+ (microseconds|more)/N \1/g"
run mcunet space "$ROOT/nas/supernets/quickstart.onnx" --board stm32f746 -o out -q --samples 5 --set limits.latency=12ms
cmp out/cost_table.csv whole.csv && echo "the table is among the artifacts"
