/*
 * tflite_tables.c - functions of one int8, as TFLite's reference kernels compute them, tabulated.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/requant.h"
#include "quant/tflite_import.h"

typedef int value_of(const void *function,
                     int q); /* q: -128..127; the answer is clamped to int8 by the caller */

static void set_table(struct tflite_import *im, struct qnode *node, value_of *value, const void *function)
{
    int8_t *table = arena_alloc(im->arena, 256);
    for (int q = -128; q < 128; q++)
        table[q + 128] = (int8_t)mcu_clamp(value(function, q), -128, 127);
    node->table = table;
    node->table_source = TABLE_GIVEN;
}

/* RELU and its like, QUANTIZE: TFLite's ReluX and Requantize. */
struct rescale {
    int in_zero, out_zero, low, high;
    int32_t multiplier;
    int8_t shift;
};

static int rescaled(const void *function, int q)
{
    const struct rescale *f = function;
    return mcu_clamp(mcu_requantize(q - f->in_zero, f->multiplier, f->shift) + f->out_zero, f->low, f->high);
}

/* LOGISTIC and TANH: reference_integer_ops::Logistic and Tanh, on gemmlowp's fixed point with 4 integer bits.
 */
struct logistic {
    int in_zero, radius;
    int32_t multiplier;
    int shift;
};

enum { LOGISTIC_BITS = 4 };

/* exp(a) as a fraction of 2^31 for a <= 0 with `bits` integer bits, 4 or 5: a Taylor polynomial around -1/8
 * on
 * [-1/4, 0), times exp(-2^k) for each bit of the rest. */
static int32_t exp_negative(int32_t a, int bits)
{
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = 1 << (31 - bits - 2), exp_eighth = 1895147668, third = 715827883;
    const int32_t low = (a & (quarter - 1)) - quarter, rest = low - a;
    const int32_t x = low * (1 << bits) + (1 << 28);
    const int32_t x2 = mcu_high_mul(x, x), x3 = mcu_high_mul(x2, x), x4 = mcu_high_mul(x2, x2);
    const int32_t tail = mcu_divide_by_pot(mcu_high_mul(mcu_divide_by_pot(x4, 2) + x3, third) + x2, 1);
    int32_t result = exp_eighth + mcu_high_mul(exp_eighth, x + tail);
    for (int k = 0; k < bits + 2; k++)
        if (rest & (quarter << k))
            result = mcu_high_mul(result, factors[k]);
    return a ? result : INT32_MAX;
}

static int32_t saturate(int64_t x)
{
    return (int32_t)(x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x);
}

/* 2 / (1 + a), a a fraction of 2^31, the answer of 2^29: three Newton-Raphson steps from 48/17 - 32/17 d. */
static int32_t reciprocal(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + mcu_high_mul(half_denominator, -1010580540);
    for (int i = 0; i < 3; i++)
        x += saturate((int64_t)mcu_high_mul(x, (1 << 29) - mcu_high_mul(half_denominator, x)) * 4);
    return x;
}

static int logistic_value(const void *function, int q)
{
    const struct logistic *f = function;
    const int centred = q - f->in_zero;
    if (centred <= -f->radius)
        return -128;
    if (centred >= f->radius)
        return 127;
    const int32_t x = mcu_requantize(centred, f->multiplier, f->shift);
    const int32_t positive = saturate((int64_t)reciprocal(exp_negative(x > 0 ? -x : x, LOGISTIC_BITS)) * 2);
    const int32_t y = x > 0 ? positive : x < 0 ? INT32_MAX - positive : 1 << 30;
    return mcu_divide_by_pot(y, 23) - 128;
}

