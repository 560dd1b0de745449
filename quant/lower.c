/*
 * lower.c - qmodel_lower(): the float graph to int8 structure.
 */
#include <math.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "quant/qmodel.h"

enum { MAX_SIDE = 32767, MAX_SOFTMAX = 4095 };

struct lowering {
    const struct model *model;
    struct qmodel *qmodel;
    int *qtensor_of; /* per float tensor; -1: none */
    int *node_of, *tensor_of;
    struct strbuf problems;
    int n_problems;
};

/* A feature map (h, w, c): rank 4 with batch 1, or (1, c). */
static bool as_map(const struct shape *shape, int *h, int *w, int *c)
{
    *h = *w = 1;
    if (shape->rank == 2) {
        *c = shape->dim[1];
    } else if (shape->rank == 4) {
        *h = shape->dim[1];
        *w = shape->dim[2];
        *c = shape->dim[3];
    } else {
        return false;
    }
    return shape->dim[0] == 1 && *h > 0 && *w > 0 && *c > 0 && *h <= MAX_SIDE && *w <= MAX_SIDE &&
           *c <= MAX_SIDE;
}

static void problem(struct lowering *l, const struct node *node, const char *what)
{
    strbuf_addf(&l->problems, "\n  %s '%s': %s", op_name(node->op), node->name, what);
    l->n_problems++;
}

static int add_qtensor(struct lowering *l, const char *name, int h, int w, int c, int float_tensor)
{
    struct qmodel *q = l->qmodel;
    q->tensors[q->n_tensors] =
        (struct qtensor){.name = arena_strdup(q->arena, name), .h = h, .w = w, .c = c, .producer = -1};
    l->tensor_of[q->n_tensors] = float_tensor;
    if (float_tensor >= 0)
        l->qtensor_of[float_tensor] = q->n_tensors;
    return q->n_tensors++;
}

static struct qnode *add_qnode(struct lowering *l, enum qop op, const char *name, const int *inputs,
                               int n_inputs, int output, int float_node)
{
    struct qmodel *q = l->qmodel;
    struct qnode *qnode = &q->nodes[q->n_nodes];
    *qnode = (struct qnode){
        .op = op, .name = arena_strdup(q->arena, name), .n_inputs = n_inputs, .output = output};
    qnode->clip_min = -INFINITY;
    qnode->clip_max = INFINITY;
    qnode->act_min = -128;
    qnode->act_max = 127;
    for (int i = 0; i < n_inputs; i++)
        qnode->inputs[i] = inputs[i];
    l->node_of[q->n_nodes] = float_node;
    q->tensors[output].producer = q->n_nodes++;
    return qnode;
}

/* The qtensor of a node's input, seen with the shape the float graph gives it; -1 and a problem when it is
 * not such a map. */
static int input_map(struct lowering *l, const struct node *node, int i)
{
    const struct tensor *tensor = &l->model->tensors[node->inputs[i]];
    int id = l->qtensor_of[node->inputs[i]], h, w, c;
    if (tensor->constant) {
        problem(l, node,
                "a constant operand must be one number, or one per channel; fold it into the convolution "
                "before it");
        return -1;
    }
    if (id < 0)
        return -1; /* reported where it was produced */
    const struct qtensor *q = &l->qmodel->tensors[id];
    if (!as_map(&tensor->shape, &h, &w, &c) || h != q->h || w != q->w || c != q->c) {
        problem(l, node, "reads a reshaped feature map; only Gemm can");
        return -1;
    }
    return id;
}

/*
 * Ends the lowering of one float node: output tensor, the qnode, and a TABLE after it when an activation was
 * fused that no clamp expresses. Returns the main qnode, or NULL after a problem.
 */
