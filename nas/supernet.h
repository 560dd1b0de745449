/*
 * supernet.h - a weight-sharing supernet: the largest network, from which any subnet is cut.
 *
 * File format. A supernet is one plain ONNX file (it opens in Netron) holding the LARGEST network:
 * the largest width, every stage at its largest depth, every block at its largest kernel and
 * expand ratio, BatchNormalization kept as nodes (never folded). What is elastic is JSON in
 * metadata_props["mcunet.supernet"]:
 *
 *   {
 *     "schema": 1,
 *     "name": "imagenet64",
 *     "classes": 200,
 *     "resolutions": [48, 64, 80, 96],            ascending; input is (r, r, 3)
 *     "widths": [0.5, 0.75, 1.0],                 ascending labels; the INDEX selects from "channels"
 *     "layers": [                                 in execution order
 *       {"name": "stem", "kind": "conv", "kernel": 3, "stride": 2, "channels": [8, 16, 16], "act": "relu6"},
 *       {"name": "first",  "kind": "stage", "stride": 1, "channels": [8, 16, 16], "depths": [1],
 *                          "kernels": [3], "expands": [1], "act": "relu6"},
 *       {"name": "stage1", "kind": "stage", "stride": 2, "channels": [16, 16, 24], "depths": [1, 2, 3],
 *                          "kernels": [3, 5, 7], "expands": [3, 4, 6], "act": "relu6"},
 *       ...
 *       {"name": "head", "kind": "conv", "kernel": 1, "stride": 1, "channels": [160, 240, 320],
 *                          "act": "relu6"},
 *       {"name": "pool",   "kind": "pool"},       global average
 *       {"name": "classifier", "kind": "linear"}
 *     ]
 *   }
 *
 * "channels" has one entry per width. "act" is "relu", "relu6" or "hswish". Optional per stage:
 * "se": true (squeeze-excite between depthwise and project, mid = make_divisible(mid/4, 8), ReLU and
 * hard-sigmoid). Optional per layer: "bn_eps" is not repeated here, it is the node's attribute.
 *
 * A stage is a run of inverted-residual blocks: expand 1x1 -> depthwise k x k -> project 1x1 (linear).
 * Block 0 carries the stride and the channel change and never has a residual; blocks >= 1 have stride 1
 * and always have one. expand ratio 1 means: no expand convolution. mid = make_divisible(in * e, 8), where
 * make_divisible(v, 8) = max(8, floor(v + 4) / 8 * 8), raised by 8 when below 0.9 v. Padding is k / 2 on all
 * sides. A stage of expands [1] has mid = in; 1 is not mixed with larger ratios. Squeeze-excite is x *
 * hard_sigmoid(expand(relu(reduce(mean(x))))) with hard_sigmoid(v) = clip(v / 6 + 1/2, 0, 1).
 *
 * Names. Block b of stage S has the convolution nodes "S.b.expand", "S.b.depthwise", "S.b.project";
 * a conv layer L has the node "L"; the classifier node is "classifier" (Gemm, transB = 1). For a convolution
 * node N the weight initializer is "N.weight" (OIHW), its BatchNormalization node is "N.bn" with initializers
 * "N.bn.scale", "N.bn.bias", "N.bn.mean", "N.bn.var". The classifier has "classifier.weight" (classes, c) and
 * "classifier.bias". SE convolutions are "S.b.se.reduce" and "S.b.se.expand" with ".weight" and ".bias".
 * Graph input "input" (1, 3, R, R) with R the largest resolution; graph output "logits" (1, classes).
 *
 * Cutting a subnet. Width: first channels[w] channels of every tensor. Depth d: the first d blocks of a
 * stage. Expand e: the first mid channels of the largest mid. Kernel: initializers
 * "S.b.depthwise.transform_7to5" (25, 25) and "S.b.depthwise.transform_5to3" (9, 9), when present, shared
 * over channels: crop the 7x7 to its centre 5x5, flatten row-major to v (25), v' = v . M^T  (v'[i] = sum_j
 * v[j] M[i][j], as torch.nn.functional.linear does); the 3x3 is cut from that 5x5 likewise. Absent
 * initializers mean plain centre crop. BN parameters are sliced with their channels; BN mean and variance
 * MUST then be re-estimated (supernet_reestimate_bn): the statistics in the file belong to the largest
 * network only.
 *
 * metadata_props["mcunet.preprocess"] describes the input transform (see datasets/preprocess.h):
 *   {"schema": 1, "resize": "squash" | "short_crop", "crop_ratio": 0.875, "mean": [0.5, 0.5, 0.5],
 *    "std": [0.5, 0.5, 0.5]}      x = (pixel / 255 - mean) / std, RGB
 *   "squash": resize to (r, r). "short_crop": short side to int(r / crop_ratio), centre-crop r.
 * metadata_props["mcunet.classes"] is a JSON array of class names in label order (optional).
 *
 * Sources: Once-for-All (arXiv 1908.09791), MCUNet (arXiv 2007.10319).
 */
