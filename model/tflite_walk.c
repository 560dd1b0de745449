#include "model/tflite_walk.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/name_table.h"

enum { MAX_PROBLEMS = 100 };

struct tflite_walk tflite_walk_begin(const struct tflite *file, struct arena *arena)
{
    return (struct tflite_walk){.file = file,
                                .arena = arena,
                                .names = name_table_create(arena),
                                .needed = tflite_needed(file, arena)};
}

void tflite_walk_run(struct tflite_walk *walk, tflite_handler *const *handlers, const char *unknown,
                     void *context)
{
    for (int i = 0; i < walk->file->n_operators && !walk->failed; i++) {
        const struct tflite_operator *op = &walk->file->operators[i];
        const int before = walk->n_problems;
        walk->op_index = i;
        if (!walk->needed[i])
            continue;
        if (op->truncated)
            tflite_problem(walk, "more than 16 inputs; join them in two steps");
        else if (op->n_outputs != 1 || op->n_inputs < 1)
            tflite_problem(walk, "only operators with one output can be imported");
        else if (op->code < 0 || op->code >= TFLITE_HANDLERS || !handlers[op->code])
            tflite_problem(walk, unknown);
        else
            handlers[op->code](context, op);
        if (walk->n_problems > before && walk->on_problem && op->n_outputs == 1)
            walk->on_problem(context, op);
    }
}

int tflite_walk_end(struct tflite_walk *walk, const char *form)
{
    int rc = walk->failed ? EXIT_INPUT : 0;
    if (!rc && walk->n_problems)
        rc =
            error_unsupported("%s: no %s form for %d operator%s:%s", walk->file->path, form, walk->n_problems,
                              walk->n_problems > 1 ? "s" : "", strbuf_text(&walk->problems));
    strbuf_release(&walk->problems);
    return rc;
}

void tflite_problem(struct tflite_walk *walk, const char *what)
{
    const struct tflite_operator *op = &walk->file->operators[walk->op_index];
    const int out = op->n_outputs ? op->outputs[0] : -1;
    if (walk->n_problems++ < MAX_PROBLEMS)
        strbuf_addf(&walk->problems, "\n  operator %d, %s '%s': %s", walk->op_index, op->name,
                    out >= 0 ? walk->file->tensors[out].name : "", what);
}

void tflite_contradiction(struct tflite_walk *walk, const char *what)
{
    const struct tflite_operator *op = &walk->file->operators[walk->op_index];
    if (!walk->failed)
        error_input("%s: operator %d, %s: %s", walk->file->path, walk->op_index, op->name, what);
    walk->failed = true;
}

const char *tflite_unique_name(struct tflite_walk *walk, const char *text)
{
    char *name = arena_strdup(walk->arena, text);
    if (strchr(name, ';') > name)
        *strchr(name, ';') = '\0';
    const char *unique = name;
    for (int i = 2; name_table_find(walk->names, unique) >= 0; i++)
        unique = arena_printf(walk->arena, "%s_%d", name, i);
    name_table_set(walk->names, unique, 1);
    return unique;
}

const struct tflite_tensor *tflite_operand(const struct tflite_walk *walk, const struct tflite_operator *op,
                                           int i)
{
    return i < op->n_inputs && op->inputs[i] >= 0 ? &walk->file->tensors[op->inputs[i]] : NULL;
}

const struct tflite_tensor *tflite_int_operand(const struct tflite_walk *walk,
                                               const struct tflite_operator *op, int i)
{
    const struct tflite_tensor *tensor = tflite_operand(walk, op, i);
    const bool ints =
        tensor && tensor->data && (tensor->type == TFLITE_INT32 || tensor->type == TFLITE_INT64);
    return ints ? tensor : NULL;
}

bool tflite_clip(int activation, float *min, float *max)
{
    *min = activation == TFLITE_ACT_NONE ? -INFINITY : activation == TFLITE_ACT_RELU_N1_TO_1 ? -1 : 0;
    *max = activation == TFLITE_ACT_RELU_N1_TO_1 ? 1 : activation == TFLITE_ACT_RELU6 ? 6 : INFINITY;
    return activation == TFLITE_ACT_NONE || activation == TFLITE_ACT_RELU || activation == TFLITE_ACT_RELU6 ||
           activation == TFLITE_ACT_RELU_N1_TO_1;
}
