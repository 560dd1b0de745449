#!/usr/bin/env python3
"""Train a weight-sharing supernet on labelled images and write supernet.onnx for `mcunet space` and `mcunet search`.

  train.py --config imagenet64.json --train tiny-imagenet-200.zip --val tiny-imagenet-200.zip --work DIR -o supernet.onnx

Two phases, as in the MCUNet paper: the largest network alone; then, with channels sorted by importance, per batch the
largest (hard labels), the smallest and a few random subnets (distilled from the largest) at a random resolution.
Everything random is drawn from (seed, epoch, step): a run killed at any moment goes on from its last checkpoint in
--work and ends with the same weights. See README.md in this folder.
"""
import argparse
import json
import math
import os
import random
import signal
import time

import torch
import torch.nn.functional as F

import data
import export
from model import Space, Supernet, collect_stats


def log(text):
    print(text, flush=True)


def phase_plan(cfg, images):
    """Steps of every phase, and the first global step of each."""
    per_epoch = images // cfg["batch"]
    if per_epoch < 1:
        raise SystemExit(f"error: {images} training images are fewer than one batch of {cfg['batch']}")
    plan, first = [], 0
    for p in cfg["phases"]:
        steps = max(1, round(p["epochs"] * per_epoch))
        plan.append((p, first, steps))
        first += steps
    return plan, per_epoch, first


