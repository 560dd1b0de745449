# An artifact; files that are not what their names say.
run mcunet inspect
run mcunet inspect file.txt
run mcunet inspect missing.onnx
echo '{"schema_version": 1, "kind": "demo", "n": [1, 2], "rows": [{"name": "a", "v": 1.5}, {"name": "bb", "v": null}]}' > demo.json
run mcunet inspect demo.json
printf '{"a": 1,\n"b": }' > broken.json
run mcunet inspect broken.json
echo '[1]' > list.json
run mcunet inspect list.json
echo nonsense > nonsense.onnx
run mcunet inspect nonsense.onnx
