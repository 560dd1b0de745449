/*
 * tflite.c - qmodel_from_tflite(): operators in the file's order, each to at most one node.
 */
#include "quant/tflite.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "quant/tflite_import.h"

enum { MAX_SIDE = 32767, MAX_SOFTMAX = 4095 };

bool tflite_import_as_map(const struct shape *shape, int *h, int *w, int *c)
{
    if (shape->rank < 1 || shape->rank > 4 || (shape->rank > 1 && shape->dim[0] != 1))
        return false;
    *h = shape->rank == 4 ? shape->dim[1] : 1;
    *w = shape->rank >= 3 ? shape->dim[shape->rank - 2] : 1;
    *c = shape->dim[shape->rank - 1];
    return *h <= MAX_SIDE && *w <= MAX_SIDE && *c <= MAX_SIDE;
}

/* Axes of a plain map of this rank: N H W C, N W C, N C, C. */
static void plain_axes(enum tflite_axis *axis, int rank)
{
    for (int i = 0; i < rank; i++)
        axis[i] = i == rank - 1 ? AXIS_C : i == 0 ? AXIS_N : rank == 4 && i == 1 ? AXIS_H : AXIS_W;
}

void tflite_import_view_of_map(struct tflite_import *im, int tensor, int qtensor)
{
    im->views[tensor] = (struct tflite_view){.qtensor = qtensor};
    plain_axes(im->views[tensor].axis, im->file->tensors[tensor].shape.rank);
}

static int new_qtensor(struct tflite_import *im, int id, int h, int w, int c)
{
    struct qmodel *q = im->qmodel;
    const struct tflite_tensor *tensor = &im->file->tensors[id];
    if (tensor->type != TFLITE_INT8) {
        tflite_problem(&im->walk,
                       arena_printf(im->arena,
                                    "the output is %s; int8 throughout is needed (full-integer quantization)",
                                    tflite_type_name(tensor->type)));
        return -1;
    }
    if (tensor->scale.n != 1) {
        tflite_problem(&im->walk, "the output has no scale of its own; quantize the whole network");
        return -1;
    }
    const int64_t zero_point = tflite_zero_point(tensor, 0);
    q->tensors[q->n_tensors] =
        (struct qtensor){.name = tflite_unique_name(&im->walk, tensor->name),
                         .h = h,
                         .w = w,
                         .c = c,
                         .scale = tflite_scale(tensor, 0),
                         .zero_point = zero_point < -999 || zero_point > 999 ? 999 : (int)zero_point,
                         .producer = -1};
    return q->n_tensors++;
}

int tflite_import_output(struct tflite_import *im, const struct tflite_operator *op)
{
    const int id = op->outputs[0];
    int h, w, c;
    if (!tflite_import_as_map(&im->file->tensors[id].shape, &h, &w, &c)) {
        tflite_problem(&im->walk, "the output is not one feature map (1, h, w, c) with sides up to 32767");
        return -1;
    }
    const int qtensor = new_qtensor(im, id, h, w, c);
    if (qtensor >= 0)
        tflite_import_view_of_map(im, id, qtensor);
    return qtensor;
}

int tflite_import_reduced(struct tflite_import *im, const struct tflite_operator *op, int h, int c)
{
    return new_qtensor(im, op->outputs[0], h, 1, c);
}

struct qnode *tflite_import_node(struct tflite_import *im, const struct tflite_operator *op, enum qop qop,
                                 const int *inputs, int n_inputs, int output)
{
    struct qmodel *q = im->qmodel;
    struct qnode *node = &q->nodes[q->n_nodes];
    *node =
        (struct qnode){.op = qop, .name = q->tensors[output].name, .n_inputs = n_inputs, .output = output};
    node->clip_min = -INFINITY;
    node->clip_max = INFINITY;
    for (int i = 0; i < n_inputs; i++)
        node->inputs[i] = inputs[i];
    q->tensors[output].producer = q->n_nodes++;
    return tflite_import_activation(im, op, node) ? node : NULL;
}