/* (1 - e^-2x) / (1 + e^-2x): one more integer bit doubles x. */
static int tanh_value(const void *function, int q)
{
    const struct logistic *f = function;
    const int centred = q - f->in_zero;
    if (centred <= -f->radius)
        return -128;
    if (centred >= f->radius)
        return 127;
    const int32_t x = mcu_requantize(centred, f->multiplier, f->shift);
    const int32_t twice = reciprocal(exp_negative(x > 0 ? -x : x, LOGISTIC_BITS + 1));
    const int32_t positive = saturate(((int64_t)twice - (1 << 29)) * 4);
    return mcu_divide_by_pot(x > 0 ? positive : x < 0 ? -positive : 0, 24);
}

/* HARD_SWISH: reference_ops::HardSwish, in 16 bits. */
struct hard_swish {
    int in_zero, out_zero;
    int out_multiplier, out_exponent, reluish_multiplier, reluish_exponent;
};

static int saturate16(int x)
{
    return mcu_clamp(x, INT16_MIN, INT16_MAX);
}

/* The quotient truncates, as gemmlowp's does. */
static int high_mul16(int a, int b, bool rounding)
{
    const int product = a * b, nudge = !rounding ? 0 : product >= 0 ? 1 << 14 : 1 - (1 << 14);
    return saturate16((product + nudge) / (1 << 15));
}

static int shift_left16(int x, int exponent)
{
    return exponent > 15 ? (x > 0 ? INT16_MAX : x < 0 ? INT16_MIN : 0) : saturate16(x * (1 << exponent));
}

static int hard_swish_value(const void *function, int q)
{
    const struct hard_swish *f = function;
    const int fine = (q - f->in_zero) * 128; /* within int16 */
    const int scaled = high_mul16(fine, f->out_multiplier, true);
    int gate = fine; /* (x + 3) / 6 within [0, 1], from x / 3 */
    if (f->reluish_exponent > 0)
        gate = shift_left16(gate, f->reluish_exponent - 1);
    gate = high_mul16(gate, f->reluish_multiplier, true);
    if (f->reluish_exponent > 0)
        gate = shift_left16(gate, 1);
    else if (f->reluish_exponent < 0)
        gate = mcu_divide_by_pot(gate, -f->reluish_exponent);
    gate = (gate + (1 << 15)) >> 1;
    return mcu_divide_by_pot(high_mul16(gate, scaled, false), -f->out_exponent) + f->out_zero;
}

static int to_int16(int32_t multiplier)
{
    return multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX : (multiplier + (1 << 15)) >> 16;
}

/* A ratio of scales that quantize_multiplier() can express well. */
static bool usable(double real)
{
    return real > 1e-8 && real < 1e6;
}

static void set_logistic(struct tflite_import *im, struct qnode *node, const struct qtensor *in,
                         const struct qtensor *out, bool hyperbolic)
{
    const double real = (double)in->scale * (1 << (31 - LOGISTIC_BITS));
    if (out->scale != (hyperbolic ? 1.0f / 128 : 1.0f / 256) || out->zero_point != (hyperbolic ? 0 : -128) ||
        !(real > 1) || !(real < (double)(1 << 30))) {
        tflite_problem(&im->walk,
                       hyperbolic
                           ? "needs output scale 1/128 and zero point 0, and an input scale below 8"
                           : "needs output scale 1/256 and zero point -128, and an input scale below 8");
        return;
    }
    struct logistic f = {.in_zero = in->zero_point};
    int8_t shift;
    quantize_multiplier(real, &f.multiplier, &shift);
    f.shift = shift;
    f.radius =
        (int)floor(((1 << LOGISTIC_BITS) - 1) * (double)(1 << (31 - LOGISTIC_BITS)) / (double)(1LL << shift));
    set_table(im, node, hyperbolic ? tanh_value : logistic_value, &f);
    node->table_function = hyperbolic ? ACT_TANH : ACT_SIGMOID;
}

