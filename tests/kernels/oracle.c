#include "oracle.h"

#include <stdbool.h>

int32_t oracle_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN)
        return INT32_MAX;
    int64_t product = (int64_t)a * (int64_t)b;
    int64_t nudge = product >= 0 ? 1073741824 : 1 - 1073741824;
    return (int32_t)((product + nudge) / 2147483648);
}

int32_t oracle_divide_by_pot(int32_t x, int exponent)
{
    /* nearest, ties away from zero */
    int64_t magnitude = x < 0 ? -(int64_t)x : x, unit = (int64_t)1 << exponent;
    int64_t rounded = (magnitude + unit / 2) / unit;
    return (int32_t)(x < 0 ? -rounded : rounded);
}

int32_t oracle_requantize(int64_t x, int32_t multiplier, int shift)
{
    if (shift > 0)
        x *= (int64_t)1 << shift;
    return oracle_divide_by_pot(oracle_high_mul((int32_t)x, multiplier), shift > 0 ? 0 : -shift);
}

static int8_t finish(int64_t value, int low, int high)
{
    return (int8_t)(value < low ? low : value > high ? high : value);
}

int8_t oracle_conv2d(const struct mcu_conv2d *op, const int8_t *in, int y, int x, int c)
{
    const struct mcu_window *w = &op->window;
    int64_t sum = op->bias[c];
    for (int ky = 0; ky < w->kernel_h; ky++)
        for (int kx = 0; kx < w->kernel_w; kx++) {
            int iy = y * w->stride_h - w->pad_top + ky * w->dilation_h;
            int ix = x * w->stride_w - w->pad_left + kx * w->dilation_w;
            if (iy < 0 || ix < 0 || iy >= op->in.h || ix >= op->in.w)
                continue;
            for (int i = 0; i < op->in.c; i++)
                sum += (in[(iy * op->in.w + ix) * op->in.c + i] - op->in_zero_point) *
                       op->weights[((c * w->kernel_h + ky) * w->kernel_w + kx) * op->in.c + i];
        }
    return finish(oracle_requantize(sum, op->multiplier[c], op->shift[c]) + op->out_zero_point, op->act_min,
                  op->act_max);
}

int8_t oracle_depthwise(const struct mcu_depthwise *op, const int8_t *in, int y, int x, int c)
{
    const struct mcu_window *w = &op->window;
    int64_t sum = op->bias[c];
    for (int ky = 0; ky < w->kernel_h; ky++)
        for (int kx = 0; kx < w->kernel_w; kx++) {
            int iy = y * w->stride_h - w->pad_top + ky * w->dilation_h;
            int ix = x * w->stride_w - w->pad_left + kx * w->dilation_w;
            if (iy < 0 || ix < 0 || iy >= op->in.h || ix >= op->in.w)
                continue;
            sum += (in[(iy * op->in.w + ix) * op->in.c + c / (op->out.c / op->in.c)] - op->in_zero_point) *
                   op->weights[(ky * w->kernel_w + kx) * op->out.c + c];
        }
    return finish(oracle_requantize(sum, op->multiplier[c], op->shift[c]) + op->out_zero_point, op->act_min,
                  op->act_max);
}

int8_t oracle_fully_connected(const struct mcu_fully_connected *op, const int8_t *in, int c)
{
    int n = op->in.h * op->in.w * op->in.c;
    int64_t sum = op->bias[c];
    for (int i = 0; i < n; i++)
        sum += (in[i] - op->in_zero_point) * op->weights[c * n + i];
    return finish(oracle_requantize(sum, op->multiplier[c], op->shift[c]) + op->out_zero_point, op->act_min,
                  op->act_max);
}

int8_t oracle_add(const struct mcu_add *op, int8_t a, int8_t b)
{
    int64_t x = oracle_requantize((int64_t)(a - op->in_zero_point[0]) * 1048576, op->in_multiplier[0],
                                  op->in_shift[0]);
    const int sign = op->in_multiplier[1] < 0 ? -1 : 1; /* subtraction */
    int64_t y = sign * oracle_requantize((int64_t)(b - op->in_zero_point[1]) * 1048576,
                                         sign * op->in_multiplier[1], op->in_shift[1]);
    return finish(oracle_requantize(x + y, op->out_multiplier, op->out_shift) + op->out_zero_point,
                  op->act_min, op->act_max);
}

int8_t oracle_mul(const struct mcu_mul *op, int8_t a, int8_t b)
{
    int64_t product = (int64_t)(a - op->in_zero_point[0]) * (b - op->in_zero_point[1]);
    return finish(oracle_requantize(product, op->out_multiplier, op->out_shift) + op->out_zero_point,
                  op->act_min, op->act_max);
}

/* The k-th tap of a pool's window, if it is inside. */
static bool pool_tap(const struct mcu_pool *op, const int8_t *in, int y, int x, int c, int k, int8_t *value)
{
    const struct mcu_window *w = &op->window;
    int iy = y * w->stride_h - w->pad_top + k / w->kernel_w * w->dilation_h;
    int ix = x * w->stride_w - w->pad_left + k % w->kernel_w * w->dilation_w;
    if (iy < 0 || ix < 0 || iy >= op->in.h || ix >= op->in.w)
        return false;
    *value = in[(iy * op->in.w + ix) * op->in.c + c];
    return true;
}

