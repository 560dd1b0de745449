/*
 * qdq_tables.h - TABLE nodes whose 256 answers are given (qmodel.h, TABLE_GIVEN), in QDQ ONNX. Private to
 * quant/.
 *
 * The operator written (Sigmoid, HardSwish, Clip, a requantisation) is the function that the table
 * approximates: other tools give answers within a step of ours. So that reading back gives the same integers,
 * the table itself is metadata: key "mcunet.table:" and the name of the node's output, value 512 hexadecimal
 * digits.
 */
#ifndef QUANT_QDQ_TABLES_H
#define QUANT_QDQ_TABLES_H

struct arena;
struct model;
struct qmodel;

/* The qmodel's metadata and its given tables. */
void qdq_tables_write(struct model *metadata, const struct qmodel *qmodel, struct arena *arena);
/* Gives the nodes their tables, and takes them out of the metadata. error_input for a damaged one. */
int qdq_tables_read(struct qmodel *qmodel);

#endif
