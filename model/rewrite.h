/*
 * rewrite.h - editing a model's node array in the middle of a pass. Dropped nodes stay in the array as
 * tombstones (op OP_COUNT) so that indices hold; rewrite_finish() closes the gaps.
 */
#ifndef MODEL_REWRITE_H
#define MODEL_REWRITE_H

#include "model/model.h"

/* The node writing input `input` of a node, or NULL: graph input or constant. */
struct node *rewrite_producer(const struct model *model, const struct node *node, int input);
/* The same, but only when nobody else reads that tensor. */
struct node *rewrite_only_producer(const struct model *model, const struct node *node, int input);
/* `producer` writes node's output from now on (it has taken over the node's work); the node is dropped. */
void rewrite_absorb(struct model *model, struct node *producer, struct node *node);
/* Readers of node's output read its input 0 instead; the node is dropped. A graph output keeps its name.
 * False, and nothing changed, where the graph output would be a graph input or a constant. */
bool rewrite_bypass(struct model *model, struct node *node);
/* Inserts a one-input node before nodes[index] (which moves to index + 1); shape inferred. */
struct node *rewrite_insert(struct model *model, int index, enum op op, const char *name, int input);
void rewrite_drop(struct node *node);
bool rewrite_dropped(const struct node *node);
void rewrite_finish(struct model *model);

#endif
