/*
 * tflite.c - the file behind tflite.h, field by field of the schema.
 */
#include "model/tflite.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/flatbuffer.h"

struct reader {
    struct flatbuffer fb;
    struct tflite *file;
    bool *written; /* per tensor: constant, input or written by an earlier operator */
};

/* 0: a type whose constants we never look at. */
static size_t element_bytes(int type)
{
    switch (type) {
    case TFLITE_FLOAT32:
    case TFLITE_INT32:
        return 4;
    case TFLITE_FLOAT16:
    case TFLITE_INT16:
        return 2;
    case TFLITE_INT64:
        return 8;
    case TFLITE_UINT8:
    case TFLITE_INT8:
        return 1;
    default:
        return 0;
    }
}

static int read_shape(struct reader *r, struct tflite_tensor *tensor, const struct fb_table *table)
{
    const struct fb_vector dims = fb_vector(&r->fb, table, 0, 4);
    if (r->fb.failed)
        return EXIT_INPUT;
    if (dims.n > MODEL_MAX_RANK)
        return error_input("%s: tensor '%s' has %u dimensions, at most %d are read", r->fb.path, tensor->name,
                           dims.n, MODEL_MAX_RANK);
    tensor->shape.rank = (int)dims.n;
    for (uint32_t i = 0; i < dims.n; i++)
        tensor->shape.dim[i] = (int32_t)fb_u32(r->fb.data + dims.at + 4 * i);
    if (dims.n > 0 && shape_check(&tensor->shape))
        return error_input("%s: tensor '%s': dimensions must be 1 or more, and at most %d elements in all",
                           r->fb.path, tensor->name, SHAPE_MAX_ELEMENTS);
    return 0;
}

static int read_quantization(struct reader *r, struct tflite_tensor *tensor, const struct fb_table *table)
{
    struct fb_table quantization;
    if (!fb_table_field(&r->fb, &quantization, table, 4))
        return r->fb.failed ? EXIT_INPUT : 0;
    const struct fb_vector scale = fb_vector(&r->fb, &quantization, 2, 4),
                           zero = fb_vector(&r->fb, &quantization, 3, 8);
    tensor->quantized_dimension = fb_int(&r->fb, &quantization, 6, 0);
    if (r->fb.failed)
        return EXIT_INPUT;
    if (zero.n && zero.n != scale.n)
        return error_input("%s: tensor '%s' has %u scales and %u zero points", r->fb.path, tensor->name,
                           scale.n, zero.n);
    tensor->scale = (struct tflite_bytes){r->fb.data + scale.at, scale.n};
    tensor->zero_point = (struct tflite_bytes){r->fb.data + zero.at, zero.n};
    return 0;
}

static int read_data(struct reader *r, struct tflite_tensor *tensor, const struct fb_table *table,
                     const struct fb_vector *buffers)
{
    const uint32_t index = (uint32_t)fb_int(&r->fb, table, 2, 0);
    struct fb_table buffer;
    if (r->fb.failed)
        return EXIT_INPUT;
    if (index == 0) /* by convention: empty */
        return 0;
    if (index >= buffers->n)
        return error_input("%s: tensor '%s' refers to buffer %u of %u", r->fb.path, tensor->name, index,
                           buffers->n);
    if (fb_item(&r->fb, &buffer, buffers, index))
        return EXIT_INPUT;
    const struct fb_vector bytes = fb_vector(&r->fb, &buffer, 0, 1);
    if (r->fb.failed)
        return EXIT_INPUT;
    if (bytes.n == 0) {
        if (fb_field(&r->fb, &buffer, 1, 8) && fb_u64(r->fb.data + fb_field(&r->fb, &buffer, 1, 8)) > 1)
            return error_input("%s: tensor '%s' lies outside the flatbuffer (files over 2 GB)", r->fb.path,
                               tensor->name);
        return r->fb.failed ? EXIT_INPUT : 0;
    }
    const size_t each = element_bytes(tensor->type), expected = each * (size_t)shape_elements(&tensor->shape);
    if (each && bytes.n != expected)
        return error_input("%s: tensor '%s' has %u bytes of data, expected %zu", r->fb.path, tensor->name,
                           bytes.n, expected);
    tensor->data = r->fb.data + bytes.at;
    return 0;
}

