/*
 * conv2d_case.h - one random convolution with what the reference kernel makes of it, for the kernels that
 * compute convolutions.
 */
#ifndef TESTS_KERNELS_DSP_CONV2D_CASE_H
#define TESTS_KERNELS_DSP_CONV2D_CASE_H

#include "check.h"
#include "engine/dsp/pack.h"

struct shape {
    int h, w, c, kernel_h, kernel_w, stride, pad_top, pad_left, pad_bottom, pad_right, out_c;
};

struct conv2d_case {
    int32_t misalign, out_bytes;
    struct check_buffer in, out, expected; /* out is for the kernel under test */
    int8_t *weights, *shift;
    int32_t *bias, *multiplier;
    struct mcu_conv2d op; /* of the reference; op.out is `expected` */
};

/* shifts: check_multipliers. flip: maps bottom-up. extreme: inputs and weights at the ends of their ranges.
 */
static inline struct conv2d_case conv2d_case(const struct shape *s, int shifts, bool flip, int in_zero_point,
                                             int act_min, int act_max, bool extreme)
{
    const int32_t out_h = (s->h + s->pad_top + s->pad_bottom - s->kernel_h) / s->stride + 1;
    const int32_t out_w = (s->w + s->pad_left + s->pad_right - s->kernel_w) / s->stride + 1;
    const int32_t taps = s->kernel_h * s->kernel_w * s->c, in_bytes = s->h * s->w * s->c,
                  out_bytes = out_h * out_w * s->out_c;
    /* The reference computes a multiple of 4 channels, the last without weights: it adds what it does not use
     * into sums it did not set, which a sanitizer may object to. */
    const int32_t padded_c = (s->out_c + 3) & ~3;
    struct conv2d_case it = {.misalign = check_range(0, 3), .out_bytes = out_bytes};
    it.in = check_alloc(in_bytes, it.misalign);
    it.out = check_alloc(out_bytes, it.misalign);
    it.expected = check_alloc(out_bytes, 0);
    it.weights = calloc(1, (size_t)(taps * padded_c));
    it.shift = calloc(1, (size_t)padded_c);
    it.bias = calloc(4, (size_t)padded_c);
    it.multiplier = calloc(4, (size_t)padded_c);
    for (int32_t i = 0; i < in_bytes; i++)
        it.in.bytes[i] = (uint8_t)(extreme ? (i & 16 ? 127 : -128) : check_int8(-128));
    for (int32_t i = 0; i < taps * s->out_c; i++)
        it.weights[i] = (int8_t)(extreme && i / taps % 2 ? 127 : check_int8(-127));
    for (int32_t i = 0; i < s->out_c; i++)
        it.bias[i] = (int32_t)check_random() >> check_range(8, 24);
    if (extreme)
        it.bias[0] = 1 << 30;
    check_multipliers(it.multiplier, it.shift, s->out_c, shifts);
    it.op = (struct mcu_conv2d){
        .in = check_map(it.in.bytes, s->h, s->w, s->c),
        .out = check_map(it.expected.bytes, out_h, out_w, s->out_c),
        .window = {(uint8_t)s->kernel_h, (uint8_t)s->kernel_w, (uint8_t)s->stride, (uint8_t)s->stride, 1, 1,
                   (int8_t)s->pad_top, (int8_t)s->pad_left},
        .in_zero_point = (int16_t)in_zero_point,
        .out_zero_point = (int16_t)(check_range(0, 3) ? check_range(-128, 127) : -128),
        .act_min = (int16_t)act_min,
        .act_max = (int16_t)act_max,
        .weights = it.weights,
        .bias = it.bias,
        .multiplier = it.multiplier,
        .shift = it.shift,
    };
    if (flip) {
        it.op.in = check_flip(it.op.in);
        it.op.out = check_flip(it.op.out);
    }
    int8_t *padded = malloc((size_t)(out_h * out_w * padded_c));
    struct mcu_conv2d reference = it.op;
    reference.out = check_map(padded, out_h, out_w, padded_c);
    if (flip)
        reference.out = check_flip(reference.out);
    mcu_conv2d_s8__ref(&reference, 0, out_h);
    for (int32_t i = 0; i < out_h * out_w; i++)
        memcpy(it.expected.bytes + i * s->out_c, padded + i * padded_c, (size_t)s->out_c);
    free(padded);
    return it;
}

static inline void conv2d_case_free(const struct conv2d_case *it, const char *what)
{
    check_free(it->in, it->misalign, what);
    check_free(it->out, it->misalign, what);
    check_free(it->expected, 0, what);
    free(it->weights), free(it->shift), free(it->bias), free(it->multiplier);
}

#endif
