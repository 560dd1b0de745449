# The shipped supernet and its smallest subnet; subnets that are none.
supernet=$ROOT/nas/supernets/quickstart.onnx
[ -f "$supernet" ] || skip "no $supernet"
run mcunet inspect "$supernet" | grep -v sha256
run mcunet inspect "$supernet" --subnet smallest
run mcunet inspect "$supernet" --subnet 'r64 w9'
run mcunet inspect "$supernet" --subnet biggest