static int read_tensors(struct reader *r, const struct fb_table *subgraph, const struct fb_vector *buffers)
{
    struct tflite *file = r->file;
    const struct fb_vector tensors = fb_vector(&r->fb, subgraph, 0, 4);
    if (r->fb.failed)
        return EXIT_INPUT;
    if (tensors.n > TFLITE_MAX_TENSORS)
        return error_input("%s: %u tensors, at most %d are read", r->fb.path, tensors.n, TFLITE_MAX_TENSORS);
    file->n_tensors = (int)tensors.n;
    file->tensors = ARENA_ARRAY(r->fb.arena, struct tflite_tensor, tensors.n + 1);
    r->written = ARENA_ARRAY(r->fb.arena, bool, tensors.n + 1);
    for (uint32_t i = 0; i < tensors.n; i++) {
        struct tflite_tensor *tensor = &file->tensors[i];
        struct fb_table table;
        if (fb_item(&r->fb, &table, &tensors, i))
            return EXIT_INPUT;
        tensor->name = fb_text(&r->fb, &table, 3);
        if (!*tensor->name)
            tensor->name = arena_printf(r->fb.arena, "tensor_%u", i);
        tensor->type = fb_byte(&r->fb, &table, 1, TFLITE_FLOAT32);
        tensor->variable = fb_byte(&r->fb, &table, 5, 0) != 0;
        int rc = read_shape(r, tensor, &table);
        if (!rc)
            rc = read_quantization(r, tensor, &table);
        if (!rc)
            rc = read_data(r, tensor, &table, buffers);
        if (rc)
            return rc;
        r->written[i] = tensor->data != NULL;
    }
    return 0;
}

/* Graph inputs (field 1) or outputs (field 2). */
static int read_borders(struct reader *r, const struct fb_table *subgraph, int index, int **ids, int *n)
{
    const struct fb_vector vector = fb_vector(&r->fb, subgraph, index, 4);
    if (r->fb.failed)
        return EXIT_INPUT;
    if (vector.n > TFLITE_MAX_TENSORS)
        return error_input("%s: %u graph inputs or outputs", r->fb.path, vector.n);
    *ids = ARENA_ARRAY(r->fb.arena, int, vector.n + 1);
    *n = (int)vector.n;
    for (uint32_t i = 0; i < vector.n; i++) {
        const int32_t id = (int32_t)fb_u32(r->fb.data + vector.at + 4 * i);
        if (id < 0 || id >= r->file->n_tensors)
            return error_input("%s: graph %s %u is tensor %d of %d", r->fb.path,
                               index == 1 ? "input" : "output", i, (int)id, r->file->n_tensors);
        (*ids)[i] = id;
    }
    return 0;
}

/* Codes above 126 do not fit the old 8-bit field, which then holds 127; files older than the new field lack
 * it. */
static int read_code(struct reader *r, struct tflite_operator *op, const struct fb_table *code)
{
    const int old = (int8_t)fb_byte(&r->fb, code, 0, 0), now = fb_int(&r->fb, code, 3, 0);
    op->code = now > old ? now : old;
    op->name = NULL;
    switch (op->code) {
#define TFLITE_OP(number, text)                                                                              \
    case number:                                                                                             \
        op->name = #text;                                                                                    \
        break;
#include "model/tflite_ops.inc"
    }
    if (!op->name)
        op->name = arena_printf(r->fb.arena, "operator %d", op->code);
    if (strcmp(op->name, "CUSTOM") == 0)
        op->name = arena_printf(r->fb.arena, "CUSTOM '%s'", fb_text(&r->fb, code, 1));
    return r->fb.failed ? EXIT_INPUT : 0;
}

static int expected_options(int code)
{
    switch (code) {
#define TFLITE_OP(number, name)
#define TFLITE_OP_READ(number, name, options)                                                                \
    case number:                                                                                             \
        return options;
#include "model/tflite_ops.inc"
    }
    return 0;
}

static void read_window_options(struct reader *r, struct tflite_operator *op, const struct fb_table *o)
{
    op->same_padding = fb_byte(&r->fb, o, 0, 0) == 0;
    op->stride_w = fb_int(&r->fb, o, 1, 0);
    op->stride_h = fb_int(&r->fb, o, 2, 0);
    switch (op->code) {
    case TFLITE_CONV_2D:
        op->activation = fb_byte(&r->fb, o, 3, 0);
        op->dilation_w = fb_int(&r->fb, o, 4, 1);
        op->dilation_h = fb_int(&r->fb, o, 5, 1);
        return;
    case TFLITE_DEPTHWISE_CONV_2D:
        op->depth_multiplier = fb_int(&r->fb, o, 3, 0);
        op->activation = fb_byte(&r->fb, o, 4, 0);
        op->dilation_w = fb_int(&r->fb, o, 5, 1);
        op->dilation_h = fb_int(&r->fb, o, 6, 1);
        return;
    default:
        op->kernel_w = fb_int(&r->fb, o, 3, 0);
        op->kernel_h = fb_int(&r->fb, o, 4, 0);
        op->activation = fb_byte(&r->fb, o, 5, 0);
    }
}