static struct qnode *lower_to(struct lowering *l, int index, enum qop op, const int *inputs, int n_inputs)
{
    const struct node *node = &l->model->nodes[index];
    const struct tensor *tensor = &l->model->tensors[node->output];
    int h, w, c;
    for (int i = 0; i < n_inputs; i++)
        if (inputs[i] < 0)
            return NULL;
    if (!as_map(&tensor->shape, &h, &w, &c)) {
        problem(l, node, "the output is not a feature map (1, h, w, c) or (1, c) with sides up to 32767");
        return NULL;
    }
    if (node->act == ACT_NONE || node->act == ACT_CLIP) {
        int output = add_qtensor(l, tensor->name, h, w, c, node->output);
        struct qnode *qnode = add_qnode(l, op, node->name, inputs, n_inputs, output, index);
        if (node->act == ACT_CLIP) {
            qnode->clip_min = node->act_min;
            qnode->clip_max = node->act_max;
        }
        return qnode;
    }
    struct arena *arena = l->qmodel->arena;
    int before = add_qtensor(l, arena_printf(arena, "%s/linear", tensor->name), h, w, c, -1);
    struct qnode *qnode = add_qnode(l, op, node->name, inputs, n_inputs, before, index);
    int output = add_qtensor(l, tensor->name, h, w, c, node->output);
    struct qnode *table =
        add_qnode(l, QOP_TABLE, arena_printf(arena, "%s/activation", node->name), &before, 1, output, index);
    table->table_function = node->act;
    table->alpha = node->alpha;
    table->beta = node->beta;
    return qnode;
}

static bool check_window(struct lowering *l, const struct node *node)
{
    const struct window *w = &node->window;
    if (w->kernel_h > 255 || w->kernel_w > 255 || w->stride_h > 255 || w->stride_w > 255 ||
        w->dilation_h > 255 || w->dilation_w > 255 || w->pad_top > 127 || w->pad_left > 127 ||
        w->pad_top < 0 || w->pad_left < 0) {
        problem(l, node, "window too large: kernel, stride, dilation up to 255, pads 0 to 127");
        return false;
    }
    return true;
}

static void lower_conv(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    const struct tensor *weights = &l->model->tensors[node->inputs[1]];
    if (!weights->constant || (node->n_inputs > 2 && !l->model->tensors[node->inputs[2]].constant)) {
        problem(l, node, "weights and bias must be constants");
        return;
    }
    int in = input_map(l, node, 0);
    if (in < 0 || !check_window(l, node))
        return;
    const int in_c = l->qmodel->tensors[in].c;
    if (node->group != 1 && node->group != in_c) {
        problem(l, node,
                "grouped convolution; split it into one convolution per group and a Concat, or train with "
                "group 1 or a depthwise convolution");
        return;
    }
    struct qnode *qnode = lower_to(l, index, node->group == 1 ? QOP_CONV : QOP_DEPTHWISE, &in, 1);
    if (!qnode)
        return;
    qnode->window = node->window;
    qnode->n_weights = shape_elements(&weights->shape);
}

static void lower_gemm(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    const struct tensor *weights = &l->model->tensors[node->inputs[1]];
    if (!weights->constant || (node->n_inputs > 2 && !l->model->tensors[node->inputs[2]].constant)) {
        problem(l, node, "weights and bias must be constants");
        return;
    }
    int in = l->qtensor_of[node->inputs[0]];
    if (in < 0)
        return;
    if (qtensor_bytes(&l->qmodel->tensors[in]) != weights->shape.dim[1]) {
        problem(l, node, "only a single row (1, k) can be multiplied");
        return;
    }
    struct qnode *qnode = lower_to(l, index, QOP_FULLY_CONNECTED, &in, 1);
    if (qnode)
        qnode->n_weights = shape_elements(&weights->shape);
}

/* Arithmetic with one number: a function of one byte. False: both operands are maps. */
static bool lower_constant_operand(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    for (int k = 0; k < 2; k++) {
        const struct tensor *constant = &l->model->tensors[node->inputs[k]];
        if (!constant->constant || shape_elements(&constant->shape) != 1)
            continue;
        const float number = constant->data ? constant->data[0] : 1; /* skeletons have none */
        int in = input_map(l, node, 1 - k);
        struct qnode *qnode = lower_to(l, index, QOP_TABLE, &in, 1);
        if (!qnode)
            return true;
        qnode->table_function = ACT_LINEAR;
        qnode->alpha = node->op == OP_MUL ? number : node->op == OP_SUB && k == 0 ? -1 : 1;
        qnode->beta = node->op == OP_MUL ? 0 : node->op == OP_SUB && k == 1 ? -number : number;
        return true;
    }
    return false;
}