def learning_rate(p, i, steps):
    warm = min(p.get("warmup", 0), steps // 4)
    if i < warm:
        return p["lr"] * (i + 1) / warm
    t = (i - warm) / max(1, steps - warm)
    return p["lr_end"] + (p["lr"] - p["lr_end"]) * 0.5 * (1 + math.cos(math.pi * t))


def soft_cross_entropy(logits, teacher):
    return -(F.softmax(teacher, 1) * F.log_softmax(logits, 1)).sum(1).mean()


class Trainer:
    def __init__(self, cfg, args):
        self.cfg, self.args = cfg, args
        self.space = Space(cfg["supernet"])
        self.device = torch.device("cuda" if torch.cuda.is_available() and not args.cpu else "cpu")
        self.dtype = torch.bfloat16 if args.bf16 else torch.float32
        self.model = Supernet(self.space, args.seed, grow_kernels=True).to(self.device)
        self.momentum = {n: torch.zeros_like(p) for n, p in self.model.params.items()}
        self.step = 0  # over all phases
        self.sorted = False
        self.stopping = False  # set by SIGINT and SIGTERM: save after the step, then leave

    def load_data(self):
        size, cache = self.cfg["image_size"], self.args.cache
        self.x, self.y, self.names = data.load(self.args.train, "train", size, cache)
        self.vx, self.vy, names = data.load(self.args.val, "val", size, cache)
        if len(self.names) != self.space.spec["classes"] or names != self.names:
            raise SystemExit(f"error: {self.args.train}: {len(self.names)} classes, {self.args.val}: {len(names)}; "
                             f"the configuration says {self.space.spec['classes']}, and both must name the same classes")
        self.hold_out()
        if self.args.limit:
            self.x, self.y = self.x[:self.args.limit], self.y[:self.args.limit]
        log(f"data: {len(self.x)} training and {len(self.vx)} validation images, {len(self.names)} classes, {size}x{size}")

    def hold_out(self):
        """Leave out what a search will measure accuracies on, so that they are not those of learnt images."""
        a = self.args
        if not a.hold_out:
            return
        keep = torch.ones(len(self.x), dtype=torch.bool)
        keep[data.search_cut(len(self.x), a.hold_out, a.hold_out_calibration, a.hold_out_seed)] = False
        self.x, self.y = self.x[keep], self.y[keep]
        log(f"data: {a.hold_out} images held out for the search (calibration {a.hold_out_calibration}, seed {a.hold_out_seed})")

    # -- one step ----------------------------------------------------------------------------------------------

    def batch(self, epoch, i, resolution, rng):
        if getattr(self, "order_epoch", None) != epoch:
            g = torch.Generator().manual_seed(self.args.seed * 1000003 + epoch)
            self.order, self.order_epoch = torch.randperm(len(self.x), generator=g), epoch
        idx = self.order[i * self.cfg["batch"]:(i + 1) * self.cfg["batch"]]
        x = data.augment(self.x[idx].to(self.device), resolution, rng, self.cfg["augment"], self.dtype)
        return x, self.y[idx].to(self.device)

    def train_step(self, p, i, steps, per_epoch):
        """Step `i` of phase `p`; returns the losses of the largest net and of the others' mean."""
        seed = (self.args.seed * 1000003 + self.step) * 2654435761 % (1 << 62)
        rng, draw = torch.Generator().manual_seed(seed), random.Random(seed)
        space, smooth = self.space, self.cfg["label_smoothing"]
        part = next((s for s in p.get("steps", []) if i < s["until"] * steps), {})
        resolution = draw.choice(part.get("resolutions", space.resolutions))
        epoch, k = divmod(self.step, per_epoch)
        x, y = self.batch(epoch, k, resolution, rng)
        if p["name"] == "largest":
            net = space.largest_with_kernel(part["kernel"]) if "kernel" in part else space.largest()
            loss = F.cross_entropy(self.model(x, net), y, label_smoothing=smooth)
            loss.backward()
            losses = (loss.item(), 0.0)
        else:
            logits = self.model(x, space.largest())
            loss = F.cross_entropy(logits, y, label_smoothing=smooth)
            loss.backward()
            teacher, others = logits.detach(), 0.0
            nets = [space.smallest()] + [space.random(draw) for _ in range(p["random"])]
            for net in nets:
                out = self.model(x, net)
                l = p["distill"] * soft_cross_entropy(out, teacher)
                if p.get("hard"):
                    l = l + p["hard"] * F.cross_entropy(out, y, label_smoothing=smooth)
                l.backward()
                others += l.item() / len(nets)
            losses = (loss.item(), others)
        self.update(learning_rate(p, i, steps))
        return losses

    @torch.no_grad()
    def update(self, lr):
        """SGD with Nesterov momentum; weight decay on convolution and classifier weights only."""
        m, wd = self.cfg["momentum"], self.cfg["weight_decay"]
        params = {n: p for n, p in self.model.params.items() if p.grad is not None}
        if self.cfg.get("clip"):
            torch.nn.utils.clip_grad_norm_(list(params.values()), self.cfg["clip"])
        for n, p in params.items():
            g = p.grad
            if n.endswith("weight"):
                g = g.add(p, alpha=wd)
            v = self.momentum[n].mul_(m).add_(g)
            p.sub_(g.add(v, alpha=m), alpha=lr)
            p.grad = None

    # -- evaluation and export ---------------------------------------------------------------------------------

    @torch.no_grad()
    def stats(self, net, resolution, images=2000, batch=100, dtype=None):
        """BatchNorm statistics of a subnet from training images (a fixed draw), without augmentation."""
        g = torch.Generator().manual_seed(12345)
        idx = torch.randperm(len(self.x), generator=g)[:images]
        return collect_stats(self.model, net, (data.to_input(self.x[b].to(self.device), resolution, dtype or self.dtype)
                                               for b in idx.split(batch)))

    @torch.no_grad()
    def accuracy(self, net, resolution, images=None, dtype=None):
        stats, n, right = self.stats(net, resolution, dtype=dtype), 0, 0
        idx = torch.arange(len(self.vx))
        if images and images < len(idx):
            idx = idx[torch.randperm(len(idx), generator=torch.Generator().manual_seed(54321))[:images]]
        for b in idx.split(250):
            out = self.model(data.to_input(self.vx[b].to(self.device), resolution, dtype or self.dtype), net, stats)
            right += int((out.argmax(1).cpu() == self.vy[b]).sum())
            n += len(b)
        return 100.0 * right / n

    def report(self, p, images, part):
        """Accuracies worth watching during a phase."""
        space, out = self.space, {}
        mid = space.resolutions[len(space.resolutions) // 2]
        if p["name"] == "largest":
            net = space.largest_with_kernel(part["kernel"]) if "kernel" in part else space.largest()
            r = part.get("resolutions", [mid])[-1]
            out[f"largest@{r}"] = self.accuracy(net, r, images)
        else:
            out[f"largest@{mid}"] = self.accuracy(space.largest(), mid, images)
            out[f"smallest@{mid}"] = self.accuracy(space.smallest(), mid, images)
            out[f"random@{mid}"] = self.accuracy(space.random(random.Random(7)), mid, images)
        return "  ".join(f"{k} {v:.1f}%" for k, v in out.items())

    def final_report(self):
        space = self.space
        for label, net in (("largest", space.largest()), ("middle", space.uniform(1, 1, 1, 1)),
                           ("smallest", space.smallest())):
            for r in space.resolutions:
                log(f"final: {label} @{r}: top-1 {self.accuracy(net, r, dtype=torch.float32):.2f} % (n = {len(self.vx)})")
        draw = random.Random(1)
        for i in range(4):
            net, r = space.random(draw), draw.choice(space.resolutions)
            log(f"final: random {i} (width {space.widths[net.width]}) @{r}: "
                f"top-1 {self.accuracy(net, r, dtype=torch.float32):.2f} % (n = {len(self.vx)})")

    @torch.no_grad()
    def export(self, path):
        stats = self.stats(self.space.largest(), max(self.space.resolutions), dtype=torch.float32)
        for name, (mean, var) in stats.items():
            self.model[name + ".bn.mean"].copy_(mean)
            self.model[name + ".bn.var"].copy_(var)
        tensors = {n: t.detach().cpu().numpy() for n, t in self.model.initializers().items()}
        size = export.write(path, self.space, tensors, self.names)
        log(f"export: {os.path.basename(path)}, {size} bytes")

    # -- checkpoints -------------------------------------------------------------------------------------------

    def save(self):
        path = os.path.join(self.args.work, "checkpoint.pt")
        torch.save({"params": self.model.state_dict(), "momentum": self.momentum, "step": self.step, "seed": self.args.seed,
                    "sorted": self.sorted, "supernet": self.space.json()}, path + ".tmp")
        with open(path + ".tmp", "rb") as f:
            os.fsync(f.fileno())
        os.replace(path + ".tmp", path)

    def resume(self):
        path = os.path.join(self.args.work, "checkpoint.pt")
        if not os.path.exists(path):
            if self.args.init:
                self.start_from(self.args.init)
            return
        c = torch.load(path, map_location=self.device)
        if c["supernet"] != self.space.json() or c["seed"] != self.args.seed:
            raise SystemExit(f"error: {path}: made with another configuration or seed; give another --work")
        self.model.load_state_dict(c["params"])
        self.momentum, self.step, self.sorted = c["momentum"], c["step"], c["sorted"]
        log(f"resumed at step {self.step}")

    @torch.no_grad()
    def start_from(self, path):
        """Weights of a supernet.onnx of the same architecture; its channels are in order of importance already."""
        spec, tensors = export.read(path)
        if spec != self.space.spec:
            raise SystemExit(f"error: {path}: its mcunet.supernet is not the \"supernet\" of the configuration")
        for name, t in self.model.initializers().items():
            t.copy_(torch.from_numpy(tensors[name].copy()))
        self.sorted = True
        log(f"started from {os.path.basename(path)}")

    def sort(self):
        for name, moves in self.model.sort_channels().items():
            key = self.model.key(name)
            for dim, idx in moves:
                if key in self.momentum:
                    self.momentum[key] = self.momentum[key].index_select(dim, idx)
        self.sorted = True

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self):
        plan, per_epoch, total = phase_plan(self.cfg, len(self.x))
        last_save = mark = time.monotonic()
        mark_step, spent = self.step, []
        for p, first, steps in plan:
            if self.step >= first + steps:
                continue
            log(f"phase {p['name']}: {steps} steps of {self.cfg['batch']} images ({steps / per_epoch:.1f} epochs), seed {self.args.seed}")
            if p.get("sort") and not self.sorted:
                self.sort()
            sums = [0.0, 0.0, 0]
            while self.step < first + steps:
                i = self.step - first
                a, b = self.train_step(p, i, steps, per_epoch)
                if not math.isfinite(a + b):
                    raise SystemExit(f"error: the loss is not finite at step {self.step}; lower the learning rate")
                self.step += 1
                sums = [sums[0] + a, sums[1] + b, sums[2] + 1]
                now = time.monotonic()
                if self.stopping or (self.args.stop_at and self.step >= self.args.stop_at):
                    self.save()
                    log(f"stopped at step {self.step}")
                    return False
                if sums[2] >= self.args.log_every or self.step == first + steps:
                    rate = (self.step - mark_step) / (now - mark)
                    log(f"{p['name']} epoch {self.step / per_epoch:6.2f} step {self.step}/{total}  loss {sums[0] / sums[2]:.3f}"
                        + (f" / {sums[1] / sums[2]:.3f}" if p["name"] != "largest" else "")
                        + f"  lr {learning_rate(p, i, steps):.4f}  {rate * self.cfg['batch']:.0f} img/s"
                        + f"  phase left {(first + steps - self.step) / rate / 60:.0f} min")
                    sums, mark, mark_step = [0.0, 0.0, 0], now, self.step
                epoch_end = self.step % per_epoch == 0 or self.step == first + steps
                if epoch_end and self.args.eval_every and (self.step // per_epoch) % self.args.eval_every == 0:
                    part = next((s for s in p.get("steps", []) if i < s["until"] * steps), {})
                    log(f"{p['name']} epoch {self.step / per_epoch:6.2f}  val {self.report(p, self.args.eval_images, part)}")
                    if self.args.preview:
                        self.export(self.args.preview)
                if epoch_end or now - last_save > 180:
                    self.save()
                    last_save = time.monotonic()
                if epoch_end:
                    mark, mark_step = time.monotonic(), self.step
        return True


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--config", required=True, help="JSON: the supernet and its training schedule")
    ap.add_argument("--train", required=True, help="folder per class, Tiny-ImageNet zip, or CIFAR records")
    ap.add_argument("--val", required=True)
    ap.add_argument("--work", required=True, help="folder for checkpoints")
    ap.add_argument("-o", "--output", required=True, help="supernet.onnx to write")
    ap.add_argument("--cache", help="folder for decoded images, kept between runs")
    ap.add_argument("--init", help="start from the weights of this supernet.onnx instead of random ones")
    ap.add_argument("--preview", help="also write the net of every evaluation here")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=0, help="0: PyTorch's choice")
    ap.add_argument("--bf16", action="store_true", help="activations in bfloat16 (faster on CPUs that have it, and GPUs)")
    ap.add_argument("--cpu", action="store_true", help="even where CUDA is available")
    ap.add_argument("--hold-out", type=int, default=0, metavar="N",
                    help="leave out the N training images that `mcunet search` measures on: N is the recipe's search.images")
    ap.add_argument("--hold-out-calibration", type=int, default=512, metavar="N",
                    help="the larger of the recipe's search.bn_images and quantize.images (default 512)")
    ap.add_argument("--hold-out-seed", type=int, default=1, help="the recipe's seed (default 1)")
    ap.add_argument("--limit", type=int, help="use only the first N training images")
    ap.add_argument("--stop-at", type=int, help="stop after this step, as if interrupted")
    ap.add_argument("--log-every", type=int, default=50)
    ap.add_argument("--eval-every", type=int, default=1, help="epochs between evaluations, 0: none")
    ap.add_argument("--eval-images", type=int, default=2000)
    args = ap.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    with open(args.config) as f:
        cfg = json.load(f)
    os.makedirs(args.work, exist_ok=True)
    t = Trainer(cfg, args)
    t.load_data()
    t.resume()
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, lambda *_: setattr(t, "stopping", True))
    if t.run():
        t.export(args.output)
        if args.eval_every:
            t.final_report()


if __name__ == "__main__":
    main()