static int read_options(struct reader *r, struct tflite_operator *op, const struct fb_table *table)
{
    const int type = fb_byte(&r->fb, table, 3, 0), expected = expected_options(op->code);
    struct fb_table o;
    op->dilation_h = op->dilation_w = 1;
    op->beta = 1;
    if (!expected || r->fb.failed)
        return r->fb.failed ? EXIT_INPUT : 0;
    if (type == 0 || !fb_table_field(&r->fb, &o, table, 4))
        return r->fb.failed ? EXIT_INPUT : 0; /* the defaults */
    if (type != expected)
        return error_input("%s: %s has options of type %d, expected %d", r->fb.path, op->name, type,
                           expected);
    switch (op->code) {
    case TFLITE_CONV_2D:
    case TFLITE_DEPTHWISE_CONV_2D:
    case TFLITE_AVERAGE_POOL_2D:
    case TFLITE_MAX_POOL_2D:
        read_window_options(r, op, &o);
        break;
    case TFLITE_ADD:
    case TFLITE_MUL:
    case TFLITE_SUB:
        op->activation = fb_byte(&r->fb, &o, 0, 0);
        break;
    case TFLITE_FULLY_CONNECTED:
        op->activation = fb_byte(&r->fb, &o, 0, 0);
        op->weights_format = fb_byte(&r->fb, &o, 1, 0);
        op->keep_dims = fb_byte(&r->fb, &o, 2, 0) != 0;
        break;
    case TFLITE_CONCATENATION:
        op->axis = fb_int(&r->fb, &o, 0, 0);
        op->activation = fb_byte(&r->fb, &o, 1, 0);
        break;
    case TFLITE_SOFTMAX:
        op->beta = fb_float_field(&r->fb, &o, 0, 0);
        break;
    case TFLITE_MEAN:
        op->keep_dims = fb_byte(&r->fb, &o, 0, 0) != 0;
        break;
    case TFLITE_RESIZE_NEAREST_NEIGHBOR:
        op->align_corners = fb_byte(&r->fb, &o, 0, 0) != 0;
        op->half_pixel_centers = fb_byte(&r->fb, &o, 1, 0) != 0;
        break;
    case TFLITE_STRIDED_SLICE:
        op->begin_mask = fb_int(&r->fb, &o, 0, 0);
        op->end_mask = fb_int(&r->fb, &o, 1, 0);
        op->ellipsis_mask = fb_int(&r->fb, &o, 2, 0);
        op->new_axis_mask = fb_int(&r->fb, &o, 3, 0);
        op->shrink_axis_mask = fb_int(&r->fb, &o, 4, 0);
        break;
    }
    return r->fb.failed ? EXIT_INPUT : 0;
}

/* inputs: -1 (absent) or something that exists; outputs: written once. */
static int read_ids(struct reader *r, struct tflite_operator *op, const struct fb_table *table, int index,
                    bool input)
{
    const struct fb_vector vector = fb_vector(&r->fb, table, index, 4);
    int *ids = input ? op->inputs : op->outputs, *n = input ? &op->n_inputs : &op->n_outputs;
    if (r->fb.failed)
        return EXIT_INPUT;
    for (uint32_t i = 0; i < vector.n; i++) {
        const int32_t id = (int32_t)fb_u32(r->fb.data + vector.at + 4 * (size_t)i);
        if (id >= r->file->n_tensors || id < (input ? -1 : 0))
            return error_input("%s: %s refers to tensor %d of %d", r->fb.path, op->name, (int)id,
                               r->file->n_tensors);
        if (input && id >= 0 && !r->written[id] && !r->file->tensors[id].variable)
            return error_input("%s: %s reads tensor '%s' before it is computed", r->fb.path, op->name,
                               r->file->tensors[id].name);
        if (!input && r->written[id])
            return error_input("%s: %s writes tensor '%s', which has a value already", r->fb.path, op->name,
                               r->file->tensors[id].name);
        if (!input)
            r->written[id] = true;
        if (*n < TFLITE_MAX_INPUTS)
            ids[(*n)++] = id;
        else
            op->truncated = true;
    }
    return 0;
}

