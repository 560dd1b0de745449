/*
 * exec_product.h - Conv and Gemm of exec.c through oneDNN.
 *
 * A product is created once for one image and run by any number of threads at a time; each brings a stream
 * and scratch memory of its own. Primitives are made for one thread, so that what they compute cannot depend
 * on how many cores there are.
 */
#ifndef MODEL_EXEC_PRODUCT_H
#define MODEL_EXEC_PRODUCT_H

#include <dnnl.h>

#include "model/model.h"

struct product;

/* keep: an arena that lives as long as the product. */
int product_create(struct product **out, const struct model *model, const struct node *node,
                   dnnl_engine_t engine, struct arena *keep);
/* Bytes of scratch memory (64-byte aligned) a run needs. */
size_t product_scratch_bytes(const struct product *product);
/* weights and bias (NULL: none) are those of the model, in its layout; they are read only where they are not
 * constant. */
int product_run(const struct product *product, dnnl_stream_t stream, float *out, const float *in,
                const float *weights, const float *bias, void *scratch);
void product_destroy(struct product *product);

#endif
