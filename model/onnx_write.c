#include "model/onnx.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/onnx_writer.h"
#include "model/transpose.h"

static int write_constant(struct onnx_writer *w, int id)
{
    const struct tensor *tensor = &w->model->tensors[id];
    if (!tensor->data)
        return error("cannot write model '%s': the values of '%s' are not loaded", w->model->name,
                     tensor->name);
    const float *data = tensor->data;
    if (tensor->shape.rank == 4) {
        float *moved = ARENA_ARRAY(w->builder.arena, float, (size_t)shape_elements(&tensor->shape));
        transpose_floats(moved, data, &tensor->shape, NHWC_TO_NCHW);
        data = moved;
    }
    const struct shape shape = onnx_shape_of(&tensor->shape);
    w->values[id] = onnx_add_floats(&w->builder, tensor->name, &shape, data);
    return 0;
}

static int write_graph(struct onnx_writer *w)
{
    const struct model *model = w->model;
    /* Inputs and outputs come first: their names are the user's. */
    for (int i = 0; i < model->n_inputs; i++)
        w->values[model->inputs[i]] = onnx_unique_name(&w->builder, model->tensors[model->inputs[i]].name);
    for (int i = 0; i < model->n_outputs; i++)
        if (!w->values[model->outputs[i]] && !model->tensors[model->outputs[i]].constant)
            w->values[model->outputs[i]] =
                onnx_unique_name(&w->builder, model->tensors[model->outputs[i]].name);
    for (int i = 0; i < model->n_tensors; i++) {
        const int rc = model->tensors[i].constant ? write_constant(w, i) : 0;
        if (rc)
            return rc;
    }
    for (int i = 0; i < model->n_nodes; i++)
        onnx_write_node(w, &model->nodes[i]);

    for (int i = 0; i < model->n_inputs; i++) {
        const struct shape shape = onnx_shape_of(&model->tensors[model->inputs[i]].shape);
        onnx_add_graph_input(&w->builder, w->values[model->inputs[i]], &shape);
    }
    for (int i = 0; i < model->n_outputs; i++) {
        const struct shape shape = onnx_shape_of(&model->tensors[model->outputs[i]].shape);
        onnx_add_graph_output(&w->builder, w->values[model->outputs[i]], &shape);
    }
    return 0;
}

int onnx_write(const struct model *model, const char *path)
{
    struct arena arena = ARENA_INIT;
    struct onnx_writer w = {.builder = onnx_builder_create(&arena, model->name), .model = model};
    w.values = ARENA_ARRAY(&arena, const char *, (size_t)model->n_tensors);
    int rc = write_graph(&w);
    if (!rc)
        rc = onnx_build_write(&w.builder, model, path);
    arena_release(&arena);
    return rc;
}
