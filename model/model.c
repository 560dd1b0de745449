#include "model/model.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"

enum { FIRST_CAPACITY = 16 };

const char *op_name(enum op op)
{
    static const char *const names[OP_COUNT] = {
#define OP(id, name, min, max) [OP_##id] = name,
#include "model/ops.inc"
#undef OP
    };
    if (op < 0 || op >= OP_COUNT)
        die("op %d does not exist", (int)op);
    return names[op];
}

int64_t shape_elements(const struct shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++)
        n *= shape->dim[i];
    return n;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

struct shape shape_of(int rank, ...)
{
    if (rank < 0 || rank > MODEL_MAX_RANK)
        die("shape of rank %d", rank);
    struct shape shape = {.rank = rank};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank; i++)
        shape.dim[i] = va_arg(args, int);
    va_end(args);
    return shape;
}

const char *shape_text(const struct shape *shape, struct arena *arena)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "(");
    for (int i = 0; i < shape->rank; i++)
        strbuf_addf(&text, i ? ", %d" : "%d", shape->dim[i]);
    strbuf_adds(&text, ")");
    const char *copy = arena_strdup(arena, strbuf_text(&text));
    strbuf_release(&text);
    return copy;
}

struct model *model_create(struct arena *arena, const char *name)
{
    struct model *model = ARENA_NEW(arena, struct model);
    model->arena = arena;
    model->name = arena_strdup(arena, name);
    return model;
}

/* The array itself while it has room for one more element, else a copy of twice the capacity. */
static void *with_room(struct arena *arena, void *array, int n, int *capacity, size_t element_bytes)
{
    if (n < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : FIRST_CAPACITY;
    void *larger = arena_array(arena, (size_t)*capacity, element_bytes);
    if (n)
        memcpy(larger, array, (size_t)n * element_bytes);
    return larger;
}

static int add_tensor(struct model *model, const struct tensor *tensor)
{
    model->tensors = with_room(model->arena, model->tensors, model->n_tensors, &model->tensors_capacity,
                               sizeof *model->tensors);
    model->tensors[model->n_tensors] = *tensor;
    model->tensors[model->n_tensors].name = arena_strdup(model->arena, tensor->name);
    return model->n_tensors++;
}

int model_add_tensor(struct model *model, const char *name, struct shape shape)
{
    return add_tensor(model, &(struct tensor){.name = name, .shape = shape, .producer = -1});
}

int model_add_constant(struct model *model, const char *name, struct shape shape, const float *data)
{
    return add_tensor(
        model,
        &(struct tensor){.name = name, .shape = shape, .data = data, .constant = true, .producer = -1});
}

struct node *model_add_node(struct model *model, enum op op, const char *name, const int *inputs,
                            int n_inputs)
{
    if (n_inputs < 0 || n_inputs > MODEL_MAX_INPUTS)
        die("node '%s' has %d inputs", name ? name : op_name(op), n_inputs);
    model->nodes =
        with_room(model->arena, model->nodes, model->n_nodes, &model->nodes_capacity, sizeof *model->nodes);
    const int index = model->n_nodes++;
    struct node *node = &model->nodes[index];
    *node = (struct node){
        .op = op,
        .name =
            name ? arena_strdup(model->arena, name) : arena_printf(model->arena, "%s_%d", op_name(op), index),
        .n_inputs = n_inputs,
        .window =
            {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
        .group = 1,
    };
    for (int i = 0; i < n_inputs; i++) {
        if (inputs[i] < 0 || inputs[i] >= model->n_tensors)
            die("node '%s' reads tensor %d of %d", node->name, inputs[i], model->n_tensors);
        node->inputs[i] = inputs[i];
    }
    node->output = add_tensor(
        model, &(struct tensor){.name = arena_printf(model->arena, "%s:out", node->name), .producer = index});
    return node;
}

static int *append_id(struct arena *arena, const int *ids, int n, int id)
{
    int *longer = ARENA_ARRAY(arena, int, (size_t)n + 1);
    if (n)
        memcpy(longer, ids, (size_t)n * sizeof *ids);
    longer[n] = id;
    return longer;
}

void model_set_input(struct model *model, int tensor)
{
    model->inputs = append_id(model->arena, model->inputs, model->n_inputs++, tensor);
}

void model_set_output(struct model *model, int tensor)
{
    model->outputs = append_id(model->arena, model->outputs, model->n_outputs++, tensor);
}

const char *model_get_metadata(const struct model *model, const char *key)
{
    for (int i = 0; i < model->n_metadata; i++)
        if (strcmp(model->metadata[i].key, key) == 0)
            return model->metadata[i].value;
    return NULL;
}

void model_set_metadata(struct model *model, const char *key, const char *value)
{
    for (int i = 0; i < model->n_metadata; i++) {
        if (strcmp(model->metadata[i].key, key) == 0) {
            model->metadata[i].value = arena_strdup(model->arena, value);
            return;
        }
    }
    struct metadata *longer = ARENA_ARRAY(model->arena, struct metadata, (size_t)model->n_metadata + 1);
    if (model->n_metadata)
        memcpy(longer, model->metadata, (size_t)model->n_metadata * sizeof *longer);
    longer[model->n_metadata++] =
        (struct metadata){arena_strdup(model->arena, key), arena_strdup(model->arena, value)};
    model->metadata = longer;
}

struct model *model_clone(const struct model *model, struct arena *arena)
{
    struct model *copy = model_create(arena, model->name);
    copy->n_tensors = copy->tensors_capacity = model->n_tensors;
    copy->tensors = arena_copy(arena, model->tensors, (size_t)model->n_tensors * sizeof *model->tensors);
    for (int i = 0; i < copy->n_tensors; i++)
        copy->tensors[i].name = arena_strdup(arena, model->tensors[i].name);
    copy->n_nodes = copy->nodes_capacity = model->n_nodes;
    copy->nodes = arena_copy(arena, model->nodes, (size_t)model->n_nodes * sizeof *model->nodes);
    for (int i = 0; i < copy->n_nodes; i++)
        copy->nodes[i].name = arena_strdup(arena, model->nodes[i].name);
    copy->n_inputs = model->n_inputs;
    copy->inputs = arena_copy(arena, model->inputs, (size_t)model->n_inputs * sizeof *model->inputs);
    copy->n_outputs = model->n_outputs;
    copy->outputs = arena_copy(arena, model->outputs, (size_t)model->n_outputs * sizeof *model->outputs);
    for (int i = 0; i < model->n_metadata; i++)
        model_set_metadata(copy, model->metadata[i].key, model->metadata[i].value);
    return copy;
}

int model_uses(const struct model *model, int tensor)
{
    int uses = 0;
    for (int i = 0; i < model->n_nodes; i++)
        for (int j = 0; j < model->nodes[i].n_inputs; j++)
            uses += model->nodes[i].inputs[j] == tensor;
    for (int i = 0; i < model->n_outputs; i++)
        uses += model->outputs[i] == tensor;
    return uses;
}
