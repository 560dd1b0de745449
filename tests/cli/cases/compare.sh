# A network equals itself; networks of different shape are refused; quantization keeps the answers close.
model=$SHARED/data/models/mcunet-in2_256kb-1mb_imagenet.onnx images=$SHARED/data/imagenet1k-sample
[ -f "$model" ] || skip "no $model"
[ -d "$images" ] || skip "no $images"
run mcunet compare "$model"
run mcunet compare "$model" "$model" --data "$images" --images 4 -q | sed -n '1,4p;/^$/,$p'
run mcunet compare "$model" "$model" --data synthetic -q
run mcunet quantize "$model" --data "$images" --images 16 -o . -q
mcunet compare "$model" int8.onnx --data "$images" --images 16 --json -q > result.json
# Figures depend on the machine's float arithmetic; the bounds do not.
python3 - << 'P'
import json
r = json.load(open("result.json"))
t = r["tensors"]
print(r["kind"], r["images"], "images,", len(t), "tensors, first", t[0]["name"], t[0]["shape"], "last", t[-1]["op"])
print("input above 40 dB:", t[0]["sqnr_db"] > 40, " all above 10 dB:", all(x["sqnr_db"] > 10 for x in t),
      " logits above 12 dB:", r["logits_sqnr_db"] > 12, " same answers:", r["same_argmax"] >= 75)
P
