#include "model/dnnl_v2.h"

#if DNNL_VERSION_MAJOR < 3

#include <stdlib.h>

#undef dnnl_memory_desc_t

/* A copy that dnnl_memory_desc_destroy() frees. */
static dnnl_status_t keep(dnnl_v2_memory_desc_t *out, const dnnl_memory_desc_t *desc, dnnl_status_t status)
{
    *out = NULL;
    if (status)
        return status;
    *out = malloc(sizeof **out);
    if (!*out)
        return dnnl_out_of_memory;
    **out = *desc;
    return dnnl_success;
}

dnnl_status_t dnnl_memory_desc_create_with_tag(dnnl_v2_memory_desc_t *out, int n_dims, const dnnl_dims_t dims,
                                               dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    return keep(out, &desc, dnnl_memory_desc_init_by_tag(&desc, n_dims, dims, type, tag));
}

dnnl_status_t dnnl_memory_desc_create_with_strides(dnnl_v2_memory_desc_t *out, int n_dims,
                                                   const dnnl_dims_t dims, dnnl_data_type_t type,
                                                   const dnnl_dims_t strides)
{
    dnnl_memory_desc_t desc;
    return keep(out, &desc, dnnl_memory_desc_init_by_strides(&desc, n_dims, dims, type, strides));
}

dnnl_status_t dnnl_memory_desc_destroy(dnnl_v2_memory_desc_t desc)
{
    free(desc);
    return dnnl_success;
}

dnnl_status_t dnnl_convolution_forward_primitive_desc_create(
    dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_prop_kind_t kind, dnnl_alg_kind_t algorithm,
    const_dnnl_memory_desc_t in, const_dnnl_memory_desc_t weights, const_dnnl_memory_desc_t bias,
    const_dnnl_memory_desc_t result, const dnnl_dims_t strides, const dnnl_dims_t dilations,
    const dnnl_dims_t before, const dnnl_dims_t after, const_dnnl_primitive_attr_t attributes)
{
    dnnl_convolution_desc_t desc;
    const dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &desc, kind, algorithm, in, weights, bias, result, strides, dilations, before, after);
    return status ? status : dnnl_primitive_desc_create(out, &desc, attributes, engine, NULL);
}

dnnl_status_t dnnl_inner_product_forward_primitive_desc_create(
    dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_prop_kind_t kind, const_dnnl_memory_desc_t in,
    const_dnnl_memory_desc_t weights, const_dnnl_memory_desc_t bias, const_dnnl_memory_desc_t result,
    const_dnnl_primitive_attr_t attributes)
{
    dnnl_inner_product_desc_t desc;
    const dnnl_status_t status = dnnl_inner_product_forward_desc_init(&desc, kind, in, weights, bias, result);
    return status ? status : dnnl_primitive_desc_create(out, &desc, attributes, engine, NULL);
}

#endif