int8_t oracle_average_pool(const struct mcu_pool *op, const int8_t *in, int y, int x, int c)
{
    int64_t sum = 0, count = 0;
    int8_t value;
    for (int k = 0; k < op->window.kernel_h * op->window.kernel_w; k++)
        if (pool_tap(op, in, y, x, c, k, &value)) {
            sum += value;
            count++;
        }
    /* nearest, ties away from zero */
    int64_t magnitude = sum < 0 ? -sum : sum;
    int64_t mean = (2 * magnitude + count) / (2 * count);
    return finish(sum < 0 ? -mean : mean, op->act_min, op->act_max);
}

int8_t oracle_max_pool(const struct mcu_pool *op, const int8_t *in, int y, int x, int c)
{
    int max = -128;
    int8_t value;
    for (int k = 0; k < op->window.kernel_h * op->window.kernel_w; k++)
        if (pool_tap(op, in, y, x, c, k, &value) && value > max)
            max = value;
    return finish(max, op->act_min, op->act_max);
}

int8_t oracle_mean(const struct mcu_mean *op, const int8_t *in, int c)
{
    int64_t sum = 0;
    for (int i = 0; i < op->in.h * op->in.w; i++)
        sum += in[i * op->in.c + c];
    sum -= (int64_t)op->in_zero_point * op->in.h * op->in.w;
    return finish(oracle_requantize(sum, op->multiplier, op->shift) + op->out_zero_point, -128, 127);
}

/* gemmlowp's FixedPoint<int32_t, integer_bits>, with the integer bits at run time. */
struct fixed {
    int32_t raw;
    int bits;
};

static struct fixed fixed(int64_t raw, int bits)
{
    return (struct fixed){(int32_t)(raw > INT32_MAX ? INT32_MAX : raw < INT32_MIN ? INT32_MIN : raw), bits};
}

static struct fixed times(struct fixed a, struct fixed b)
{
    return fixed(oracle_high_mul(a.raw, b.raw), a.bits + b.bits);
}

static struct fixed plus(struct fixed a, struct fixed b)
{
    return fixed((int64_t)a.raw + b.raw, a.bits);
}

static struct fixed times_pot(struct fixed a, int exponent) /* SaturatingRoundingMultiplyByPOT */
{
    return exponent >= 0 ? fixed((int64_t)a.raw * ((int64_t)1 << exponent), a.bits)
                         : fixed(oracle_divide_by_pot(a.raw, -exponent), a.bits);
}

static struct fixed rescale(struct fixed a, int bits)
{
    return fixed(times_pot(a, a.bits - bits).raw, bits);
}

static struct fixed exp_on_negative_values(struct fixed a) /* Q5 -> Q0 */
{
    static const struct {
        int exponent;
        int32_t factor;
    } barrel[] = {{-2, 1672461947}, {-1, 1302514674}, {0, 790015084}, {1, 290630308},
                  {2, 39332535},    {3, 720401},      {4, 242}};
    const int32_t quarter = 1 << 24;
    int32_t mod = (int32_t)(((int64_t)a.raw % quarter + quarter) % quarter) - quarter;
    struct fixed x = plus(rescale(fixed(mod, 5), 0), fixed(1 << 28, 0));
    struct fixed x2 = times(x, x), x3 = times(x2, x), x4 = times(x2, x2);
    struct fixed inner = plus(times(plus(times_pot(x4, -2), x3), fixed(715827883, 0)), x2);
    struct fixed e8 = fixed(1895147668, 0);
    struct fixed result = plus(e8, times(e8, plus(x, times_pot(inner, -1))));
    int64_t remainder = (int64_t)mod - a.raw;
    for (int i = 0; i < 7; i++)
        if (remainder >> (26 + barrel[i].exponent) & 1)
            result = times(result, fixed(barrel[i].factor, 0));
    return a.raw == 0 ? fixed(INT32_MAX, 0) : result;
}

static struct fixed one_over_one_plus_x(struct fixed a) /* Q0 -> Q0 */
{
    int64_t sum = (int64_t)a.raw + INT32_MAX;
    struct fixed half = fixed((sum + (sum >= 0 ? 1 : -1)) / 2, 0);
    struct fixed x = plus(fixed(1515870810, 2), times(half, fixed(-1010580540, 2)));
    for (int i = 0; i < 3; i++) {
        struct fixed product = times(half, x);
        struct fixed rest = fixed((1 << 29) - (int64_t)product.raw, 2);
        x = plus(x, rescale(times(x, rest), 2));
    }
    return rescale(fixed(x.raw, 1), 0);
}

void oracle_softmax(const struct mcu_softmax *op, const int8_t *in, int8_t *out)
{
    int max = -128;
    for (int i = 0; i < op->in.c; i++)
        max = in[i] > max ? in[i] : max;
    struct fixed sum = fixed(0, 12);
    for (int i = 0; i < op->in.c; i++)
        if (in[i] - max >= op->diff_min) {
            struct fixed diff = fixed(oracle_requantize(in[i] - max, op->multiplier, op->shift), 5);
            sum = plus(sum, rescale(exp_on_negative_values(diff), 12));
        }
    int zeros = __builtin_clz((unsigned)sum.raw);
    int over_unit = 12 - zeros;
    int64_t shifted = ((int64_t)sum.raw << zeros) - ((int64_t)1 << 31);
    struct fixed scale = one_over_one_plus_x(fixed(shifted, 0));
    for (int i = 0; i < op->in.c; i++) {
        out[i] = -128;
        if (in[i] - max < op->diff_min)
            continue;
        struct fixed diff = fixed(oracle_requantize(in[i] - max, op->multiplier, op->shift), 5);
        int32_t raw = times(scale, exp_on_negative_values(diff)).raw;
        out[i] = finish((int64_t)oracle_divide_by_pot(raw, over_unit + 31 - 8) - 128, -128, 127);
    }
}
