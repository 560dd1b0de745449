/*
 * tflite_walk.h - what importers of a TensorFlow Lite file share: all problems told at once, unique names,
 * operands, the dispatch by operator.
 *
 *     static tflite_handler *const handlers[TFLITE_HANDLERS] = {[TFLITE_ADD] = import_add, ...};
 *     struct tflite_walk walk = tflite_walk_begin(file, arena);
 *     tflite_walk_run(&walk, handlers, "no int8 kernel; ...", context);     each operator that is needed
 *     rc = tflite_walk_end(&walk, "int8");
 *
 * Private to model/ and quant/.
 */
#ifndef MODEL_TFLITE_WALK_H
#define MODEL_TFLITE_WALK_H

#include "base/strbuf.h"
#include "model/tflite.h"

struct name_table;

enum { TFLITE_HANDLERS = 128 }; /* operators with a handler have smaller numbers */

typedef void tflite_handler(void *context, const struct tflite_operator *op);

struct tflite_walk {
    const struct tflite *file;
    struct arena *arena;
    struct name_table *names;
    const bool *needed; /* per operator: an output depends on it */
    int op_index;       /* the operator at hand */
    struct strbuf problems;
    int n_problems;
    bool failed;                /* error_input was printed */
    tflite_handler *on_problem; /* NULL, or called after an operator with problems and one output */
};

struct tflite_walk tflite_walk_begin(const struct tflite *file, struct arena *arena);
/* Stops at a contradiction. `unknown`: what to do about operators without a handler. */
void tflite_walk_run(struct tflite_walk *walk, tflite_handler *const *handlers, const char *unknown,
                     void *context);
/* error_unsupported listing all problems ("no int8 form for 2 operators:"), EXIT_INPUT after a contradiction.
 * Releases what the walk holds. */
int tflite_walk_end(struct tflite_walk *walk, const char *form);

/* The operator at hand cannot be imported. */
void tflite_problem(struct tflite_walk *walk, const char *what);
/* The file contradicts itself: prints error_input. */
void tflite_contradiction(struct tflite_walk *walk, const char *what);
/* A converter joins the names of what it fused with ';': the first says enough. Then made unique. */
const char *tflite_unique_name(struct tflite_walk *walk, const char *text);

const struct tflite_tensor *tflite_operand(const struct tflite_walk *walk, const struct tflite_operator *op,
                                           int i); /* NULL: absent */
/* A constant input of int32 or int64, or NULL. */
const struct tflite_tensor *tflite_int_operand(const struct tflite_walk *walk,
                                               const struct tflite_operator *op, int i);
/* Bounds of RELU, RELU6, RELU_N1_TO_1, and of none; false: another function. */
bool tflite_clip(int activation, float *min, float *max);

#endif
