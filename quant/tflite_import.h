/*
 * tflite_import.h - shared by the parts of the int8 TFLite importer. Private to quant/.
 */
#ifndef QUANT_TFLITE_IMPORT_H
#define QUANT_TFLITE_IMPORT_H

#include "base/strbuf.h"
#include "model/name_table.h"
#include "model/tflite.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"

struct tflite_import {
    const struct tflite *file;
    struct qmodel *qmodel;
    struct arena *arena;
    struct tflite_view *views; /* per tensor of the file */
    struct name_table *names;
    const bool *needed; /* per operator */
    int op_index;       /* the operator being imported */
    struct strbuf problems;
    int n_problems;
    bool failed; /* error_input was printed */
};

/* The operator being imported has no int8 form; its tensors are marked so that readers do not complain again.
 */
void tflite_import_problem(struct tflite_import *im, const char *what);
/* The file contradicts itself: prints error_input. */
void tflite_import_contradiction(struct tflite_import *im, const char *what);

const struct tflite_tensor *tflite_import_input(const struct tflite_import *im,
                                                const struct tflite_operator *op, int i);
/* A constant input of int32 (or int64), or NULL. */
const struct tflite_tensor *tflite_import_ints(const struct tflite_import *im,
                                               const struct tflite_operator *op, int i);
/* (1, h, w, c), (1, w, c), (1, c) or (c); false: not such a map. */
bool tflite_import_as_map(const struct shape *shape, int *h, int *w, int *c);
/* The qtensor that input i is, in order and with its own shape; -1 after a problem. Padding: only where
 * `padded` takes it. */
int tflite_import_map(struct tflite_import *im, const struct tflite_operator *op, int i, bool padded);
/* A new qtensor with a scale, for output 0; -1 after a problem. */
int tflite_import_output(struct tflite_import *im, const struct tflite_operator *op);
/* The same for what a MEAN leaves: (h, 1, c); the caller sets the view. */
int tflite_import_reduced(struct tflite_import *im, const struct tflite_operator *op, int h, int c);
struct qnode *tflite_import_node(struct tflite_import *im, const struct tflite_operator *op, enum qop qop,
                                 const int *inputs, int n_inputs, int output);
/* Fused activation to clip bounds; false: a problem (TANH, SIGN_BIT). */
bool tflite_import_activation(struct tflite_import *im, const struct tflite_operator *op, struct qnode *node);
void tflite_import_view_of_map(struct tflite_import *im, int tensor, int qtensor);

/* tflite_layers.c */
void tflite_import_conv(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_fully_connected(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_pool(struct tflite_import *im, const struct tflite_operator *op);

/* MUL of a map (input `map`) by a constant per channel: a depthwise convolution of one tap, whose arithmetic
 * is the same. */
void tflite_import_channel_factors(struct tflite_import *im, const struct tflite_operator *op, int map);

/* tflite_tables.c: nodes whose 256 answers are computed here. */
void tflite_import_table(struct tflite_import *im, const struct tflite_operator *op);
/* ADD, SUB or MUL of a map (input `map`) and one constant number. */
void tflite_import_constant_operand(struct tflite_import *im, const struct tflite_operator *op, int map);

/* tflite_views.c */
void tflite_import_reshape(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_transpose(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_slice(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_pad(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_resize(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_mean(struct tflite_import *im, const struct tflite_operator *op);
void tflite_import_concat(struct tflite_import *im, const struct tflite_operator *op);

#endif