static void set_hard_swish(struct tflite_import *im, struct qnode *node, const struct qtensor *in,
                           const struct qtensor *out)
{
    const float fine = (1.0f / 128.0f) * in->scale, reluish = 3.0f / 32768.0f;
    struct hard_swish f = {.in_zero = in->zero_point, .out_zero = out->zero_point};
    int32_t multiplier;
    int8_t exponent;
    if (!usable((double)(fine / out->scale)) || !usable((double)(fine / reluish))) {
        tflite_problem(&im->walk, "scales of input and output are too far apart");
        return;
    }
    quantize_multiplier((double)(fine / out->scale), &multiplier, &exponent);
    f.out_multiplier = to_int16(multiplier);
    f.out_exponent = exponent;
    quantize_multiplier((double)(fine / reluish), &multiplier, &exponent);
    f.reluish_multiplier = to_int16(multiplier);
    f.reluish_exponent = exponent;
    if (f.out_exponent > 0) {
        tflite_problem(&im->walk, "the output scale is too small for the input's (TFLite refuses it, too)");
        return;
    }
    set_table(im, node, hard_swish_value, &f);
    node->table_function = ACT_HARD_SWISH;
}

/* clip: the activation that the operator is; QUANTIZE has none. */
static void set_rescale(struct tflite_import *im, struct qnode *node, const struct qtensor *in,
                        const struct qtensor *out, int code)
{
    const double real =
        code == TFLITE_QUANTIZE ? (double)in->scale / (double)out->scale : (double)(in->scale / out->scale);
    struct rescale f = {.in_zero = in->zero_point, .out_zero = out->zero_point, .low = -128, .high = 127};
    if (!usable(real)) {
        tflite_problem(&im->walk, "scales of input and output are too far apart");
        return;
    }
    quantize_multiplier(real, &f.multiplier, &f.shift);
    if (code != TFLITE_QUANTIZE) {
        node->table_function = ACT_CLIP;
        node->clip_min = code == TFLITE_RELU_N1_TO_1 ? -1 : 0;
        node->clip_max = code == TFLITE_RELU_N1_TO_1 ? 1 : code == TFLITE_RELU6 ? 6 : INFINITY;
        f.low = (int)fmaxf(-128, roundf(node->clip_min / out->scale) + (float)out->zero_point);
        f.high = (int)fminf(127, roundf(node->clip_max / out->scale) + (float)out->zero_point);
        f.low = mcu_clamp(f.low, -128, 127);
        f.high = mcu_clamp(f.high, f.low, 127);
    }
    set_table(im, node, rescaled, &f);
}

static bool usable_tensor(const struct qtensor *tensor)
{
    return tensor->scale > 0 && isfinite(tensor->scale) && tensor->zero_point >= -128 &&
           tensor->zero_point <= 127;
}

/* Input, output and node of an element-wise function; NULL after a problem. */
static struct qnode *table_node(struct tflite_import *im, const struct tflite_operator *op, int input)
{
    const int in = tflite_import_map(im, op, input, false), out = in >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return NULL;
    const struct qtensor *a = &im->qmodel->tensors[in], *b = &im->qmodel->tensors[out];
    if (a->h != b->h || a->w != b->w || a->c != b->c || !usable_tensor(a) || !usable_tensor(b)) {
        tflite_contradiction(&im->walk, "input and output differ in shape, or their scales are not usable");
        return NULL;
    }
    struct tflite_operator plain = *op;
    plain.activation = TFLITE_ACT_NONE; /* part of the table */
    return tflite_import_node(im, &plain, QOP_TABLE, &in, 1, out);
}

void tflite_import_table(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    struct qnode *node = table_node(im, op, 0);
    if (!node)
        return;
    const struct qtensor *in = &im->qmodel->tensors[node->inputs[0]],
                         *out = &im->qmodel->tensors[node->output];
    if (op->code == TFLITE_LOGISTIC || op->code == TFLITE_TANH)
        set_logistic(im, node, in, out, op->code == TFLITE_TANH);
    else if (op->code == TFLITE_HARD_SWISH)
        set_hard_swish(im, node, in, out);
    else
        set_rescale(im, node, in, out, op->code);
}

