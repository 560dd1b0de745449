/*
 * supernet_read.c - a supernet file, taken in only when everything that its description promises is there.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "nas/supernet_parts.h"

struct reader {
    const struct supernet *supernet;
    const char *path;
    struct arena *arena; /* for messages and copies that are dropped afterwards */
};

/* The constant, present, of the given shape and finite; sets *found. */
static int check_constant(const struct reader *r, const char *name, const char *suffix, struct shape shape,
                          const struct tensor **found)
{
    const struct tensor *tensor = supernet_constant(r->supernet, name, suffix);
    if (!tensor)
        return error_input("%s: no initializer '%s%s'", r->path, name, suffix);
    if (!shape_equal(&tensor->shape, &shape))
        return error_input("%s: initializer '%s' is %s, its description asks for %s (n, h, w, c)", r->path,
                           tensor->name, shape_text(&tensor->shape, r->arena), shape_text(&shape, r->arena));
    int64_t n = shape_elements(&shape);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(tensor->data[i]))
            return error_input("%s: initializer '%s' has a value that is not finite", r->path, tensor->name);
    *found = tensor;
    return 0;
}

static bool reads(const struct reader *r, const struct node *node, int input, const struct tensor *tensor)
{
    return input < node->n_inputs && &r->supernet->model->tensors[node->inputs[input]] == tensor;
}

static int check_batch_norm(const struct reader *r, const char *name, const struct node *conv, int channels)
{
    const struct node *node = supernet_node(r->supernet, name, ".bn");
    if (!node || node->op != OP_BATCH_NORM)
        return error_input("%s: node '%s' has no BatchNormalization '%s.bn': a supernet keeps them as nodes, "
                           "since each subnet needs its own "
                           "statistics",
                           r->path, name, name);
    if (node->inputs[0] != conv->output)
        return error_input("%s: node '%s.bn' does not read the output of '%s'", r->path, name, name);
    static const char *const suffixes[] = {".bn.scale", ".bn.bias", ".bn.mean", ".bn.var"};
    for (int i = 0; i < 4; i++) {
        const struct tensor *tensor;
        int rc = check_constant(r, name, suffixes[i], shape_of(1, channels), &tensor);
        if (rc)
            return rc;
        if (!reads(r, node, i + 1, tensor))
            return error_input("%s: node '%s.bn' does not read '%s'", r->path, name, tensor->name);
        for (int c = 0; i == 3 && c < channels; c++)
            if (tensor->data[c] < 0)
                return error_input("%s: initializer '%s' has a negative variance", r->path, tensor->name);
    }
    return 0;
}

/* Node `name` with its weights (out, k, k, in), and its BatchNormalization or bias. */
static int check_conv(const struct reader *r, const char *name, int in, int out, int k, bool batch_norm)
{
    const struct node *node = supernet_node(r->supernet, name, "");
    if (!node || node->op != OP_CONV)
        return error_input("%s: no Conv node '%s'", r->path, name);
    const struct tensor *tensor;
    int rc = check_constant(r, name, ".weight", shape_of(4, out, k, k, in), &tensor);
    if (rc)
        return rc;
    if (!reads(r, node, 1, tensor))
        return error_input("%s: node '%s' does not read '%s'", r->path, name, tensor->name);
    if (batch_norm && node->n_inputs > 2)
        return error_input("%s: node '%s' has a bias: was its BatchNormalization folded? A supernet keeps it "
                           "as node '%s.bn'",
                           r->path, name, name);
    if (batch_norm)
        return check_batch_norm(r, name, node, out);
    rc = check_constant(r, name, ".bias", shape_of(1, out), &tensor);
    if (!rc && !reads(r, node, 2, tensor))
        return error_input("%s: node '%s' does not read '%s'", r->path, name, tensor->name);
    return rc;
}

static int check_transforms(const struct reader *r, const char *name, const struct supernet_layer *layer)
{
    for (int k = choices_max(&layer->kernels); k > layer->kernels.value[0]; k -= 2) {
        char suffix[64];
        snprintf(suffix, sizeof suffix, ".transform_%dto%d", k, k - 2);
        int n = (k - 2) * (k - 2);
        const struct tensor *tensor;
        if (!supernet_constant(r->supernet, name, suffix))
            continue;
        int rc = check_constant(r, name, suffix, shape_of(2, n, n), &tensor);
        if (rc)
            return rc;
    }
    return 0;
}

static int check_block(const struct reader *r, const char *name, const struct supernet_layer *layer,
                       const struct block_shape *block)
{
    const char *depthwise = arena_printf(r->arena, "%s.depthwise", name);
    int rc = 0;
    if (block->expand)
        rc = check_conv(r, arena_printf(r->arena, "%s.expand", name), block->in, block->mid, 1, true);
    if (!rc)
        rc = check_conv(r, depthwise, 1, block->mid, block->kernel, true);
    if (!rc)
        rc = check_transforms(r, depthwise, layer);
    if (!rc && block->se_mid)
        rc = check_conv(r, arena_printf(r->arena, "%s.se.reduce", name), block->mid, block->se_mid, 1, false);
    if (!rc && block->se_mid)
        rc = check_conv(r, arena_printf(r->arena, "%s.se.expand", name), block->se_mid, block->mid, 1, false);
    if (!rc)
        rc = check_conv(r, arena_printf(r->arena, "%s.project", name), block->mid, block->out, 1, true);
    return rc;
}