#ifndef NAS_SUPERNET_H
#define NAS_SUPERNET_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct model;
struct subnet;

enum {
    SUPERNET_MAX_LAYERS = 24,
    SUPERNET_MAX_WIDTHS = 9,
    SUPERNET_MAX_CHOICES = 12,
    SUPERNET_MAX_KERNEL = 11
};

enum layer_kind { LAYER_CONV, LAYER_STAGE, LAYER_POOL, LAYER_LINEAR };

struct choices {
    int n;
    int value[SUPERNET_MAX_CHOICES]; /* ascending */
};

static inline int choices_max(const struct choices *choices)
{
    return choices->value[choices->n - 1];
}

bool choices_have(const struct choices *choices, int value);

struct supernet_layer {
    const char *name;
    enum layer_kind kind;
    int kernel, stride; /* conv; stage: stride of block 0 */
    int channels[SUPERNET_MAX_WIDTHS];
    struct choices depths, kernels, expands; /* stage */
    int act;                                 /* enum activation; with act_max 6, inf */
    float act_max;
    bool se;
};

struct supernet {
    const char *name;
    int classes;
    struct choices resolutions;
    double widths[SUPERNET_MAX_WIDTHS];
    int n_widths;
    struct supernet_layer layers[SUPERNET_MAX_LAYERS];
    int n_layers, n_stages;
    const struct model *model;  /* the largest network, BN as nodes; NULL when parsed from JSON alone */
    const char *sha256;         /* of the file, "" when parsed from JSON alone */
    const int *tensors_by_name; /* ids of model's tensors in the order of their names */
};

/* Largest feature map of the largest network, in elements: what keeps every plan within int32. */
enum { SUPERNET_MAX_MAP = 1 << 26 };

/* The JSON description alone: enough for subnets, skeletons and space optimization. `where` is named in
 * messages. */
int supernet_parse(struct supernet *out, const char *json, const char *where, struct arena *arena);

/* One inverted-residual block of a subnet. */
struct block_shape {
    int in, mid, out; /* channels */
    int kernel, stride;
    int se_mid;  /* 0: no squeeze-excite */
    bool expand; /* has the expand convolution */
    bool residual;
};

/* Block b of layer `layer`, the stage'th stage; in: channels of the block's input. */
struct block_shape supernet_block(const struct supernet *supernet, const struct subnet *subnet, int layer,
                                  int stage, int b, int in);
/* max(8, floor(v + 4) / 8 * 8), raised by 8 when below 0.9 v. */
int make_divisible(int v);

/* Reads and validates: every name the spec demands exists with the right shape, BN present (error_input says
 * which is missing). */
int supernet_read(struct supernet **out, const char *path, struct arena *arena);
/* The same of a model that was read or made otherwise; it is kept, and sha256 stays "". */
int supernet_from_model(struct supernet **out, const struct model *model, const char *where,
                        struct arena *arena);

/* The subnet as a float model, BatchNormalization kept, weights sliced (and kernels transformed), all copied
 * into the arena; input (1, r, r, 3). Its BN statistics are NOT valid until supernet_reestimate_bn. Metadata:
 * the supernet's mcunet.preprocess and mcunet.classes, and mcunet.subnet (its text). */
int supernet_extract(struct model **out, const struct supernet *supernet, const struct subnet *subnet,
                     struct arena *arena);

/* The same network as after extraction, BN folding and fusion, but shape-only: what space and search plan
 * with. Fast (tens of microseconds). */
int supernet_skeleton(struct model **out, const struct supernet *supernet, const struct subnet *subnet,
                      struct arena *arena);

/* Replaces mean and variance of every BN by the averages of batch means and unbiased batch variances over the
 * given images (n x r x r x 3 floats), forwarding on batch statistics as OFA does. Batches are of
 * SUPERNET_BN_BATCH images, or of all n when there are fewer; images after the last whole batch are left out.
 * n >= 2. Deterministic for any thread count (0: all). */
enum { SUPERNET_BN_BATCH = 64 };

int supernet_reestimate_bn(struct model *model, const float *images, int n, int threads);

#endif
