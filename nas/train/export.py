"""supernet.onnx: the format of nas/supernet.h. The same weights give the same bytes: no time, path or host name."""
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model import BN_EPS


def build(space, tensors, class_names=None):
    nodes, inits = [], []
    r = max(space.resolutions)

    def init(name, value):
        inits.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))

    def tensor(name):
        init(name, tensors[name])
        return name

    relu6 = any(l.get("act", "relu6") == "relu6" for l in space.layers if "channels" in l)
    if relu6:
        init("relu6.min", np.float32(0).reshape(()))
        init("relu6.max", np.float32(6).reshape(()))
    x, conv = "input", {name: rest for name, *rest in space.walk()}

    def add_conv(x, name):
        _, _, k, stride, group, act = conv[name]
        nodes.append(helper.make_node("Conv", [x, tensor(name + ".weight")], [name + ".out"], name, kernel_shape=[k, k],
                                      strides=[stride, stride], pads=[k // 2] * 4, dilations=[1, 1], group=group))
        bn = [tensor(f"{name}.bn.{p}") for p in ("scale", "bias", "mean", "var")]
        nodes.append(helper.make_node("BatchNormalization", [name + ".out"] + bn, [name + ".bn.out"], name + ".bn",
                                      epsilon=BN_EPS))
        for t in ("7to5", "5to3"):
            if f"{name}.transform_{t}" in tensors:
                tensor(f"{name}.transform_{t}")
        if act == "relu6":
            nodes.append(helper.make_node("Clip", [name + ".bn.out", "relu6.min", "relu6.max"], [name + ".act.out"],
                                          name + ".act"))
        elif act == "relu":
            nodes.append(helper.make_node("Relu", [name + ".bn.out"], [name + ".act.out"], name + ".act"))
        return name + (".act.out" if act else ".bn.out")

    for l in space.layers:
        name = l["name"]
        if l["kind"] == "conv":
            x = add_conv(x, name)
        elif l["kind"] == "stage":
            for b in range(max(l["depths"])):
                n, y = f"{name}.{b}", x
                for part in ("expand", "depthwise", "project"):
                    if f"{n}.{part}" in conv:
                        y = add_conv(y, f"{n}.{part}")
                if b > 0:
                    nodes.append(helper.make_node("Add", [x, y], [n + ".add.out"], n + ".add"))
                    y = n + ".add.out"
                x = y
        elif l["kind"] == "pool":
            nodes.append(helper.make_node("GlobalAveragePool", [x], [name + ".out"], name))
            nodes.append(helper.make_node("Flatten", [name + ".out"], ["flatten.out"], "flatten", axis=1))
            x = "flatten.out"
        elif l["kind"] == "linear":
            nodes.append(helper.make_node("Gemm", [x, tensor(name + ".weight"), tensor(name + ".bias")], ["logits"], name,
                                          alpha=1.0, beta=1.0, transB=1))
    graph = helper.make_graph(
        nodes, space.spec["name"], [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, r, r])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, space.spec["classes"]])], inits)
    model = helper.make_model(graph, producer_name="mcunet nas/train", opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    meta = {"mcunet.supernet": space.json(),
            "mcunet.preprocess": json.dumps({"schema": 1, "resize": "squash", "mean": [0.5] * 3, "std": [0.5] * 3},
                                            separators=(",", ":"))}
    if class_names:
        meta["mcunet.classes"] = json.dumps(class_names, separators=(",", ":"))
    for k, v in meta.items():
        p = model.metadata_props.add()
        p.key, p.value = k, v
    onnx.checker.check_model(model, full_check=True)
    return model


def write(path, space, tensors, class_names=None):
    data = build(space, tensors, class_names).SerializeToString(deterministic=True)
    with open(path + ".tmp", "wb") as f:
        f.write(data)
    os.replace(path + ".tmp", path)
    return len(data)


def read(path):
    """(the "mcunet.supernet" of a file, its tensors by name)"""
    model = onnx.load(path)
    meta = {p.key: p.value for p in model.metadata_props}
    return json.loads(meta["mcunet.supernet"]), {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
