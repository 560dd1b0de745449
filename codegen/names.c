#include "codegen/names.h"

#include "base/arena.h"
#include "quant/qmodel.h"

static const char *const stems[QOP_COUNT] = {
    [QOP_CONV] = "conv",
    [QOP_DEPTHWISE] = "depthwise",
    [QOP_FULLY_CONNECTED] = "fully_connected",
    [QOP_ADD] = "add",
    [QOP_ADD_CONSTANT] = "add_constant",
    [QOP_MUL] = "mul",
    [QOP_AVERAGE_POOL] = "average_pool",
    [QOP_MAX_POOL] = "max_pool",
    [QOP_MEAN] = "mean",
    [QOP_TABLE] = "lookup",
    [QOP_SOFTMAX] = "softmax",
    [QOP_CONCAT] = "concat",
    [QOP_PAD] = "pad",
    [QOP_RESIZE_NEAREST] = "resize",
};

const char *node_identifier(const struct qmodel *qmodel, int node, struct arena *arena)
{
    return arena_printf(arena, "%s_%d", stems[qmodel->nodes[node].op], node);
}

const char *plain_name(const char *name, struct arena *arena)
{
    enum { LONGEST = 120 };
    char *label = arena_strdup(arena, name ? name : "");
    for (int i = 0; label[i]; i++) {
        if (label[i] < ' ' || label[i] > '~' || label[i] == '\\' || label[i] == '"' || label[i] == '?' ||
            (label[i] == '/' && label[i + 1] == '*') || (label[i] == '*' && label[i + 1] == '/'))
            label[i] = '_';
        if (i + 1 == LONGEST)
            label[i + 1] = '\0';
    }
    return label;
}

const char *tensor_shape(const struct qtensor *tensor, struct arena *arena)
{
    return arena_printf(arena, "(%d, %d, %d)", tensor->h, tensor->w, tensor->c);
}

const char *grouped(int64_t n, struct arena *arena)
{
    if (n < 1000)
        return arena_printf(arena, "%lld", (long long)n);
    return arena_printf(arena, "%s %03d", grouped(n / 1000, arena), (int)(n % 1000));
}
