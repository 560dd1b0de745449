#!/usr/bin/env python3
"""Self-test of the supernet trainer on random images: a few steps of both phases, export, and resume.

Exit 0 passed, 1 failed, 77 skipped (no PyTorch: it is needed for training only).
"""
import contextlib
import copy
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
    import torch
    import torch.nn.functional as F
    from PIL import Image
except ImportError as e:
    print(f"test_train: skipped: {e} (install python3-torch python3-onnx python3-numpy python3-pil)")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import data  # noqa: E402
from model import Depthwise, Relu6, Space, Supernet, make_divisible  # noqa: E402

STAGE = {"kind": "stage", "depths": [1, 2], "kernels": [3, 5, 7], "expands": [3, 4, 6], "act": "relu6"}
CONFIG = {
    "supernet": {
        "schema": 1, "name": "tiny", "classes": 3, "resolutions": [16, 24], "widths": [0.5, 1.0],
        "layers": [
            {"name": "stem", "kind": "conv", "kernel": 3, "stride": 2, "channels": [8, 16], "act": "relu6"},
            {"name": "first", "kind": "stage", "stride": 1, "channels": [8, 16], "depths": [1], "kernels": [3], "expands": [1], "act": "relu6"},
            dict(STAGE, name="stage1", stride=2, channels=[8, 16]),
            dict(STAGE, name="stage2", stride=1, channels=[16, 24]),
            {"name": "head", "kind": "conv", "kernel": 1, "stride": 1, "channels": [24, 32], "act": "relu6"},
            {"name": "pool", "kind": "pool"}, {"name": "classifier", "kind": "linear"}]},
    "image_size": 24, "batch": 8, "momentum": 0.9, "weight_decay": 1e-4, "label_smoothing": 0.1, "clip": 5.0,
    "augment": {},
    "phases": [
        {"name": "largest", "epochs": 0.5, "lr": 0.05, "lr_end": 0.01, "steps": [{"until": 0.5, "kernel": 3, "resolutions": [16]}]},
        {"name": "supernet", "epochs": 0.5, "lr": 0.02, "lr_end": 0.0, "random": 1, "sort": True, "distill": 1.0, "hard": 0.3}]}


def check(ok, what):
    if not ok:
        print(f"test_train: FAILED: {what}")
        sys.exit(1)
    print(f"test_train: ok: {what}")


def run_onnx(path, x):
    """The graph, node by node: an evaluator that shares nothing with model.py."""
    m = onnx.load(path)
    onnx.checker.check_model(m, full_check=True)
    v = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in m.graph.initializer}
    v["input"] = x
    for n in m.graph.node:
        a = {p.name: onnx.helper.get_attribute_value(p) for p in n.attribute}
        i = [v[name] for name in n.input]
        if n.op_type == "Conv":
            y = F.conv2d(i[0], i[1], None, a["strides"], a["pads"][:2], a["dilations"], a["group"])
        elif n.op_type == "BatchNormalization":
            s = i[1] / torch.sqrt(i[4] + a["epsilon"])
            y = i[0] * s.view(1, -1, 1, 1) + (i[2] - i[3] * s).view(1, -1, 1, 1)
        elif n.op_type == "Clip":
            y = torch.minimum(torch.maximum(i[0], i[1]), i[2])
        elif n.op_type == "Add":
            y = i[0] + i[1]
        elif n.op_type == "GlobalAveragePool":
            y = i[0].mean((2, 3), keepdim=True)
        elif n.op_type == "Flatten":
            y = i[0].flatten(1)
        else:
            check(n.op_type == "Gemm" and a["transB"] == 1, f"node {n.name} is one of the expected kinds")
            y = F.linear(i[0], i[1], i[2])
        v[n.output[0]] = y
    return v["logits"], m, v


def train(folder, config, images, *more):
    cmd = [sys.executable, os.path.join(HERE, "train.py"), "--config", config, "--train", images, "--val", images, "--work",
           folder, "-o", os.path.join(folder, "out.onnx"), "--threads", "1", "--cpu", "--eval-every", "0", "--log-every", "1", *more]
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(p.returncode == 0, f"train.py {' '.join(more) or 'to the end'}" + (f"\n{p.stdout}" if p.returncode else ""))
    return p.stdout


