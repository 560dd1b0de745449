/*
 * tflite_views.c - operators that move data, or none: most have no node in the int8 graph.
 */
#include "quant/tflite_import.h"

/* The bytes are in the order of rows, columns, channels. */
static bool in_order(const struct tflite_tensor *tensor, const struct tflite_view *view)
{
    enum tflite_axis last = AXIS_N;
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (tensor->shape.dim[i] == 1)
            continue;
        if (view->axis[i] < last)
            return false;
        last = view->axis[i];
    }
    return true;
}

static bool padded(const struct tflite_view *view)
{
    return view->pad_top || view->pad_left || view->pad_bottom || view->pad_right;
}

/* View of input 0; NULL after a problem. Scales of input and output must agree: nothing is computed. */
static const struct tflite_view *input_view(struct tflite_import *im, const struct tflite_operator *op)
{
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0),
                               *out = &im->file->tensors[op->outputs[0]];
    const struct tflite_view *view = in ? &im->views[op->inputs[0]] : NULL;
    if (!view || view->qtensor < 0 || padded(view)) {
        tflite_import_map(im, op, 0, false); /* says why */
        return NULL;
    }
    /* The answer's integers are what counts: early converters gave the last RESHAPE a scale of its own. */
    const bool answer = op->outputs[0] == im->file->outputs[0];
    if (out->type != TFLITE_INT8 || out->scale.n != 1 ||
        (!answer && (tflite_scale(in, 0) != tflite_scale(out, 0) ||
                     tflite_zero_point(in, 0) != tflite_zero_point(out, 0)))) {
        tflite_problem(&im->walk, "moves data into another scale; requantize in an operator before it");
        return NULL;
    }
    return view;
}

/* A graph input that only this operator reads takes the new shape itself. */
static bool reshape_graph_input(struct tflite_import *im, const struct tflite_operator *op, int qtensor)
{
    int readers = 0, h, w, c;
    for (int i = 0; i < im->file->n_operators; i++)
        for (int k = 0; k < im->file->operators[i].n_inputs; k++)
            readers += im->file->operators[i].inputs[k] == op->inputs[0];
    if (qtensor != im->qmodel->input || im->qmodel->n_nodes || readers != 1 ||
        !tflite_import_as_map(&im->file->tensors[op->outputs[0]].shape, &h, &w, &c))
        return false;
    struct qtensor *q = &im->qmodel->tensors[qtensor];
    q->h = h;
    q->w = w;
    q->c = c;
    tflite_import_view_of_map(im, op->outputs[0], qtensor);
    im->views[op->inputs[0]].qtensor = -1; /* its shape is not the map's any more */
    return true;
}

void tflite_import_reshape(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const struct tflite_view *view = input_view(im, op);
    if (!view)
        return;
    const int id = op->outputs[0], qtensor = view->qtensor;
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0), *out = &im->file->tensors[id];
    const struct qtensor *q = &im->qmodel->tensors[qtensor];
    if (shape_elements(&in->shape) != shape_elements(&out->shape)) {
        tflite_contradiction(&im->walk, "input and output differ in size");
        return;
    }
    if (!in_order(in, view)) {
        tflite_problem(&im->walk, "reshapes a transposed feature map; keep (n, h, w, c)");
        return;
    }
    if (reshape_graph_input(im, op, qtensor))
        return;
    im->views[id] = (struct tflite_view){.qtensor = qtensor};
    /* Dimensions larger than 1 are those of the map, in order; else only who reads all of it as one row may
     * read it. */
    const int size[3] = {q->h, q->w, q->c};
    int axis = 0;
    bool plain = true;
    for (int i = 0; i < out->shape.rank; i++) {
        im->views[id].axis[i] = AXIS_N;
        if (out->shape.dim[i] == 1)
            continue;
        while (axis < 3 && size[axis] == 1)
            axis++;
        plain = plain && axis < 3 && size[axis] == out->shape.dim[i];
        im->views[id].axis[i] = axis < 3 ? (enum tflite_axis)(AXIS_H + axis) : AXIS_C;
        axis++;
    }
    if (!plain) /* flattened: channels of one pixel, as FULLY_CONNECTED reads them */
        for (int i = 0; i < out->shape.rank; i++)
            im->views[id].axis[i] = AXIS_C;
}

void tflite_import_transpose(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const struct tflite_view *view = input_view(im, op);
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0),
                               *order = tflite_int_operand(&im->walk, op, 1);
    const struct tflite_tensor *out = &im->file->tensors[op->outputs[0]];
    if (!view)
        return;
    if (!order || shape_elements(&order->shape) != in->shape.rank || out->shape.rank != in->shape.rank) {
        tflite_problem(&im->walk, "the order of dimensions must be constant");
        return;
    }
    struct tflite_view turned = {.qtensor = view->qtensor};
    unsigned seen = 0;
    for (int i = 0; i < in->shape.rank; i++) {
        const int64_t from = tflite_int(order, (size_t)i);
        if (from < 0 || from >= in->shape.rank || seen & 1u << from ||
            out->shape.dim[i] != in->shape.dim[from]) {
            tflite_contradiction(&im->walk, "the order of dimensions does not lead from input to output");
            return;
        }
        seen |= 1u << from;
        turned.axis[i] = view->axis[from];
    }
    im->views[op->outputs[0]] = turned;
}