/* ADD and SUB with left_shift 20, MUL: the constant's part is worked out once. */
struct with_constant {
    bool multiply;
    int in_zero, out_zero, low, high;
    int32_t constant;      /* scaled as the summand it is, sign included; MUL: minus its zero point */
    int32_t multiplier[2]; /* of the map (ADD, SUB), of the answer */
    int8_t shift[2];
    int sign; /* of the map: SUB may take it from the constant */
};

static int combined(const void *function, int q)
{
    const struct with_constant *f = function;
    int32_t value = (q - f->in_zero) * (f->multiply ? f->constant : 1 << 20);
    if (!f->multiply)
        value = f->sign * mcu_requantize(value, f->multiplier[0], f->shift[0]) + f->constant;
    return mcu_clamp(mcu_requantize(value, f->multiplier[1], f->shift[1]) + f->out_zero, f->low, f->high);
}

void tflite_import_constant_operand(struct tflite_import *im, const struct tflite_operator *op, int map)
{
    struct qnode *node = table_node(im, op, map);
    const struct tflite_tensor *constant = tflite_operand(&im->walk, op, 1 - map);
    if (!node)
        return;
    const struct qtensor *in = &im->qmodel->tensors[node->inputs[0]],
                         *out = &im->qmodel->tensors[node->output];
    struct qnode act = {.clip_min = -INFINITY, .clip_max = INFINITY};
    if (constant->type != TFLITE_INT8 || constant->scale.n != 1 || !(tflite_scale(constant, 0) > 0) ||
        llabs(tflite_zero_point(constant, 0)) > 128) {
        tflite_problem(&im->walk, "the constant is not int8 with one scale");
        return;
    }
    if (!tflite_import_activation(im, op, &act))
        return;
    const float scale = tflite_scale(constant, 0);
    const int number = (int)(tflite_int(constant, 0) - tflite_zero_point(constant, 0));
    struct with_constant f = {.multiply = op->code == TFLITE_MUL,
                              .in_zero = in->zero_point,
                              .out_zero = out->zero_point,
                              .constant = number,
                              .sign = 1};
    f.low =
        mcu_clamp((int)fmaxf(-128, roundf(act.clip_min / out->scale) + (float)out->zero_point), -128, 127);
    f.high =
        mcu_clamp((int)fminf(127, roundf(act.clip_max / out->scale) + (float)out->zero_point), f.low, 127);
    const double twice_max = 2 * (double)fmaxf(in->scale, scale);
    const double real[3] = {(double)in->scale / twice_max, (double)scale / twice_max,
                            f.multiply ? (double)in->scale * (double)scale / (double)out->scale
                                       : twice_max / ((1 << 20) * (double)out->scale)};
    if (!usable(real[0]) || !usable(real[1]) || !(real[2] > 1e-9) || !(real[2] < (f.multiply ? 1e3 : 1))) {
        tflite_problem(&im->walk, "scales of the operands and the output are too far apart");
        return;
    }
    if (!f.multiply) {
        int32_t multiplier;
        int8_t shift;
        quantize_multiplier(real[1], &multiplier, &shift);
        f.constant = mcu_requantize(number * (1 << 20), multiplier, shift);
        quantize_multiplier(real[0], &f.multiplier[0], &f.shift[0]);
        if (op->code == TFLITE_SUB && map == 0)
            f.constant = -f.constant;
        f.sign = op->code == TFLITE_SUB && map == 1 ? -1 : 1;
    }
    quantize_multiplier(real[2], &f.multiplier[1], &f.shift[1]);
    set_table(im, node, combined, &f);
    const float real_number = scale * (float)number;
    node->table_function = ACT_LINEAR;
    node->alpha = f.multiply ? real_number : (float)f.sign;
    node->beta = f.multiply ? 0 : op->code == TFLITE_SUB && map == 0 ? -real_number : real_number;
    node->clip_min = act.clip_min;
    node->clip_max = act.clip_max;
}
