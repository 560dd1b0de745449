/*
 * exec_layers.h - plain C layers of exec.c: everything that is not a Conv or Gemm. Each works on one image;
 * shapes are the model's. Feature maps are (n, h, w, c).
 */
#ifndef MODEL_EXEC_LAYERS_H
#define MODEL_EXEC_LAYERS_H

#include "model/model.h"

/* In place. act_min, act_max, alpha, beta as in struct node. */
void layer_activate(float *values, int64_t n, enum activation act, const struct node *node);
/* out = in * slope + offset, one of each per element of the last axis, `channels` long; may be in place. */
void layer_scale(float *out, const float *in, int64_t pixels, int channels, const float *slope,
                 const float *offset);
/* Sums of in and of its squares per channel, over pixels. */
void layer_moments(double *sum, double *squares, const float *in, int64_t pixels, int channels);
/* Add, Sub, Mul with numpy broadcasting. */
void layer_arithmetic(enum op op, float *out, const struct shape *out_shape, const float *a,
                      const struct shape *a_shape, const float *b, const struct shape *b_shape);
void layer_pool(const struct node *node, float *out, const struct shape *out_shape, const float *in,
                const struct shape *in_shape);
void layer_reduce_mean(const struct node *node, float *out, const float *in, const struct shape *in_shape);
void layer_matmul(float *out, const struct shape *out_shape, const float *a, const struct shape *a_shape,
                  const float *b, const struct shape *b_shape);
void layer_softmax(float *out, const float *in, const struct shape *shape, int axis);
void layer_pad(const struct node *node, float *out, const struct shape *out_shape, const float *in,
               const struct shape *in_shape);
void layer_resize(const struct node *node, float *out, const struct shape *out_shape, const float *in,
                  const struct shape *in_shape);
/* Copies one input of Concat to its place; offset: rows of `axis` before it. */
void layer_concat(float *out, const struct shape *out_shape, int axis, int offset, const float *in,
                  const struct shape *in_shape);

#endif
