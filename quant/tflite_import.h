/*
 * tflite_import.h - shared by the parts of the int8 TFLite importer. Private to quant/.
 */
#ifndef QUANT_TFLITE_IMPORT_H
#define QUANT_TFLITE_IMPORT_H

#include "model/tflite_walk.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"

struct tflite_import {
    struct tflite_walk walk;
    const struct tflite *file;
    struct qmodel *qmodel;
    struct arena *arena;
    struct tflite_view *views; /* per tensor of the file */
};

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

/* Handlers (tflite_walk.h) have the struct tflite_import as context. tflite_layers.c */
tflite_handler tflite_import_conv;
tflite_handler tflite_import_fully_connected;
tflite_handler tflite_import_pool;

/* MUL of a map (input `map`) by a constant per channel: a depthwise convolution of one tap, whose arithmetic
 * is the same. */
void tflite_import_channel_factors(struct tflite_import *im, const struct tflite_operator *op, int map);

/* ADD or SUB of a map (input `map`) and a constant per channel. */
void tflite_import_channel_summands(struct tflite_import *im, const struct tflite_operator *op, int map);

/* tflite_tables.c: nodes whose 256 answers are computed here. */
tflite_handler tflite_import_table;
/* ADD, SUB or MUL of a map (input `map`) and one constant number. */
void tflite_import_constant_operand(struct tflite_import *im, const struct tflite_operator *op, int map);

/* tflite_views.c */
tflite_handler tflite_import_reshape;
tflite_handler tflite_import_transpose;
tflite_handler tflite_import_slice;
tflite_handler tflite_import_pad;
tflite_handler tflite_import_resize;
tflite_handler tflite_import_mean;
tflite_handler tflite_import_concat;

#endif
