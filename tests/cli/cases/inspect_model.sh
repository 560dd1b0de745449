# A float network as it is quantized; what is no supernet; a file that is cut off.
model=$SHARED/data/models/mcunet-in2_256kb-1mb_imagenet.onnx
[ -f "$model" ] || skip "no $model"
run mcunet inspect "$model" --folded | head -25
run mcunet inspect "$model" --subnet largest
head -c 100000 "$model" > truncated.onnx
run mcunet inspect truncated.onnx
tflite=$SHARED/data/models/mlperf_vww_96_int8.tflite
[ -f "$tflite" ] || skip "no $tflite"
run mcunet inspect "$tflite" | head -20
run mcunet inspect "$tflite" --subnet largest
