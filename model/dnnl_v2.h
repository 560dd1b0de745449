/*
 * dnnl_v2.h - oneDNN, in the vocabulary of its version 3 (Debian 13), also where version 2 is installed
 * (Debian 12). Private to exec_product.c.
 *
 * Version 3 made memory descriptors opaque and merged an operation's description with its primitive
 * descriptor. Under version 2 this header and dnnl_v2.c give the old structs and functions the new names;
 * with version 3 they are empty, and can go when version 2 does.
 */
#ifndef MODEL_DNNL_V2_H
#define MODEL_DNNL_V2_H

#include <dnnl.h>

#if DNNL_VERSION_MAJOR < 3

typedef dnnl_memory_desc_t *dnnl_v2_memory_desc_t; /* to a copy of its own, or into a primitive descriptor */
typedef const dnnl_memory_desc_t *const_dnnl_memory_desc_t;
#define dnnl_memory_desc_t dnnl_v2_memory_desc_t

dnnl_status_t dnnl_memory_desc_create_with_tag(dnnl_memory_desc_t *out, int n_dims, const dnnl_dims_t dims,
                                               dnnl_data_type_t type, dnnl_format_tag_t tag);
dnnl_status_t dnnl_memory_desc_create_with_strides(dnnl_memory_desc_t *out, int n_dims,
                                                   const dnnl_dims_t dims, dnnl_data_type_t type,
                                                   const dnnl_dims_t strides);
/* NULL is one, too. */
dnnl_status_t dnnl_memory_desc_destroy(dnnl_memory_desc_t desc);

/* dilations: 0 is none; bias: NULL is none. */
dnnl_status_t dnnl_convolution_forward_primitive_desc_create(
    dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_prop_kind_t kind, dnnl_alg_kind_t algorithm,
    const_dnnl_memory_desc_t in, const_dnnl_memory_desc_t weights, const_dnnl_memory_desc_t bias,
    const_dnnl_memory_desc_t result, const dnnl_dims_t strides, const dnnl_dims_t dilations,
    const dnnl_dims_t before, const dnnl_dims_t after, const_dnnl_primitive_attr_t attributes);
dnnl_status_t dnnl_inner_product_forward_primitive_desc_create(
    dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_prop_kind_t kind, const_dnnl_memory_desc_t in,
    const_dnnl_memory_desc_t weights, const_dnnl_memory_desc_t bias, const_dnnl_memory_desc_t result,
    const_dnnl_primitive_attr_t attributes);

/* Version 3 dropped the scale. */
#define dnnl_post_ops_append_eltwise(post_ops, algorithm, alpha, beta)                                       \
    dnnl_post_ops_append_eltwise(post_ops, 1, algorithm, alpha, beta)

#endif
#endif