bool tflite_import_activation(struct tflite_import *im, const struct tflite_operator *op, struct qnode *node)
{
    const bool known = tflite_clip(op->activation, &node->clip_min, &node->clip_max);
    if (!known)
        tflite_problem(&im->walk, "fused activation; RELU and RELU6 can be fused");
    return known;
}

int tflite_import_map(struct tflite_import *im, const struct tflite_operator *op, int i, bool padded)
{
    const struct tflite_tensor *tensor = tflite_operand(&im->walk, op, i);
    int h, w, c;
    if (!tensor) {
        tflite_contradiction(&im->walk, "an input is missing");
        return -1;
    }
    if (tensor->data) {
        tflite_problem(&im->walk, "a constant operand; fold it into the convolution before it");
        return -1;
    }
    const struct tflite_view *view = &im->views[op->inputs[i]];
    if (view->qtensor < 0) {
        if (!im->walk.n_problems) /* else it was reported where it was produced */
            tflite_problem(&im->walk, arena_printf(im->arena, "input '%s' is %s; int8 throughout is needed",
                                                   tensor->name, tflite_type_name(tensor->type)));
        return -1;
    }
    const struct qtensor *q = &im->qmodel->tensors[view->qtensor];
    enum tflite_axis plain[MODEL_MAX_RANK];
    plain_axes(plain, tensor->shape.rank);
    bool same = tflite_import_as_map(&tensor->shape, &h, &w, &c) &&
                h == q->h + view->pad_top + view->pad_bottom &&
                w == q->w + view->pad_left + view->pad_right && c == q->c;
    for (int k = 0; k < tensor->shape.rank; k++)
        same = same && (tensor->shape.dim[k] == 1 || view->axis[k] == plain[k]);
    if (!same) {
        tflite_problem(&im->walk, "reads a reshaped or transposed feature map; keep (n, h, w, c)");
        return -1;
    }
    if (!padded && (view->pad_top || view->pad_left || view->pad_bottom || view->pad_right)) {
        tflite_contradiction(
            &im->walk,
            "reads padding that was folded away"); /* tflite_import_pad() looks at the readers first */
        return -1;
    }
    return view->qtensor;
}

static bool same_map(const struct tflite_import *im, int a, int b)
{
    const struct qtensor *x = &im->qmodel->tensors[a], *y = &im->qmodel->tensors[b];
    return x->h == y->h && x->w == y->w && x->c == y->c;
}

static void tflite_import_elementwise(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    for (int i = 0; i < 2; i++) {
        const struct tflite_tensor *tensor = tflite_operand(&im->walk, op, i);
        if (tensor && tensor->data && shape_elements(&tensor->shape) == 1) {
            tflite_import_constant_operand(im, op, 1 - i);
            return;
        }
        if (tensor && tensor->data) {
            if (op->code == TFLITE_MUL)
                tflite_import_channel_factors(im, op, 1 - i);
            else
                tflite_import_channel_summands(im, op, 1 - i);
            return;
        }
    }
    int in[2] = {tflite_import_map(im, op, 0, false), -1};
    in[1] = in[0] >= 0 ? tflite_import_map(im, op, 1, false) : -1;
    const int out = in[1] >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    const struct qtensor *a = &im->qmodel->tensors[in[0]], *b = &im->qmodel->tensors[in[1]];
    if (op->code == TFLITE_MUL && a->h == 1 && a->w == 1 &&
        !same_map(im, in[0], in[1])) { /* the map first, the gate second */
        const int swap = in[0];
        in[0] = in[1];
        in[1] = swap;
        b = &im->qmodel->tensors[in[1]];
    }
    const bool gate = op->code == TFLITE_MUL && b->h == 1 && b->w == 1 && b->c == im->qmodel->tensors[out].c;
    if (!same_map(im, in[0], out) || !(same_map(im, in[1], out) || gate)) {
        tflite_problem(&im->walk, "operands of different shape (MUL alone may broadcast (1, 1, c))");
        return;
    }
    struct qnode *node = tflite_import_node(im, op, op->code == TFLITE_MUL ? QOP_MUL : QOP_ADD, in, 2, out);
    if (node)
        node->subtract = op->code == TFLITE_SUB;
}