static int read_operators(struct reader *r, const struct fb_table *subgraph, const struct fb_vector *codes)
{
    struct tflite *file = r->file;
    const struct fb_vector operators = fb_vector(&r->fb, subgraph, 3, 4);
    if (r->fb.failed)
        return EXIT_INPUT;
    if (operators.n > TFLITE_MAX_OPERATORS)
        return error_input("%s: %u operators, at most %d are read", r->fb.path, operators.n,
                           TFLITE_MAX_OPERATORS);
    file->operators = ARENA_ARRAY(r->fb.arena, struct tflite_operator, operators.n + 1);
    for (uint32_t i = 0; i < operators.n; i++) {
        struct tflite_operator *op = &file->operators[i];
        struct fb_table table, code;
        if (fb_item(&r->fb, &table, &operators, i))
            return EXIT_INPUT;
        const uint32_t index = (uint32_t)fb_int(&r->fb, &table, 0, 0);
        if (r->fb.failed)
            return EXIT_INPUT;
        if (index >= codes->n)
            return error_input("%s: operator %u refers to operator code %u of %u", r->fb.path, i, index,
                               codes->n);
        int rc = fb_item(&r->fb, &code, codes, index);
        if (!rc)
            rc = read_code(r, op, &code);
        if (!rc)
            rc = read_ids(r, op, &table, 1, true);
        if (!rc)
            rc = read_ids(r, op, &table, 2, false);
        if (!rc)
            rc = read_options(r, op, &table);
        if (rc)
            return rc;
        file->n_operators++;
    }
    return 0;
}

static int read_subgraph(struct reader *r, const struct fb_table *subgraph, const struct fb_vector *codes,
                         const struct fb_vector *buffers)
{
    struct tflite *file = r->file;
    int rc = read_tensors(r, subgraph, buffers);
    if (!rc)
        rc = read_borders(r, subgraph, 1, &file->inputs, &file->n_inputs);
    if (!rc)
        rc = read_borders(r, subgraph, 2, &file->outputs, &file->n_outputs);
    if (rc)
        return rc;
    for (int i = 0; i < file->n_inputs; i++)
        r->written[file->inputs[i]] = true;
    rc = read_operators(r, subgraph, codes);
    for (int i = 0; i < file->n_outputs && !rc; i++)
        if (!r->written[file->outputs[i]])
            rc = error_input("%s: graph output '%s' is never computed", r->fb.path,
                             file->tensors[file->outputs[i]].name);
    return rc;
}

int tflite_parse(struct tflite **out, const void *data, size_t size, const char *path, struct arena *arena)
{
    struct reader r = {.fb = {.data = data, .size = size, .path = path, .arena = arena}};
    struct fb_table model, subgraph;
    if (size < 8 || memcmp(r.fb.data + 4, "TFL3", 4) != 0)
        return error_input("%s: not a TensorFlow Lite file (no 'TFL3' at byte 4)", path);
    if (size > TFLITE_MAX_BYTES)
        return error_input("%s: larger than %d bytes", path, TFLITE_MAX_BYTES);
    r.file = ARENA_NEW(arena, struct tflite);
    r.file->path = arena_strdup(arena, path);
    const size_t root = fb_follow(&r.fb, 0);
    if (!root || fb_table(&r.fb, &model, root))
        return EXIT_INPUT;
    const uint32_t version = (uint32_t)fb_int(&r.fb, &model, 0, 0);
    if (!r.fb.failed && version != 3)
        return error_input("%s: TensorFlow Lite schema version %u, expected 3", path, version);
    const struct fb_vector codes = fb_vector(&r.fb, &model, 1, 4), subgraphs = fb_vector(&r.fb, &model, 2, 4),
                           buffers = fb_vector(&r.fb, &model, 4, 4);
    r.file->description = fb_text(&r.fb, &model, 3);
    if (r.fb.failed)
        return EXIT_INPUT;
    if (subgraphs.n == 0)
        return error_input("%s: the file has no graph", path);
    int rc = fb_item(&r.fb, &subgraph, &subgraphs, 0);
    if (!rc)
        rc = read_subgraph(&r, &subgraph, &codes, &buffers);
    if (!rc)
        *out = r.file;
    return rc;
}

int tflite_read(struct tflite **out, const char *path, struct arena *arena)
{
    struct file file;
    int rc = file_read(&file, path, TFLITE_MAX_BYTES, arena);
    return rc ? rc : tflite_parse(out, file.data, file.size, path, arena);
}

int tflite_detect(const char *path, bool *is_tflite)
{
    uint8_t start[8];
    *is_tflite = false;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return file_open_error(path);
    if (fread(start, 1, sizeof start, stream) == sizeof start)
        *is_tflite = memcmp(start + 4, "TFL3", 4) == 0;
    fclose(stream);
    return 0;
}