/* Add or Sub with one constant per channel. False: none of the operands is. */
static bool lower_channel_constant(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    for (int k = 0; k < 2 && node->op != OP_MUL; k++) {
        const struct tensor *constant = &l->model->tensors[node->inputs[k]];
        const struct shape *shape = &constant->shape, *map = &l->model->tensors[node->inputs[1 - k]].shape;
        if (!constant->constant || shape->rank < 1 || map->rank < 1 || shape->rank > map->rank ||
            shape->dim[shape->rank - 1] != map->dim[map->rank - 1] ||
            shape_elements(shape) != shape->dim[shape->rank - 1])
            continue;
        int in = input_map(l, node, 1 - k);
        struct qnode *qnode = lower_to(l, index, QOP_ADD_CONSTANT, &in, 1);
        if (qnode) {
            qnode->subtract = node->op == OP_SUB;
            qnode->constant_first = k == 0;
        }
        return true;
    }
    return false;
}

static void lower_elementwise(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    if (lower_constant_operand(l, index) || lower_channel_constant(l, index))
        return;
    int in[2] = {input_map(l, node, 0), input_map(l, node, 1)};
    if (in[0] < 0 || in[1] < 0)
        return;
    const struct qtensor *a = &l->qmodel->tensors[in[0]], *b = &l->qmodel->tensors[in[1]];
    bool same = a->h == b->h && a->w == b->w && a->c == b->c;
    if (node->op == OP_MUL && !same && a->c == b->c) {
        if (a->h == 1 && a->w == 1) { /* the map first, the gate second */
            int swap = in[0];
            in[0] = in[1];
            in[1] = swap;
            same = true;
        } else if (b->h == 1 && b->w == 1) {
            same = true;
        }
    }
    if (!same) {
        problem(l, node, "operands of different shape (Mul alone may broadcast (1, 1, c))");
        return;
    }
    struct qnode *qnode = lower_to(l, index, node->op == OP_MUL ? QOP_MUL : QOP_ADD, in, 2);
    if (qnode)
        qnode->subtract = node->op == OP_SUB;
}

static void lower_pool(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    const struct window *w = &node->window;
    int in = input_map(l, node, 0);
    if (in < 0 || !check_window(l, node))
        return;
    if (node->op == OP_AVERAGE_POOL && node->count_include_pad &&
        (w->pad_top || w->pad_left || w->pad_bottom || w->pad_right)) {
        problem(l, node,
                "count_include_pad with padding; export with count_include_pad=0, or pad before the pool");
        return;
    }
    struct qnode *qnode =
        lower_to(l, index, node->op == OP_MAX_POOL ? QOP_MAX_POOL : QOP_AVERAGE_POOL, &in, 1);
    if (qnode)
        qnode->window = *w;
}

static void lower_table(struct lowering *l, int index, enum activation function)
{
    const struct node *node = &l->model->nodes[index];
    int in = input_map(l, node, 0);
    struct qnode *qnode = lower_to(l, index, QOP_TABLE, &in, 1);
    if (!qnode)
        return;
    qnode->table_function = function;
    qnode->alpha = node->alpha;
    qnode->beta = node->beta;
    if (function == ACT_CLIP) {
        qnode->clip_min = node->act_min;
        qnode->clip_max = node->act_max;
    }
}