static void tflite_import_softmax(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const int in = tflite_import_map(im, op, 0, false), out = in >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    const struct qtensor *q = &im->qmodel->tensors[in];
    if (q->h != 1 || q->w != 1 || q->c > MAX_SOFTMAX || op->beta != 1)
        tflite_problem(&im->walk, "only over the channels of one pixel, at most 4095, beta 1");
    else if (!same_map(im, in, out))
        tflite_contradiction(&im->walk, "input and output differ in shape");
    else
        tflite_import_node(im, op, QOP_SOFTMAX, &in, 1, out);
}

/* QUANTIZE of the graph input, DEQUANTIZE of what becomes the output: the int8 side is the network. */
static void tflite_import_border(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const struct tflite *file = im->file;
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0), *out = &file->tensors[op->outputs[0]];
    if (op->code == TFLITE_QUANTIZE && in && in->type == TFLITE_INT8) {
        tflite_import_table(im, op);
        return;
    }
    if (op->code == TFLITE_QUANTIZE && op->inputs[0] == file->inputs[0] && im->qmodel->n_tensors == 0) {
        const int64_t shift = in->type == TFLITE_UINT8 ? 128 : 0;
        if (in->type == TFLITE_UINT8 &&
            (in->scale.n != 1 || out->scale.n != 1 || tflite_scale(in, 0) != tflite_scale(out, 0) ||
             tflite_zero_point(in, 0) != tflite_zero_point(out, 0) + shift))
            tflite_problem(
                &im->walk,
                "uint8 and int8 inputs of different scale; convert with inference_input_type=tf.int8");
        else if (in->type != TFLITE_UINT8 && in->type != TFLITE_FLOAT32)
            tflite_problem(&im->walk, "only float and uint8 inputs can be quantized");
        else
            im->qmodel->input = tflite_import_output(im, op);
        return;
    }
    const bool last = op->outputs[0] == file->outputs[0] && op->inputs[0] >= 0;
    if (last && im->views[op->inputs[0]].qtensor >= 0 &&
        (out->type == TFLITE_FLOAT32 || out->type == TFLITE_UINT8)) {
        im->qmodel->output = tflite_import_map(im, op, 0, false);
        return;
    }
    tflite_problem(&im->walk,
                   "float arithmetic inside an int8 network; convert it with full-integer quantization");
}

/* After a problem its readers are still looked at: all problems are told at once. */
static void add_missing_output(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const int id = op->outputs[0];
    int h, w, c;
    if (im->views[id].qtensor < 0 && im->file->tensors[id].type == TFLITE_INT8 &&
        im->file->tensors[id].scale.n == 1 &&
        tflite_import_as_map(&im->file->tensors[id].shape, &h, &w, &c) &&
        im->qmodel->n_tensors <= im->walk.op_index + 1)
        tflite_import_view_of_map(im, id, new_qtensor(im, id, h, w, c));
}

