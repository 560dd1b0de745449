/*
 * supernet_parts.h - named parts of a supernet's largest network, and what a subnet takes of them.
 */
#ifndef NAS_SUPERNET_PARTS_H
#define NAS_SUPERNET_PARTS_H

struct arena;
struct model;
struct node;
struct supernet;
struct tensor;

/* Fills tensors_by_name. */
void supernet_index_tensors(struct supernet *supernet, struct arena *arena);
/* The constant "<name><suffix>", or NULL. */
const struct tensor *supernet_constant(const struct supernet *supernet, const char *name, const char *suffix);
/* The node "<name><suffix>", or NULL. */
const struct node *supernet_node(const struct supernet *supernet, const char *name, const char *suffix);

/* First n values. */
const float *slice_vector(const struct tensor *vector, int n, struct arena *arena);
/* (out, k, k, in) of (O, k, k, I). */
const float *slice_conv(const struct tensor *weights, int out, int in, struct arena *arena);
/* (out, in) of (O, I). */
const float *slice_matrix(const struct tensor *weights, int out, int in, struct arena *arena);
/* (channels, kernel, kernel, 1) of the depthwise convolution `name`: centre crops, each through its transform
 * when the supernet has one. */
const float *slice_depthwise(const struct supernet *supernet, const char *name, int channels, int kernel,
                             struct arena *arena);
/* One step of it, for one channel: out (k - 2, k - 2) from in (k, k); transform ((k - 2)^2, (k - 2)^2) or
 * NULL. */
void kernel_shrink(float *out, const float *in, int k, const float *transform);

#endif