static void lower_pad(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    int in = input_map(l, node, 0);
    if (in < 0)
        return;
    const int *p = node->pads; /* begin of n, h, w, c, then end */
    bool plain = l->model->tensors[node->inputs[0]].shape.rank == 4 && !p[0] && !p[3] && !p[4] && !p[7];
    for (int i = 0; i < 8; i++)
        plain = plain && p[i] >= 0;
    if (!plain || node->pad_value != 0) {
        problem(l, node, "only rows and columns can be padded, with 0");
        return;
    }
    struct qnode *qnode = lower_to(l, index, QOP_PAD, &in, 1);
    if (qnode)
        qnode->window =
            (struct window){.pad_top = p[1], .pad_left = p[2], .pad_bottom = p[5], .pad_right = p[6]};
}

static void lower_resize(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    int in = input_map(l, node, 0);
    struct qnode *qnode = lower_to(l, index, QOP_RESIZE_NEAREST, &in, 1);
    if (!qnode)
        return;
    qnode->coordinates = node->coordinates;
    qnode->rounding = node->rounding;
    qmodel_set_resize(l->qmodel, qnode);
}

static void lower_concat(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    int in[MODEL_MAX_INPUTS], rank = l->model->tensors[node->output].shape.rank;
    bool ok = true;
    for (int i = 0; i < node->n_inputs; i++) {
        in[i] = input_map(l, node, i);
        ok = ok && in[i] >= 0;
    }
    if (!ok)
        return;
    if (node->axis == 0) {
        problem(l, node, "images of a batch cannot be concatenated; join rows, columns or channels");
        return;
    }
    struct qnode *qnode = lower_to(l, index, QOP_CONCAT, in, node->n_inputs);
    if (qnode)
        qnode->axis = node->axis == rank - 1 ? CONCAT_CHANNELS
                      : node->axis == 1      ? CONCAT_ROWS
                                             : CONCAT_COLUMNS;
}

static void lower_softmax(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    int in = input_map(l, node, 0), rank = l->model->tensors[node->output].shape.rank;
    if (in < 0)
        return;
    const struct qtensor *q = &l->qmodel->tensors[in];
    if (q->h != 1 || q->w != 1 || q->c > MAX_SOFTMAX || (node->axis != rank - 1 && node->axis != -1)) {
        problem(l, node, "only over the channels of one pixel, at most 4095");
        return;
    }
    lower_to(l, index, QOP_SOFTMAX, &in, 1);
}

/* Flatten, Reshape, Transpose keep the bytes in place when dimensions larger than 1 stay in order: the output
 * is the input. */
static void lower_view(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    int in = l->qtensor_of[node->inputs[0]];
    if (in < 0)
        return;
    if (node->op == OP_TRANSPOSE) {
        const struct shape *shape = &l->model->tensors[node->inputs[0]].shape;
        int last = -1;
        for (int i = 0; i < shape->rank; i++) {
            if (shape->dim[node->permutation[i]] == 1)
                continue;
            if (node->permutation[i] < last) {
                problem(l, node, "moves data; feature maps stay (h, w, c)");
                return;
            }
            last = node->permutation[i];
        }
    }
    l->qtensor_of[node->output] = in;
}