static tflite_handler *const handlers[TFLITE_HANDLERS] = {
    [TFLITE_CONV_2D] = tflite_import_conv,
    [TFLITE_DEPTHWISE_CONV_2D] = tflite_import_conv,
    [TFLITE_FULLY_CONNECTED] = tflite_import_fully_connected,
    [TFLITE_ADD] = tflite_import_elementwise,
    [TFLITE_MUL] = tflite_import_elementwise,
    [TFLITE_SUB] = tflite_import_elementwise,
    [TFLITE_AVERAGE_POOL_2D] = tflite_import_pool,
    [TFLITE_MAX_POOL_2D] = tflite_import_pool,
    [TFLITE_MEAN] = tflite_import_mean,
    [TFLITE_SOFTMAX] = tflite_import_softmax,
    [TFLITE_LOGISTIC] = tflite_import_table,
    [TFLITE_TANH] = tflite_import_table,
    [TFLITE_HARD_SWISH] = tflite_import_table,
    [TFLITE_RELU] = tflite_import_table,
    [TFLITE_RELU6] = tflite_import_table,
    [TFLITE_RELU_N1_TO_1] = tflite_import_table,
    [TFLITE_QUANTIZE] = tflite_import_border,
    [TFLITE_DEQUANTIZE] = tflite_import_border,
    [TFLITE_PAD] = tflite_import_pad,
    [TFLITE_RESHAPE] = tflite_import_reshape,
    [TFLITE_SQUEEZE] = tflite_import_reshape,
    [TFLITE_EXPAND_DIMS] = tflite_import_reshape,
    [TFLITE_TRANSPOSE] = tflite_import_transpose,
    [TFLITE_STRIDED_SLICE] = tflite_import_slice,
    [TFLITE_CONCATENATION] = tflite_import_concat,
    [TFLITE_RESIZE_NEAREST_NEIGHBOR] = tflite_import_resize,
};

static int tflite_import_graph_input(struct tflite_import *im)
{
    const struct tflite *file = im->file;
    const struct tflite_tensor *input = &file->tensors[file->inputs[0]];
    int h, w, c;
    if (input->type != TFLITE_INT8)
        return 0; /* QUANTIZE makes it */
    if (!tflite_import_as_map(&input->shape, &h, &w, &c))
        return error_unsupported("%s: input '%s' is not one feature map (1, h, w, c) with sides up to 32767",
                                 file->path, input->name);
    if (input->scale.n != 1)
        return error_unsupported("%s: input '%s' has no scale; quantize the whole network", file->path,
                                 input->name);
    im->qmodel->input = new_qtensor(im, file->inputs[0], h, w, c);
    tflite_import_view_of_map(im, file->inputs[0], im->qmodel->input);
    return 0;
}

static int finish(struct tflite_import *im)
{
    const struct tflite *file = im->file;
    struct qmodel *q = im->qmodel;
    if (q->output < 0)
        q->output = im->views[file->outputs[0]].qtensor;
    if (q->input < 0 || q->output < 0 || q->n_nodes == 0)
        return error_unsupported("%s: no int8 operator leads from input '%s' to output '%s'", file->path,
                                 file->tensors[file->inputs[0]].name, file->tensors[file->outputs[0]].name);
    return qmodel_finish(q);
}

int qmodel_from_tflite(struct qmodel **out, const struct tflite *file, struct arena *arena,
                       struct tflite_view **views)
{
    if (file->n_inputs != 1 || file->n_outputs != 1)
        return error_unsupported("%s: %d inputs and %d outputs; int8 networks have one of each", file->path,
                                 file->n_inputs, file->n_outputs);
    struct tflite_import im = {.walk = tflite_walk_begin(file, arena),
                               .file = file,
                               .arena = arena,
                               .qmodel = ARENA_NEW(arena, struct qmodel)};
    im.walk.on_problem = add_missing_output;
    struct qmodel *q = im.qmodel;
    q->arena = arena;
    q->name = "main";
    q->tensors = ARENA_ARRAY(arena, struct qtensor, (size_t)file->n_operators + 1);
    q->nodes = ARENA_ARRAY(arena, struct qnode, (size_t)file->n_operators + 1);
    q->metadata = ARENA_ARRAY(arena, struct metadata, 1);
    q->input = q->output = -1;
    im.views = ARENA_ARRAY(arena, struct tflite_view, (size_t)file->n_tensors + 1);
    for (int i = 0; i < file->n_tensors; i++)
        im.views[i].qtensor = -1;
    int rc = tflite_import_graph_input(&im);
    if (rc)
        return rc;
    tflite_walk_run(&im.walk, handlers, "no int8 kernel; run it outside the network, or train without it",
                    &im);
    rc = tflite_walk_end(&im.walk, "int8");
    if (!rc)
        rc = finish(&im);
    if (rc)
        return rc;
    *out = q;
    if (views)
        *views = im.views;
    return 0;
}
