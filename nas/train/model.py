"""The elastic network: one set of shared weights, any subnet of it as a forward pass.

Parameters carry the names they have in supernet.onnx (nas/supernet.h is the specification). The forward pass is
written out as functions over slices of those parameters, so that a subnet costs what its own size costs.
"""
import json
from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F

BN_EPS = 1e-5


def make_divisible(v, d=8):
    n = max(d, int(v + d / 2) // d * d)
    return n + d if n < 0.9 * v else n


@dataclass
class Subnet:
    """One point of the space: width index, blocks kept per stage, (kernel, expand) of every kept block."""
    width: int
    blocks: dict = field(default_factory=dict)  # stage name -> [(kernel, expand), ...]; its length is the depth
    crop: bool = False  # plain centre crop instead of the kernel transforms (phase "largest", while kernels grow)


class Space:
    """The "mcunet.supernet" JSON: what is elastic, and by how much."""

    def __init__(self, spec):
        self.spec = spec
        self.layers = spec["layers"]
        self.stages = [l for l in self.layers if l["kind"] == "stage"]
        self.resolutions = spec["resolutions"]
        self.widths = spec["widths"]
        for l in self.layers:
            if "channels" in l and len(l["channels"]) != len(self.widths):
                raise ValueError(f"layer {l['name']}: 'channels' needs one entry per width ({len(self.widths)})")
            if l.get("se"):
                raise ValueError(f"layer {l['name']}: squeeze-excite is not trained by this script")
            if l.get("act", "relu6") not in ("relu6", "relu"):
                raise ValueError(f"layer {l['name']}: activation '{l['act']}' is not trained by this script")

    def json(self):
        return json.dumps(self.spec, separators=(",", ":"))

    def uniform(self, width, depth, kernel, expand, crop=False):
        """The subnet with the same choice everywhere: index 0 the smallest, -1 the largest of each list."""
        pick = lambda values, i: sorted(values)[min(i, len(values) - 1)]
        blocks = {s["name"]: [(pick(s["kernels"], kernel), pick(s["expands"], expand))] * pick(s["depths"], depth)
                  for s in self.stages}
        return Subnet(width % len(self.widths), blocks, crop)

    def largest(self):
        return self.uniform(-1, -1, -1, -1)

    def smallest(self):
        return self.uniform(0, 0, 0, 0)

    def largest_with_kernel(self, kernel):
        """The largest subnet with kernels cut to at most `kernel`, by centre crop."""
        net = self.largest()
        net.blocks = {n: [(min(k, kernel), e) for k, e in b] for n, b in net.blocks.items()}
        net.crop = True
        return net

    def random(self, rng):
        choose = lambda values: values[rng.randrange(len(values))]
        net = Subnet(rng.randrange(len(self.widths)))
        for s in self.stages:
            net.blocks[s["name"]] = [(choose(s["kernels"]), choose(s["expands"])) for _ in range(choose(s["depths"]))]
        return net

    def walk(self):
        """Every convolution of the largest network: (name, out, in per group, kernel, stride, group, activation)."""
        c = 3
        for l in self.layers:
            if l["kind"] == "conv":
                out = l["channels"][-1]
                yield l["name"], out, c, l["kernel"], l["stride"], 1, l.get("act", "relu6")
                c = out
            elif l["kind"] == "stage":
                act, out, kernel, expand = l.get("act", "relu6"), l["channels"][-1], max(l["kernels"]), max(l["expands"])
                for b in range(max(l["depths"])):
                    n, mid = f"{l['name']}.{b}", c
                    if expand != 1:
                        mid = make_divisible(c * expand)
                        yield n + ".expand", mid, c, 1, 1, 1, act
                    yield n + ".depthwise", mid, 1, kernel, l["stride"] if b == 0 else 1, mid, act
                    yield n + ".project", out, mid, 1, 1, 1, None
                    c = out

    def features(self, width=-1):
        return [l["channels"][width] for l in self.layers if "channels" in l][-1]


class Relu6(torch.autograd.Function):
    """Saves the output only, and its backward has a fast bfloat16 kernel on the CPU."""

    @staticmethod
    def forward(ctx, x):
        y = x.clamp(0, 6)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        y, = ctx.saved_tensors
        below = torch.ops.aten.threshold_backward
        return below(below(g, y, 0), 6 - y, 0)


class Depthwise(torch.autograd.Function):
    """Depthwise convolution whose weight gradient is assembled from 3x3 ones.

    oneDNN has a fast depthwise weight gradient for 3x3 only: 5x5 and 7x7 are ten to sixty times slower, and would
    be half of the training time.
    """

    @staticmethod
    def forward(ctx, x, w, stride):
        ctx.save_for_backward(x, w)
        ctx.stride = stride
        return F.conv2d(x, w, None, stride, w.shape[-1] // 2, 1, w.shape[0])

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        c, k, s = w.shape[0], w.shape[-1], ctx.stride
        p = k // 2
        grad = lambda x, w, p, mask: torch.ops.aten.convolution_backward(
            g, x, w, None, [s, s], [p, p], [1, 1], False, [0, 0], c, mask)
        gx = grad(x, w, p, [True, False, False])[0]
        if k == 3:
            return gx, grad(x, w, p, [False, True, False])[1], None
        xp = F.pad(x, (p, p, p, p))
        h, v = (g.shape[2] - 1) * s + 3, (g.shape[3] - 1) * s + 3
        gw, corner = torch.empty_like(w), w[:, :, :3, :3].contiguous()
        starts = list(range(0, k - 3, 3)) + [k - 3]
        for i in starts:
            for j in starts:
                part = xp[:, :, i:i + h, j:j + v].contiguous(memory_format=torch.channels_last)
                gw[:, :, i:i + 3, j:j + 3] = grad(part, corner, 0, [False, True, False])[1]
        return gx, gw, None


class Supernet(nn.Module):
    def __init__(self, space, seed=0, grow_kernels=False):
        super().__init__()
        self.space = space
        self.params = nn.ParameterDict()  # keys with '/' for '.', which ParameterDict does not take
        rng = torch.Generator().manual_seed(seed)
        for name, out, cin, k, _, group, _ in space.walk():
            w = torch.randn(out, cin, k, k, generator=rng) * (2.0 / (k * k * (out if group == 1 else 1))) ** 0.5
            if grow_kernels and group > 1 and k > 3:  # start as 3x3; the outer taps join when their kernel is used
                w = torch.randn(out, cin, k, k, generator=rng) * (2.0 / 9) ** 0.5
                edge = (k - 3) // 2
                keep = torch.zeros(k, k)
                keep[edge:edge + 3, edge:edge + 3] = 1
                w = w * keep
            self.add(name + ".weight", w)
            self.add(name + ".bn.scale", torch.ones(out))
            self.add(name + ".bn.bias", torch.zeros(out))
            self.register_buffer(self.key(name + ".bn.mean"), torch.zeros(out))
            self.register_buffer(self.key(name + ".bn.var"), torch.ones(out))
            if group > 1:
                for big, small in ((7, 5), (5, 3)):
                    if k >= big and any(small in s["kernels"] for s in space.stages if name.startswith(s["name"] + ".")):
                        self.add(f"{name}.transform_{big}to{small}", torch.eye(small * small))
        c = space.features()
        self.add("classifier.weight", torch.randn(space.spec["classes"], c, generator=rng) * 0.01)
        self.add("classifier.bias", torch.zeros(space.spec["classes"]))

    @staticmethod
    def key(name):
        return name.replace(".", "/")

    def add(self, name, value):
        self.params[self.key(name)] = nn.Parameter(value)

    def __getitem__(self, name):
        key = self.key(name)
        return self.params[key] if key in self.params else getattr(self, key)

    def has(self, name):
        return self.key(name) in self.params

    def initializers(self):
        """Every tensor of the file by its name there, in a fixed order."""
        out = {}
        for name, *_ in self.space.walk():
            for part in (".weight", ".bn.scale", ".bn.bias", ".bn.mean", ".bn.var", ".transform_7to5", ".transform_5to3"):
                if not part.startswith(".transform") or self.has(name + part):
                    out[name + part] = self[name + part]
        out["classifier.weight"], out["classifier.bias"] = self["classifier.weight"], self["classifier.bias"]
        return out

    # -- forward -----------------------------------------------------------------------------------------------

    def kernel(self, name, channels, k, crop):
        w = self[name + ".weight"][:channels]
        while w.shape[-1] > k:
            w = w[:, :, 1:-1, 1:-1]
            t = f"{name}.transform_{w.shape[-1] + 2}to{w.shape[-1]}"
            if not crop and self.has(t):
                w = F.linear(w.flatten(1), self[t]).view(w.shape)
        return w

    def bn(self, x, name, stats):
        """stats: None = batch statistics (training); a dict without the name = the same, and keep them; else use them."""
        n = x.shape[1]
        scale, bias = self[name + ".bn.scale"][:n], self[name + ".bn.bias"][:n]
        if stats is None or name not in stats:
            if stats is not None:
                f = x.float()
                stats.setdefault(None, {})[name] = (f.mean((0, 2, 3)), f.var((0, 2, 3), unbiased=True))
            return F.batch_norm(x, None, None, scale, bias, True, 0.0, BN_EPS)
        mean, var = stats[name]
        return F.batch_norm(x, mean, var, scale, bias, False, 0.0, BN_EPS)

    def act(self, x, kind):
        return x if kind is None else Relu6.apply(x) if kind == "relu6" else F.relu(x)

    def conv(self, x, name, out, stride, act, stats, pad=0):
        w = self[name + ".weight"][:out, :x.shape[1]].to(x.dtype).contiguous(memory_format=torch.channels_last)
        return self.act(self.bn(F.conv2d(x, w, None, stride, pad), name, stats), act)

    def forward(self, x, net, stats=None, limit=None):
        """`stats` see bn(); x is NCHW in channels_last, float32 or bfloat16; logits come back in float32."""
        w = net.width
        for l in self.space.layers:
            act = l.get("act", "relu6")
            if l["kind"] == "conv":
                x = self.conv(x, l["name"], l["channels"][w], l["stride"], act, stats, l["kernel"] // 2)
            elif l["kind"] == "stage":
                for b, (k, e) in enumerate(net.blocks[l["name"]]):
                    name, y, stride = f"{l['name']}.{b}", x, l["stride"] if b == 0 else 1
                    mid = x.shape[1]
                    if max(l["expands"]) != 1:
                        mid = make_divisible(mid * e)
                        y = self.conv(y, name + ".expand", mid, 1, act, stats)
                    dw = self.kernel(name + ".depthwise", mid, k, net.crop).to(y.dtype).contiguous()
                    y = Depthwise.apply(y, dw, stride)
                    y = self.act(self.bn(y, name + ".depthwise", stats), act)
                    y = self.conv(y, name + ".project", l["channels"][w], 1, None, stats)
                    x = x + y if b > 0 else y
            elif l["kind"] == "pool":
                x = x.mean((2, 3)).float()
            elif l["kind"] == "linear":
                x = F.linear(x, self["classifier.weight"][:, :x.shape[1]], self["classifier.bias"])
        return x

    # -- between the phases ------------------------------------------------------------------------------------

    @torch.no_grad()
    def sort_channels(self):
        """Order channels by importance (L1 norm of the weights that read them), so that slices keep the best.

        Returns the permutation of every tensor, for the optimizer's momentum: name -> [(dim, index), ...].
        """
        sp, moves = self.space, {}
        move = lambda name, dim, idx: moves.setdefault(name, []).append((dim, idx))

        def out(conv, idx):
            for part in (".weight", ".bn.scale", ".bn.bias", ".bn.mean", ".bn.var"):
                move(conv + part, 0, idx)

        # groups of convolutions that write one set of channels, and those that read it
        writers, readers, groups = [], [], []
        for l in sp.layers:
            if l["kind"] == "conv":
                if writers:
                    readers.append(l["name"])
                    groups.append((writers, readers))
                writers, readers = [l["name"]], []
            elif l["kind"] == "stage":
                for b in range(max(l["depths"])):
                    n = f"{l['name']}.{b}"
                    if max(l["expands"]) == 1:
                        if b:
                            raise ValueError("a stage of expand 1 must have depth 1")
                        writers.append(n + ".depthwise")
                        readers.append(n + ".project")
                    else:
                        readers.append(n + ".expand")
                        groups.append(([n + ".expand", n + ".depthwise"], [n + ".project"]))
                    if b == 0:
                        groups.append((writers, readers))
                        writers, readers = [], []
                    writers.append(n + ".project")
        groups.append((writers, ["classifier"]))
        for ws, rs in groups:
            score = sum(self[r + ".weight"].abs().flatten(2).sum(-1).sum(0) if self[r + ".weight"].dim() == 4
                        else self[r + ".weight"].abs().sum(0) for r in rs)
            idx = torch.argsort(score, descending=True, stable=True)
            for c in ws:
                out(c, idx)
            for r in rs:
                move(r + ".weight", 1, idx)
        for name, steps in moves.items():
            for dim, idx in steps:
                self[name].data.copy_(self[name].data.index_select(dim, idx))
        return moves


def collect_stats(model, net, batches):
    """BatchNorm mean and variance of a subnet, averaged over batches that run on batch statistics."""
    total, n = {}, 0
    with torch.no_grad():
        for x in batches:
            stats = {}
            model(x, net, stats)
            for name, (m, v) in stats[None].items():
                a = total.setdefault(name, [torch.zeros_like(m), torch.zeros_like(v)])
                a[0] += m
                a[1] += v
            n += 1
    return {name: (m / n, v / n) for name, (m, v) in total.items()}
