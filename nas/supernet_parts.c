#include "nas/supernet_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/model.h"
#include "nas/supernet.h"

/* Longest name asked for: a layer's name, a block number, "depthwise.transform_11to9". */
enum { NAME_BYTES = 128 };

static int compare_names(const void *a, const void *b, void *context)
{
    const struct tensor *tensors = context;
    return strcmp(tensors[*(const int *)a].name, tensors[*(const int *)b].name);
}

void supernet_index_tensors(struct supernet *supernet, struct arena *arena)
{
    const struct model *model = supernet->model;
    int *ids = ARENA_ARRAY(arena, int, (size_t)model->n_tensors);
    for (int i = 0; i < model->n_tensors; i++)
        ids[i] = i;
    qsort_r(ids, (size_t)model->n_tensors, sizeof *ids, compare_names, model->tensors);
    supernet->tensors_by_name = ids;
}

const struct tensor *supernet_constant(const struct supernet *supernet, const char *name, const char *suffix)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    const struct model *model = supernet->model;
    int low = 0, high = model->n_tensors;
    while (low < high) {
        int middle = low + (high - low) / 2;
        const struct tensor *tensor = &model->tensors[supernet->tensors_by_name[middle]];
        int order = strcmp(full, tensor->name);
        if (order == 0)
            return tensor->constant && tensor->data ? tensor : NULL;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct node *supernet_node(const struct supernet *supernet, const char *name, const char *suffix)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    const struct model *model = supernet->model;
    for (int i = 0; i < model->n_nodes; i++)
        if (strcmp(model->nodes[i].name, full) == 0)
            return &model->nodes[i];
    return NULL;
}

const float *slice_vector(const struct tensor *vector, int n, struct arena *arena)
{
    return arena_copy(arena, vector->data, (size_t)n * sizeof(float));
}

/* The first `out` rows and `in` last-axis entries of (O, middle, I). */
static const float *slice(const float *data, int out, int middle, int in, int in_all, struct arena *arena)
{
    size_t rows = (size_t)out * (size_t)middle;
    float *copy = arena_array(arena, rows * (size_t)in, sizeof(float));
    for (size_t i = 0; i < rows; i++)
        memcpy(copy + i * (size_t)in, data + i * (size_t)in_all, (size_t)in * sizeof(float));
    return copy;
}

const float *slice_conv(const struct tensor *weights, int out, int in, struct arena *arena)
{
    const int *dim = weights->shape.dim;
    return slice(weights->data, out, dim[1] * dim[2], in, dim[3], arena);
}

const float *slice_matrix(const struct tensor *weights, int out, int in, struct arena *arena)
{
    return slice(weights->data, out, 1, in, weights->shape.dim[1], arena);
}

void kernel_shrink(float *out, const float *in, int k, const float *transform)
{
    int m = k - 2, n = m * m;
    float centre[SUPERNET_MAX_KERNEL * SUPERNET_MAX_KERNEL];
    for (int y = 0; y < m; y++)
        for (int x = 0; x < m; x++)
            centre[y * m + x] = in[(y + 1) * k + x + 1];
    if (!transform) {
        memcpy(out, centre, (size_t)n * sizeof(float));
        return;
    }
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++)
            sum += (double)centre[j] * transform[i * n + j];
        out[i] = (float)sum;
    }
}

const float *slice_depthwise(const struct supernet *supernet, const char *name, int channels, int kernel,
                             struct arena *arena)
{
    const struct tensor *weights = supernet_constant(supernet, name, ".weight");
    int k = weights->shape.dim[1];
    float *taps = arena_copy(arena, weights->data, (size_t)channels * (size_t)(k * k) * sizeof(float));
    for (; k > kernel; k -= 2) {
        char suffix[NAME_BYTES / 2];
        snprintf(suffix, sizeof suffix, ".transform_%dto%d", k, k - 2);
        const struct tensor *transform = supernet_constant(supernet, name, suffix);
        /* In place: a channel's smaller kernel ends before the next channel's larger one begins. */
        for (int c = 0; c < channels; c++)
            kernel_shrink(taps + c * (k - 2) * (k - 2), taps + c * k * k, k,
                          transform ? transform->data : NULL);
    }
    return taps;
}
