# Small TensorFlow Lite files in and out; damage, and operators without a form.
seeds=$ROOT/tests/fuzz/corpus
cp "$seeds/quant_tflite/net_20" int8.tflite
cp "$seeds/model_tflite/float" float.tflite
run mcunet import int8.tflite
run mcunet import int8.tflite -o int8.onnx
run mcunet inspect int8.tflite
run mcunet import float.tflite -o float.onnx
run mcunet inspect float.onnx
echo 'no network' > text.tflite
run mcunet import text.tflite -o x.onnx
head -c 2000 int8.tflite > short.tflite
run mcunet import short.tflite -o x.onnx
# EXP (47) for SOFTMAX (25), LSTM (16) for FULLY_CONNECTED (9): the operators' codes are bytes in the file.
python3 - << 'P'
import struct
data = bytearray(open("int8.tflite", "rb").read())
u32 = lambda at: struct.unpack_from("<I", data, at)[0]
def field(table, index):
    vtable = table - struct.unpack_from("<i", data, table)[0]
    return table + struct.unpack_from("<H", data, vtable + 4 + 2 * index)[0]
model = u32(0)
codes = field(model, 1) + u32(field(model, 1))
for i in range(u32(codes)):
    code = codes + 4 + 4 * i + u32(codes + 4 + 4 * i)
    old = data[field(code, 0)]
    data[field(code, 0)] = {25: 47, 9: 16}.get(old, old)
open("other.tflite", "wb").write(data)
P
run mcunet import other.tflite -o x.onnx
ls
