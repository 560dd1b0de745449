/*
 * arguments.h - an operator of the int8 graph as the reference kernel's argument struct (engine.h), on whole
 * maps without data: what engine/dsp/pack.h asks about and packs. Constants are null in skeletons. Private to
 * codegen/.
 */
#ifndef CODEGEN_ARGUMENTS_H
#define CODEGEN_ARGUMENTS_H

#include "engine/engine.h"

struct qmodel;
struct qnode;

struct mcu_conv2d conv2d_arguments(const struct qmodel *qmodel, const struct qnode *node);
struct mcu_depthwise depthwise_arguments(const struct qmodel *qmodel, const struct qnode *node);
struct mcu_fully_connected fully_connected_arguments(const struct qmodel *qmodel, const struct qnode *node);
/* Multipliers and shifts have to be there. */
struct mcu_add add_arguments(const struct qmodel *qmodel, const struct qnode *node);

#endif