/* A slice of everything. */
void tflite_import_slice(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0);
    if (!in || !shape_equal(&in->shape, &im->file->tensors[op->outputs[0]].shape)) {
        tflite_problem(&im->walk, "cuts a part out of a feature map; crop before the network");
        return;
    }
    for (int i = 0; i < 3; i++) {
        const struct tflite_tensor *numbers = tflite_int_operand(&im->walk, op, i + 1);
        if (!numbers || shape_elements(&numbers->shape) != in->shape.rank) {
            tflite_problem(&im->walk, "begin, end and strides must be constants");
            return;
        }
        for (int k = 0; i == 2 && k < in->shape.rank; k++)
            if (tflite_int(numbers, (size_t)k) != 1 && in->shape.dim[k] > 1) {
                tflite_problem(&im->walk, "reverses a feature map");
                return;
            }
    }
    const struct tflite_view *view = input_view(im, op);
    if (view)
        im->views[op->outputs[0]] = *view;
}

/* Every reader of a tensor is a convolution, whose window can take the padding. */
static bool only_convolutions_read(const struct tflite_import *im, int tensor)
{
    bool any = false;
    if (tensor == im->file->outputs[0])
        return false;
    for (int i = 0; i < im->file->n_operators; i++) {
        const struct tflite_operator *op = &im->file->operators[i];
        for (int k = 0; k < op->n_inputs && im->walk.needed[i]; k++) {
            if (op->inputs[k] != tensor)
                continue;
            if (k > 0 || (op->code != TFLITE_CONV_2D && op->code != TFLITE_DEPTHWISE_CONV_2D))
                return false;
            any = true;
        }
    }
    return any;
}

void tflite_import_pad(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    enum { MAX_PAD = 127 };
    const struct tflite_tensor *amounts = tflite_int_operand(&im->walk, op, 1),
                               *in = tflite_operand(&im->walk, op, 0);
    const struct tflite_tensor *out = &im->file->tensors[op->outputs[0]];
    const int qtensor = tflite_import_map(im, op, 0, true);
    if (qtensor < 0)
        return;
    if (!amounts || in->shape.rank != 4 || shape_elements(&amounts->shape) != 8 || out->shape.rank != 4) {
        tflite_problem(&im->walk,
                       "only rows and columns of a feature map can be padded, by constant amounts");
        return;
    }
    int pad[8];
    for (int i = 0; i < 8; i++) {
        const int64_t amount = tflite_int(amounts, (size_t)i);
        if (amount < 0 || amount > MAX_PAD || ((i < 2 || i > 5) && amount)) {
            tflite_problem(&im->walk, "only rows and columns can be padded, by 0 to 127");
            return;
        }
        pad[i] = (int)amount;
    }
    for (int i = 0; i < 4; i++)
        if (out->shape.dim[i] != in->shape.dim[i] + pad[2 * i] + pad[2 * i + 1]) {
            tflite_contradiction(&im->walk, "input, padding and output sizes do not agree");
            return;
        }
    if (out->scale.n != 1 || in->scale.n != 1 || tflite_scale(in, 0) != tflite_scale(out, 0) ||
        tflite_zero_point(in, 0) != tflite_zero_point(out, 0)) {
        tflite_problem(&im->walk, "input and output differ in scale");
        return;
    }
    const struct tflite_view before = im->views[op->inputs[0]];
    const bool nothing = !pad[2] && !pad[3] && !pad[4] && !pad[5];
    if ((nothing && !padded(&before)) || only_convolutions_read(im, op->outputs[0])) {
        struct tflite_view view = before;
        view.pad_top += pad[2];
        view.pad_bottom += pad[3];
        view.pad_left += pad[4];
        view.pad_right += pad[5];
        im->views[op->outputs[0]] = view;
        return;
    }
    const int output = tflite_import_output(im, op);
    struct qnode *node = output < 0 ? NULL : tflite_import_node(im, op, QOP_PAD, &qtensor, 1, output);
    if (node)
        node->window = (struct window){.pad_top = pad[2] + before.pad_top,
                                       .pad_bottom = pad[3] + before.pad_bottom,
                                       .pad_left = pad[4] + before.pad_left,
                                       .pad_right = pad[5] + before.pad_right};
}

void tflite_import_resize(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const int in = tflite_import_map(im, op, 0, false), out = in >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    const struct qtensor *a = &im->qmodel->tensors[in], *b = &im->qmodel->tensors[out];
    const char *problem = tflite_resize_problem(im->file, op);
    if (problem)
        tflite_problem(&im->walk, problem);
    else if (a->c != b->c)
        tflite_contradiction(&im->walk, "input and output differ in channels");
    else if (a->scale != b->scale || a->zero_point != b->zero_point)
        tflite_problem(&im->walk, "moves data into another scale; requantize in an operator before it");
    else {
        struct qnode *node = tflite_import_node(im, op, QOP_RESIZE_NEAREST, &in, 1, out);
        tflite_resize_rule(op, &node->coordinates, &node->rounding);
        qmodel_set_resize(im->qmodel, node);
    }
}

