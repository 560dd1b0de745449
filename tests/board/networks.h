/*
 * networks.h - small int8 networks with seeded constants, for the tests of generated projects.
 */
#ifndef TESTS_BOARD_NETWORKS_H
#define TESTS_BOARD_NETWORKS_H

#include "quant/qmodel.h"

/* An inverted residual block behind a stem, in 8x8x3, out 5: what golden files show. */
struct qmodel *network_tiny(struct arena *arena);
/* Every operator at least once, odd sizes, squeeze-and-excite, strides, dilation: in 17x13x3. */
struct qmodel *network_all_operators(struct arena *arena);
/* Two convolutions whose arena has about `bytes` bytes (to exceed a board). */
struct qmodel *network_of_arena(int bytes, struct arena *arena);
/* A MobileNet-like chain of `blocks` inverted residual blocks at `size` x `size`. */
struct qmodel *network_blocks(int size, int blocks, struct arena *arena);

/* `repeat` times the operator that calls a kernel, on tiny maps; repeat 0: nothing at all. */
struct qmodel *network_of_kernel(enum qop op, int repeat, struct arena *arena);
/* A convolution, then that operator. */
struct qmodel *network_of_convolution_and(enum qop op, struct arena *arena);

/* Depthwise convolutions one after the other, `kernels` and `strides` (1 or 2) each. exact: they have
 * channels of a scale above 1. */
struct qmodel *network_of_depthwise(int n, const int *kernels, const int *strides, bool exact,
                                    struct arena *arena);

/* One average pool over the whole map. */
struct qmodel *network_of_global_pool(struct arena *arena);

/* The same network without constants, as search plans it. */
struct qmodel *network_skeleton(const struct qmodel *qmodel, struct arena *arena);

#endif