def test_operators():
    torch.manual_seed(0)
    for k in (3, 5, 7):
        for s in (1, 2):
            x = torch.randn(2, 8, 9, 9).contiguous(memory_format=torch.channels_last).requires_grad_()
            w = torch.randn(8, 1, k, k, requires_grad=True)
            y = F.conv2d(x, w, None, s, k // 2, 1, 8)
            g = torch.randn_like(y)
            want = torch.autograd.grad(y, (x, w), g)
            got = torch.autograd.grad(Depthwise.apply(x, w, s), (x, w), g)
            check(all(torch.allclose(a, b, atol=1e-4) for a, b in zip(want, got)), f"depthwise {k}x{k} stride {s} gradients")
    x = (torch.randn(4, 8, 5, 5) * 5).requires_grad_()
    Relu6.apply(x).sum().backward()
    check(bool((x.grad == ((x > 0) & (x < 6))).all()), "relu6 gradient")
    check([make_divisible(v) for v in (3, 12, 18, 23.9, 24)] == [8, 16, 24, 24, 24], "make_divisible")


def test_sort():
    space = Space(CONFIG["supernet"])
    model = Supernet(space, 3)
    with torch.no_grad():
        for n, p in model.params.items():
            if "bn" in n:
                p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(len(n))))
    x = torch.randn(4, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    before = model(x, space.largest())
    moves = model.sort_channels()
    check(torch.allclose(before, model(x, space.largest()), atol=1e-5) and len(moves) > 0,
          "sorting channels leaves the largest network as it was")


def main():
    test_operators()
    test_sort()
    with tempfile.TemporaryDirectory() as tmp:
        rng, images = np.random.default_rng(0), os.path.join(tmp, "images")
        for c in range(3):
            os.makedirs(os.path.join(images, f"class{c}"))
            for i in range(11):
                Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8)).save(os.path.join(images, f"class{c}", f"{i}.png"))
        config = os.path.join(tmp, "config.json")
        with open(config, "w") as f:
            json.dump(CONFIG, f)
        a, b = os.path.join(tmp, "a"), os.path.join(tmp, "b")
        train(a, config, images)
        for stop in ("1", "3"):  # inside the first phase, inside the second
            train(b, config, images, "--stop-at", stop)
        log = train(b, config, images)
        check("resumed at step 3" in log, "resume starts where the checkpoint was written")
        read = lambda d: open(os.path.join(d, "out.onnx"), "rb").read()
        check(read(a) == read(b), "interrupted and uninterrupted training write the same bytes")

        check(data.search_cut(50, 6, 8, 3) == [3, 22, 44, 17, 31, 24]
              and data.search_cut(100000, 5, 2000, 1) == [5958, 93809, 59097, 74666, 80944],
              "the cut that is held out is the one that datasets/dataset.c makes for the search")
        log = train(os.path.join(tmp, "held"), config, images, "--hold-out", "6", "--hold-out-calibration", "4")
        total = int(log.split("images held out")[1].split("data: ")[1].split()[0])
        check(total == sum(len(f) for _, _, f in os.walk(images)) - 6, "--hold-out trains on the rest")

        more = dict(CONFIG, phases=[dict(CONFIG["phases"][1], epochs=0.25, lr=0.0)])
        with open(os.path.join(tmp, "more.json"), "w") as f:
            json.dump(more, f)
        c = os.path.join(tmp, "c")
        log = train(c, os.path.join(tmp, "more.json"), images, "--init", os.path.join(a, "out.onnx"))
        check("started from out.onnx" in log and read(a) == read(c), "--init with a learning rate of zero changes nothing")

        x = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1
        logits, m, tensors = run_onnx(os.path.join(a, "out.onnx"), x)
        meta = {p.key: json.loads(p.value) for p in m.metadata_props}
        check(meta["mcunet.supernet"] == CONFIG["supernet"] and meta["mcunet.classes"] == ["class0", "class1", "class2"]
              and meta["mcunet.preprocess"]["resize"] == "squash", "metadata")
        space = Space(copy.deepcopy(CONFIG["supernet"]))
        model = Supernet(space)
        want = model.initializers()
        check(set(want) | {"relu6.min", "relu6.max"} == {t.name for t in m.graph.initializer}, "initializer names")
        with torch.no_grad():
            for n, t in want.items():
                t.copy_(tensors[n])
            stats = {n: (tensors[n + ".bn.mean"], tensors[n + ".bn.var"]) for n, *_ in space.walk()}
            check(torch.allclose(model(x, space.largest(), stats), logits, atol=1e-4), "exported graph gives the model's logits")
            small = model(x, space.smallest())
            check(small.shape == (2, 3) and bool(torch.isfinite(small).all()), "smallest subnet runs")
        check(os.path.basename(tmp).encode() not in read(a), "no path in the file")
    print("test_train: passed")


if __name__ == "__main__":
    main()
