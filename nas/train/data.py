"""Labelled images as one uint8 array in memory, the cut that a search measures on, and the augmentation of a batch."""
import io
import os
import re
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm")


def decode(raw, size):
    """RGB, squashed to size x size."""
    im = Image.open(io.BytesIO(raw)).convert("RGB")
    return np.asarray(im if im.size == (size, size) else im.resize((size, size), Image.BILINEAR))


def list_folder(root):
    """A folder per class; labels are the sorted folder names. `mcunet datasets export` numbers them: "3_cup" is named "cup"."""
    names = sorted(d for d in os.listdir(root) if os.path.isdir(os.path.join(root, d)))
    if not names:
        raise SystemExit(f"error: {root}: expected one folder per class")
    items = []
    for label, name in enumerate(names):
        for f in sorted(os.listdir(os.path.join(root, name))):
            if f.lower().endswith(IMAGE_SUFFIXES):
                items.append((os.path.join(root, name, f), label))
    if all(re.fullmatch(rf"0*{i}_.+", n) for i, n in enumerate(names)):
        names = [n.split("_", 1)[1] for n in names]
    return items, names


def read_folder(root, size):
    items, names = list_folder(root)
    out = np.empty((len(items), size, size, 3), np.uint8)
    for i, (path, _) in enumerate(items):
        with open(path, "rb") as f:
            out[i] = decode(f.read(), size)
    return out, np.array([l for _, l in items], np.int64), names


def read_tiny_imagenet(path, split, size):
    with zipfile.ZipFile(path) as z:
        top = next(n for n in z.namelist() if n.endswith("wnids.txt"))[:-len("wnids.txt")]
        wnids = sorted(z.read(top + "wnids.txt").decode().split())
        words = dict(l.split("\t", 1) for l in z.read(top + "words.txt").decode().splitlines() if "\t" in l)
        index = {w: i for i, w in enumerate(wnids)}
        if split == "val":
            rows = [l.split("\t")[:2] for l in z.read(top + "val/val_annotations.txt").decode().splitlines() if l]
            items = [(f"{top}val/images/{f}", index[w]) for f, w in rows]
        else:
            items = sorted((n, index[n[len(top):].split("/")[1]]) for n in z.namelist()
                           if n.startswith(top + "train/") and n.endswith(".JPEG"))
        out = np.empty((len(items), size, size, 3), np.uint8)
        for i, (n, _) in enumerate(items):
            out[i] = decode(z.read(n), size)
    names = [words.get(w, w).split(",")[0].strip() for w in wnids]
    return out, np.array([l for _, l in items], np.int64), names


def read_cifar(paths, size):
    """Records of a label byte and 3072 bytes (CIFAR-10); a file, or the .bin files of a folder."""
    files = [paths] if os.path.isfile(paths) else sorted(
        os.path.join(paths, f) for f in os.listdir(paths) if f.endswith(".bin"))
    raw = np.concatenate([np.fromfile(f, np.uint8) for f in files]).reshape(-1, 3073)
    images = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    if size != 32:
        images = np.stack([np.asarray(Image.fromarray(i).resize((size, size), Image.BILINEAR)) for i in images])
    labels = raw[:, 0].astype(np.int64)
    return np.ascontiguousarray(images), labels, [str(i) for i in range(int(labels.max()) + 1)]


def load(path, split, size, cache=None):
    """(images NHWC uint8, labels int64, class names) of a Tiny-ImageNet zip, CIFAR records or a folder per class."""
    key = cache and os.path.join(cache, f"{os.path.basename(os.path.normpath(path))}.{split}.{size}.npz")
    if key and os.path.exists(key):
        z = np.load(key)
        images, labels, names = z["images"], z["labels"], [str(n) for n in z["names"]]
    else:
        if path.endswith(".zip"):
            images, labels, names = read_tiny_imagenet(path, split, size)
        elif path.endswith(".bin") or (os.path.isdir(path) and any(f.endswith(".bin") for f in os.listdir(path))):
            images, labels, names = read_cifar(path, size)
        else:
            images, labels, names = read_folder(path, size)
        if key:
            os.makedirs(cache, exist_ok=True)
            with open(key + ".tmp", "wb") as f:
                np.savez(f, images=images, labels=labels, names=np.array(names))
            os.replace(key + ".tmp", key)
    return torch.from_numpy(images), torch.from_numpy(labels), names