static void lower_node(struct lowering *l, int index)
{
    const struct node *node = &l->model->nodes[index];
    int in;
    switch (node->op) {
    case OP_CONV:
        lower_conv(l, index);
        return;
    case OP_GEMM:
        lower_gemm(l, index);
        return;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
        lower_elementwise(l, index);
        return;
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
        lower_pool(l, index);
        return;
    case OP_GLOBAL_AVERAGE_POOL:
        in = input_map(l, node, 0);
        lower_to(l, index, QOP_MEAN, &in, 1);
        return;
    case OP_CLIP:
        lower_table(l, index, ACT_CLIP);
        return;
    case OP_HARD_SWISH:
        lower_table(l, index, ACT_HARD_SWISH);
        return;
    case OP_HARD_SIGMOID:
        lower_table(l, index, ACT_HARD_SIGMOID);
        return;
    case OP_SIGMOID:
        lower_table(l, index, ACT_SIGMOID);
        return;
    case OP_TANH:
        lower_table(l, index, ACT_TANH);
        return;
    case OP_RESIZE:
        lower_resize(l, index);
        return;
    case OP_PAD:
        lower_pad(l, index);
        return;
    case OP_CONCAT:
        lower_concat(l, index);
        return;
    case OP_SOFTMAX:
        lower_softmax(l, index);
        return;
    case OP_FLATTEN:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_IDENTITY:
        lower_view(l, index);
        return;
    case OP_BATCH_NORM:
        problem(l, node, "not folded: its input must be a Conv that nothing else reads");
        return;
    case OP_MATMUL:
        problem(l, node, "no int8 kernel for two computed matrices");
        return;
    case OP_REDUCE_MEAN:
        if (l->model->tensors[node->inputs[0]].shape.rank != 4 || node->n_axes != 1 || node->axes[0] != 2 ||
            !node->keep_dims) {
            problem(l, node, "only over h and w, or over w with keepdims");
            return;
        }
        in = input_map(l, node, 0);
        lower_to(l, index, QOP_MEAN, &in, 1);
        return;
    case OP_COUNT:
        break;
    }
    die("qmodel_lower: operator %d", (int)node->op);
}

static void copy_metadata(struct qmodel *q, const struct model *model)
{
    q->n_metadata = model->n_metadata;
    q->metadata = ARENA_ARRAY(q->arena, struct metadata, (size_t)model->n_metadata + 1);
    for (int i = 0; i < model->n_metadata; i++)
        q->metadata[i] = (struct metadata){arena_strdup(q->arena, model->metadata[i].key),
                                           arena_strdup(q->arena, model->metadata[i].value)};
}

int qmodel_lower(struct qmodel **out, const struct model *model, struct arena *arena, int **node_of,
                 int **tensor_of)
{
    if (model->n_inputs != 1 || model->n_outputs != 1)
        return error_unsupported("%s: %d inputs and %d outputs; int8 networks have one of each", model->name,
                                 model->n_inputs, model->n_outputs);
    struct lowering l = {.model = model, .qmodel = ARENA_NEW(arena, struct qmodel)};
    struct qmodel *q = l.qmodel;
    const size_t nodes = 2 * (size_t)model->n_nodes; /* a TABLE after each */
    q->arena = arena;
    q->name = arena_strdup(arena, model->name);
    copy_metadata(q, model);
    q->tensors = ARENA_ARRAY(arena, struct qtensor, nodes + 1);
    q->nodes = ARENA_ARRAY(arena, struct qnode, nodes + 1);
    l.node_of = ARENA_ARRAY(arena, int, nodes + 1);
    l.tensor_of = ARENA_ARRAY(arena, int, nodes + 1);
    l.qtensor_of = ARENA_ARRAY(arena, int, (size_t)model->n_tensors);
    for (int i = 0; i < model->n_tensors; i++)
        l.qtensor_of[i] = -1;

    const struct tensor *input = &model->tensors[model->inputs[0]];
    int h, w, c;
    if (!as_map(&input->shape, &h, &w, &c))
        return error_unsupported("%s: input '%s' is not a feature map (1, h, w, c) or (1, c)", model->name,
                                 input->name);
    q->input = add_qtensor(&l, input->name, h, w, c, model->inputs[0]);
    for (int i = 0; i < model->n_nodes; i++)
        lower_node(&l, i);
    int rc = 0;
    if (l.n_problems)
        rc = error_unsupported("%s: no int8 form for %d operator%s:%s", model->name, l.n_problems,
                               l.n_problems > 1 ? "s" : "", strbuf_text(&l.problems));
    else if ((q->output = l.qtensor_of[model->outputs[0]]) < 0)
        rc = error_unsupported("%s: output '%s' is not computed from the input", model->name,
                               model->tensors[model->outputs[0]].name);
    strbuf_release(&l.problems);
    if (rc)
        return rc;
    *out = q;
    if (node_of)
        *node_of = l.node_of;
    if (tensor_of)
        *tensor_of = l.tensor_of;
    return 0;
}