static int check_classifier(const struct reader *r, int in)
{
    const struct node *node = supernet_node(r->supernet, "classifier", "");
    if (!node || node->op != OP_GEMM)
        return error_input("%s: no Gemm node 'classifier'", r->path);
    const struct tensor *weights, *bias;
    int rc = check_constant(r, "classifier", ".weight", shape_of(2, r->supernet->classes, in), &weights);
    if (!rc)
        rc = check_constant(r, "classifier", ".bias", shape_of(1, r->supernet->classes), &bias);
    if (!rc && (!reads(r, node, 1, weights) || !reads(r, node, 2, bias)))
        return error_input("%s: node 'classifier' does not read 'classifier.weight' and 'classifier.bias'",
                           r->path);
    return rc;
}

static int check_parts(const struct reader *r, const struct subnet *largest)
{
    const struct supernet *supernet = r->supernet;
    int c = 3, stage = 0, rc = 0;
    for (int i = 0; i < supernet->n_layers && !rc; i++) {
        const struct supernet_layer *layer = &supernet->layers[i];
        if (layer->kind == LAYER_CONV) {
            int out = layer->channels[largest->width];
            rc = check_conv(r, layer->name, c, out, layer->kernel, true);
            c = out;
        } else if (layer->kind == LAYER_STAGE) {
            for (int b = 0; b < largest->depth[stage] && !rc; b++) {
                struct block_shape block = supernet_block(supernet, largest, i, stage, b, c);
                rc = check_block(r, arena_printf(r->arena, "%s.%d", layer->name, b), layer, &block);
                c = block.out;
            }
            stage++;
        } else if (layer->kind == LAYER_LINEAR) {
            rc = check_classifier(r, c);
        }
    }
    return rc;
}

/* ---- the graph against its description ----------------------------------------------------------------- */

static bool inputs_equal(const struct model *a, const struct node *x, const struct model *b,
                         const struct node *y)
{
    if (x->n_inputs != y->n_inputs)
        return false;
    for (int i = 0; i < x->n_inputs; i++) {
        const struct tensor *p = &a->tensors[x->inputs[i]], *q = &b->tensors[y->inputs[i]];
        if (p->constant != q->constant || p->producer != q->producer || !shape_equal(&p->shape, &q->shape))
            return false;
    }
    return true;
}

static bool activations_equal(const struct node *x, const struct node *y)
{
    if (x->act == ACT_CLIP)
        return x->act == y->act && x->act_min == y->act_min && x->act_max == y->act_max;
    if (x->act == ACT_HARD_SIGMOID) /* 1/6 as some exporters round it */
        return x->act == y->act && fabsf(x->alpha - y->alpha) < 1e-5f && fabsf(x->beta - y->beta) < 1e-5f;
    return x->act == y->act;
}

static bool nodes_equal(const struct node *x, const struct node *y)
{
    return x->op == y->op && x->group == y->group && memcmp(&x->window, &y->window, sizeof x->window) == 0 &&
           activations_equal(x, y);
}

/*
 * The file's network, ready for inference, must be the description's largest skeleton: same operators,
 * windows, activations and wiring. Both are chains with residuals, so their execution order is unique.
 */
static int check_graph(const struct reader *r, const struct subnet *largest)
{
    struct model *file = model_clone(r->supernet->model, r->arena), *described;
    int rc = passes_for_inference(file);
    if (!rc)
        rc = supernet_skeleton(&described, r->supernet, largest, r->arena);
    if (rc)
        return rc;
    for (int i = 0; i < file->n_nodes && i < described->n_nodes; i++) {
        const struct node *x = &file->nodes[i], *y = &described->nodes[i];
        if (!nodes_equal(x, y) || !inputs_equal(file, x, described, y))
            return error_input("%s: node '%s' (%s) is not the '%s' (%s) of its description: another stride, "
                               "padding, activation, shape or input",
                               r->path, x->name, op_name(x->op), y->name, op_name(y->op));
    }
    if (file->n_nodes != described->n_nodes || file->n_inputs != 1 || file->n_outputs != 1 ||
        file->tensors[file->outputs[0]].producer != described->n_nodes - 1)
        return error_input("%s: the graph has %d operators (fused), %d inputs and %d outputs; its "
                           "description has %d, 1 and 1",
                           r->path, file->n_nodes, file->n_inputs, file->n_outputs, described->n_nodes);
    return 0;
}

/* JSON and model belong together; model is kept. */
static int check(const struct supernet *supernet, const char *path)
{
    struct arena arena = ARENA_INIT;
    struct reader reader = {supernet, path, &arena};
    struct subnet largest;
    subnet_largest(&largest, supernet);
    int rc = check_parts(&reader, &largest);
    if (!rc)
        rc = check_graph(&reader, &largest);
    arena_release(&arena);
    return rc;
}

int supernet_from_model(struct supernet **out, const struct model *model, const char *where,
                        struct arena *arena)
{
    const char *json = model_get_metadata(model, "mcunet.supernet");
    if (!json)
        return error_input("%s: a plain network, not a supernet: no metadata 'mcunet.supernet' says what is "
                           "elastic (and a supernet keeps its "
                           "BatchNormalization)",
                           where);
    struct supernet *supernet = ARENA_NEW(arena, struct supernet);
    int rc = supernet_parse(supernet, json, where, arena);
    if (rc)
        return rc;
    supernet->model = model;
    supernet_index_tensors(supernet, arena);
    rc = check(supernet, where);
    *out = supernet;
    return rc;
}

int supernet_read(struct supernet **out, const char *path, struct arena *arena)
{
    struct model *model;
    struct sha256 sha256;
    int rc = onnx_read(&model, path, arena);
    if (!rc)
        rc = sha256_of_file(&sha256, path);
    if (!rc)
        rc = supernet_from_model(out, model, path, arena);
    if (!rc)
        (*out)->sha256 = arena_strdup(arena, sha256.hex);
    return rc;
}
