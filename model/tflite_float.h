/*
 * tflite_float.h - shared by the parts of the float TensorFlow Lite importer. Private to model/.
 */
#ifndef MODEL_TFLITE_FLOAT_H
#define MODEL_TFLITE_FLOAT_H

#include "model/tflite_walk.h"

struct tflite_float {
    struct tflite_walk walk;
    struct model *model;
    int *id;        /* per tensor of the file: tensor of the model, -1: none yet */
    int64_t floats; /* converted so far: buffers may be shared by many tensors */
};

/* Model tensor of input i; -1 after a problem. */
int float_input(struct tflite_float *im, const struct tflite_operator *op, int i);
/* Floats of a constant; NULL after a problem. */
float *float_constant(struct tflite_float *im, const struct tflite_tensor *tensor);
/* A constant input of n integers (n < 0: any number); NULL after a problem. */
const struct tflite_tensor *float_ints(struct tflite_float *im, const struct tflite_operator *op, int i,
                                       int64_t n);
/* The node that writes output 0, with its name and shape. */
struct node *float_emit(struct tflite_float *im, const struct tflite_operator *op, enum op kind,
                        const int *inputs, int n);
/* Fuses the operator's activation into the node that was emitted last, or adds it. */
void float_activate(struct tflite_float *im, const struct tflite_operator *op);

/* Handlers (tflite_walk.h); context: the struct tflite_float. tflite_float_layers.c */
tflite_handler tflite_float_conv;
tflite_handler tflite_float_fully_connected;
tflite_handler tflite_float_binary;
tflite_handler tflite_float_pool;
tflite_handler tflite_float_mean;
tflite_handler tflite_float_unary;
/* tflite_float_views.c */
tflite_handler tflite_float_pad;
tflite_handler tflite_float_reshape;
tflite_handler tflite_float_transpose;
tflite_handler tflite_float_concat;
tflite_handler tflite_float_dequantize;
tflite_handler tflite_float_resize;
tflite_handler tflite_float_slice;

#endif