M64 = (1 << 64) - 1


def rotate_left(x, k):
    return (x << k | x >> (64 - k)) & M64


def splitmix64(state):
    state = (state + 0x9E3779B97F4A7C15) & M64
    z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & M64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M64
    return state, z ^ z >> 31


def shuffled(n, seed, stream):
    """0..n-1 in the order of base/rng.h: rng_shuffle() with rng_stream(seed, stream)."""
    word = splitmix64(seed)[1] ^ rotate_left(splitmix64(stream ^ 0x6A09E667F3BCC909)[1], 32)
    s = []
    for _ in range(4):
        word, z = splitmix64(word)
        s.append(z)

    def draw(below):
        while True:
            value = rotate_left(s[1] * 5 & M64, 7) * 9 & M64
            t = s[1] << 17 & M64
            s[2] ^= s[0]
            s[3] ^= s[1]
            s[1] ^= s[2]
            s[0] ^= s[3]
            s[2] ^= t
            s[3] = rotate_left(s[3], 45)
            product = (value >> 32) * below
            if product & 0xFFFFFFFF >= (1 << 32) % below:
                return product >> 32

    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = draw(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def search_cut(n, images, calibration, seed):
    """Indices of the training images on which `mcunet search` measures accuracies (datasets/dataset.h, SPLIT_SEARCH)."""
    if calibration + images > n:
        raise SystemExit(f"error: calibration and search need {calibration} + {images} images, there are {n}")
    return shuffled(n, seed, 1)[calibration:calibration + images]


def to_input(images, resolution, dtype=torch.float32):
    """uint8 NHWC -> (x / 255 - 0.5) / 0.5, squashed to the resolution (bilinear with antialias), channels_last."""
    x = images.permute(0, 3, 1, 2).float()
    if x.shape[-1] != resolution:
        x = F.interpolate(x, (resolution, resolution), mode="bilinear", antialias=True, align_corners=False)
    return (x / 127.5 - 1).to(dtype).contiguous(memory_format=torch.channels_last)


def augment(images, resolution, rng, cfg, dtype=torch.float32):
    """Random zoom, shift and flip in one resampling step, then brightness, contrast and colour jitter."""
    n, size = images.shape[0], images.shape[1]
    dev = images.device
    u = lambda *shape: torch.rand(*shape, generator=rng).to(dev) * 2 - 1
    x = images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    lo, hi = cfg.get("zoom", [0.65, 1.1])  # side of the crop, as a share of the image's
    scale = (lo + hi) / 2 + (hi - lo) / 2 * u(n)
    aspect = torch.exp(cfg.get("aspect", 0.15) * u(n))
    sx, sy = scale * aspect, scale / aspect
    room = cfg.get("shift", 0.1)
    theta = torch.zeros(n, 2, 3, device=dev)
    theta[:, 0, 0] = sx * (torch.sign(u(n)) if cfg.get("flip", True) else 1)
    theta[:, 1, 1] = sy
    theta[:, 0, 2] = u(n) * ((1 - sx).abs() + room)
    theta[:, 1, 2] = u(n) * ((1 - sy).abs() + room)
    grid = F.affine_grid(theta, (n, 3, size, size), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if resolution != size:
        x = F.interpolate(x, (resolution, resolution), mode="bilinear", antialias=True, align_corners=False)
    j = cfg.get("jitter", 0.2)
    gain = (1 + j * u(n, 1, 1, 1)) * (1 + j / 4 * u(n, 3, 1, 1))
    x = x * gain + j * u(n, 1, 1, 1)
    return x.clamp_(-1, 1).to(dtype).contiguous(memory_format=torch.channels_last)
