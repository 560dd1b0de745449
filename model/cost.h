/*
 * cost.h - multiply-accumulates and parameters of a model (batch 1). MACs count Conv, Gemm, MatMul; padding
 * taps included, as the literature does.
 */
#ifndef MODEL_COST_H
#define MODEL_COST_H

#include <stdint.h>

struct model;

struct cost {
    int64_t macs;
    int64_t params; /* elements of constants of Conv, Gemm, BatchNormalization */
};

struct cost model_cost(const struct model *model);
struct cost node_cost(const struct model *model, int node);

#endif