/* Over rows and columns together, or over columns only (rows stay); TFLite rounds once per MEAN. */
void tflite_import_mean(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0),
                               *axes = tflite_int_operand(&im->walk, op, 1);
    const int id = op->outputs[0];
    const struct tflite_tensor *out = &im->file->tensors[id];
    const struct tflite_view *view = in ? &im->views[op->inputs[0]] : NULL;
    if (!view || view->qtensor < 0 || padded(view)) {
        tflite_import_map(im, op, 0, false);
        return;
    }
    const struct qtensor q = im->qmodel->tensors[view->qtensor];
    bool over[4] = {false}, reduced[MODEL_MAX_RANK] = {false};
    for (int64_t i = 0; axes && i < shape_elements(&axes->shape); i++) {
        int64_t axis = tflite_int(axes, (size_t)i);
        axis += axis < 0 ? in->shape.rank : 0;
        if (axis < 0 || axis >= in->shape.rank) {
            tflite_contradiction(&im->walk, "an axis is outside the input's dimensions");
            return;
        }
        reduced[axis] = true;
        over[view->axis[axis]] = over[view->axis[axis]] || in->shape.dim[axis] > 1;
    }
    const bool rows = over[AXIS_H] || q.h == 1, columns = over[AXIS_W] || q.w == 1;
    if (!axes || over[AXIS_C] || over[AXIS_N] || !columns || (!rows && q.h > 1 && !over[AXIS_W])) {
        tflite_problem(&im->walk, "only over rows and columns together, or over columns and then rows");
        return;
    }
    /* What is left of the dimensions, in the file's order. */
    struct tflite_view left = {.qtensor = im->qmodel->n_tensors};
    int rank = 0;
    bool agrees = true;
    for (int i = 0; i < in->shape.rank; i++) {
        if (reduced[i] && !op->keep_dims)
            continue;
        agrees =
            agrees && rank < out->shape.rank && out->shape.dim[rank] == (reduced[i] ? 1 : in->shape.dim[i]);
        left.axis[rank++] = view->axis[i];
    }
    if (!agrees || rank != out->shape.rank) {
        tflite_contradiction(&im->walk, "input, axes and output shape do not agree");
        return;
    }
    const int from = view->qtensor;
    im->views[id].qtensor = -1;
    const int output = tflite_import_reduced(im, op, rows ? 1 : q.h, q.c);
    if (output < 0)
        return;
    im->views[id] = left;
    tflite_import_node(im, op, QOP_MEAN, &from, 1, output);
}

void tflite_import_concat(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    int in[QNODE_MAX_INPUTS];
    for (int i = 0; i < op->n_inputs; i++)
        if ((in[i] = tflite_import_map(im, op, i, false)) < 0)
            return;
    const int output = tflite_import_output(im, op), rank = im->file->tensors[op->outputs[0]].shape.rank;
    if (output < 0)
        return;
    const struct qtensor *out = &im->qmodel->tensors[output];
    if (op->activation != TFLITE_ACT_NONE) {
        tflite_problem(&im->walk, "fused activation; put it before the CONCATENATION");
        return;
    }
    const int axis = op->axis < 0 ? op->axis + rank : op->axis;
    if (axis < 0 || axis >= rank || im->views[op->outputs[0]].axis[axis] == AXIS_N) {
        tflite_problem(&im->walk, "only rows, columns or channels can be concatenated");
        return;
    }
    const enum tflite_axis side = im->views[op->outputs[0]].axis[axis];
    int joined = 0;
    for (int i = 0; i < op->n_inputs; i++) {
        const struct qtensor *part = &im->qmodel->tensors[in[i]];
        joined += side == AXIS_H ? part->h : side == AXIS_W ? part->w : part->c;
        if (part->scale != out->scale || part->zero_point != out->zero_point) {
            tflite_problem(&im->walk, "inputs and output differ in scale; requantize before it (QUANTIZE)");
            return;
        }
        if ((side != AXIS_H && part->h != out->h) || (side != AXIS_W && part->w != out->w) ||
            (side != AXIS_C && part->c != out->c)) {
            tflite_contradiction(&im->walk,
                                 "inputs differ in another side than the one they are joined along");
            return;
        }
    }
    if (joined != (side == AXIS_H ? out->h : side == AXIS_W ? out->w : out->c)) {
        tflite_contradiction(&im->walk, "sides of the inputs do not add up to the output's");
        return;
    }
    struct qnode *node = tflite_import_node(im, op, QOP_CONCAT, in, op->n_inputs, output);
    if (node)
        node->axis = side == AXIS_H ? CONCAT_ROWS : side == AXIS_W ? CONCAT_COLUMNS : CONCAT_CHANNELS;
}
