#include "model/exec_layers.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* ---- pointwise ---- */

void layer_activate(float *values, int64_t n, enum activation act, const struct node *node)
{
    const float min = node->act_min, max = node->act_max;
    switch (act) {
    case ACT_NONE:
        break;
    case ACT_CLIP:
        for (int64_t i = 0; i < n; i++) {
            const float low = values[i] < min ? min : values[i];
            values[i] = low > max ? max : low;
        }
        break;
    case ACT_HARD_SWISH:
        for (int64_t i = 0; i < n; i++) {
            const float gate = values[i] * (1.0f / 6) + 0.5f;
            values[i] *= gate < 0 ? 0 : gate > 1 ? 1 : gate;
        }
        break;
    case ACT_HARD_SIGMOID:
        for (int64_t i = 0; i < n; i++) {
            const float gate = node->alpha * values[i] + node->beta;
            values[i] = gate < 0 ? 0 : gate > 1 ? 1 : gate;
        }
        break;
    case ACT_SIGMOID:
        for (int64_t i = 0; i < n; i++)
            values[i] = 1 / (1 + expf(-values[i]));
        break;
    case ACT_TANH:
        for (int64_t i = 0; i < n; i++)
            values[i] = tanhf(values[i]);
        break;
    case ACT_LINEAR:
        for (int64_t i = 0; i < n; i++)
            values[i] = node->alpha * values[i] + node->beta;
        break;
    }
}

void layer_scale(float *out, const float *in, int64_t pixels, int channels, const float *slope,
                 const float *offset)
{
    for (int64_t i = 0; i < pixels; i++, in += channels, out += channels)
        for (int c = 0; c < channels; c++)
            out[c] = in[c] * slope[c] + offset[c];
}

/* Squares of floats are exact in double, so one pass is as good as two. */
void layer_moments(double *restrict sum, double *restrict squares, const float *in, int64_t pixels,
                   int channels)
{
    memset(sum, 0, (size_t)channels * sizeof *sum);
    memset(squares, 0, (size_t)channels * sizeof *squares);
    int64_t i = 0;
    for (; i + 4 <= pixels; i += 4, in += 4 * channels) /* four pixels a visit to the sums */
        for (int c = 0; c < channels; c++) {
            const double p = in[c], q = in[channels + c], r = in[2 * channels + c], s = in[3 * channels + c];
            sum[c] += (p + q) + (r + s);
            squares[c] += (p * p + q * q) + (r * r + s * s);
        }
    for (; i < pixels; i++, in += channels)
        for (int c = 0; c < channels; c++) {
            const double p = in[c];
            sum[c] += p;
            squares[c] += p * p;
        }
}

/* One row of the innermost axis; a step of 0 repeats a single value. */
static inline __attribute__((always_inline)) void
arithmetic_steps(enum op op, float *out, int n, const float *a, int step_a, const float *b, int step_b)
{
    switch (op) {
    case OP_ADD:
        for (int i = 0; i < n; i++)
            out[i] = a[i * step_a] + b[i * step_b];
        break;
    case OP_SUB:
        for (int i = 0; i < n; i++)
            out[i] = a[i * step_a] - b[i * step_b];
        break;
    case OP_MUL:
        for (int i = 0; i < n; i++)
            out[i] = a[i * step_a] * b[i * step_b];
        break;
    default:
        die("%s is not arithmetic", op_name(op));
    }
}

static void arithmetic_row(enum op op, float *out, int n, const float *a, int step_a, const float *b,
                           int step_b)
{
    if (step_a == 1 && step_b == 1)
        arithmetic_steps(op, out, n, a, 1, b, 1); /* with steps known the compiler vectorises */
    else
        arithmetic_steps(op, out, n, a, step_a, b, step_b);
}

/* The step of an operand along each output axis: 0 where it is broadcast. */
static void broadcast_steps(int64_t *step, const struct shape *in, const struct shape *out)
{
    int64_t stride = 1;
    for (int i = out->rank - 1; i >= 0; i--) {
        const int axis = i - (out->rank - in->rank);
        const int dim = axis < 0 ? 1 : in->dim[axis];
        step[i] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

void layer_arithmetic(enum op op, float *out, const struct shape *out_shape, const float *a,
                      const struct shape *a_shape, const float *b, const struct shape *b_shape)
{
    const int rank = out_shape->rank;
    const int64_t n = shape_elements(out_shape);
    if (rank == 0 || (shape_equal(a_shape, out_shape) && shape_equal(b_shape, out_shape))) {
        for (int64_t done = 0; done < n; done += 1 << 20) /* rows count in int */
            arithmetic_row(op, out + done, n - done > 1 << 20 ? 1 << 20 : (int)(n - done), a + done, 1,
                           b + done, 1);
        return;
    }
    int64_t step_a[MODEL_MAX_RANK], step_b[MODEL_MAX_RANK];
    int index[MODEL_MAX_RANK] = {0};
    broadcast_steps(step_a, a_shape, out_shape);
    broadcast_steps(step_b, b_shape, out_shape);
    const int row = out_shape->dim[rank - 1];
    for (int64_t done = 0; done < n; done += row) {
        arithmetic_row(op, out + done, row, a, (int)step_a[rank - 1], b, (int)step_b[rank - 1]);
        for (int axis = rank - 2; axis >= 0; axis--) {
            a += step_a[axis];
            b += step_b[axis];
            if (++index[axis] < out_shape->dim[axis])
                break;
            a -= step_a[axis] * out_shape->dim[axis];
            b -= step_b[axis] * out_shape->dim[axis];
            index[axis] = 0;
        }
    }
}

/* ---- pooling and reduction ---- */

/* One output pixel, all channels. */
static void pool_pixel(const struct node *node, float *out, const float *in, const struct shape *in_shape,
                       int y0, int x0)
{
    const struct window *w = &node->window;
    const int height = in_shape->dim[1], width = in_shape->dim[2], channels = in_shape->dim[3];
    const bool max = node->op == OP_MAX_POOL;
    int count = 0;
    for (int c = 0; c < channels; c++)
        out[c] = max ? -INFINITY : 0;
    for (int ky = 0; ky < w->kernel_h; ky++) {
        const int y = y0 + ky * w->dilation_h;
        if (y < 0 || y >= height)
            continue;
        for (int kx = 0; kx < w->kernel_w; kx++) {
            const int x = x0 + kx * w->dilation_w;
            if (x < 0 || x >= width)
                continue;
            const float *pixel = in + ((int64_t)y * width + x) * channels;
            count++;
            if (max)
                for (int c = 0; c < channels; c++)
                    out[c] = pixel[c] > out[c] ? pixel[c] : out[c];
            else
                for (int c = 0; c < channels; c++)
                    out[c] += pixel[c];
        }
    }
    if (max)
        return;
    if (node->count_include_pad)
        count = w->kernel_h * w->kernel_w;
    for (int c = 0; c < channels && count; c++)
        out[c] /= (float)count;
}

void layer_pool(const struct node *node, float *out, const struct shape *out_shape, const float *in,
                const struct shape *in_shape)
{
    const struct window *w = &node->window;
    const int64_t image = (int64_t)in_shape->dim[1] * in_shape->dim[2] * in_shape->dim[3];
    for (int n = 0; n < out_shape->dim[0]; n++)
        for (int y = 0; y < out_shape->dim[1]; y++)
            for (int x = 0; x < out_shape->dim[2]; x++, out += out_shape->dim[3])
                pool_pixel(node, out, in + n * image, in_shape, y * w->stride_h - w->pad_top,
                           x * w->stride_w - w->pad_left);
}

/* Sums in double: a mean over a whole map is the last thing before the classifier. */
void layer_reduce_mean(const struct node *node, float *out, const float *in, const struct shape *in_shape)
{
    const int rank = in_shape->rank;
    int64_t out_step[MODEL_MAX_RANK] = {0}, out_n = 1, reduced_n = 1;
    bool reduced[MODEL_MAX_RANK] = {0};
    if (node->op == OP_GLOBAL_AVERAGE_POOL)
        reduced[1] = reduced[2] = true;
    for (int i = 0; i < node->n_axes; i++)
        reduced[node->axes[i]] = true;
    for (int i = rank - 1; i >= 0; i--) {
        out_step[i] = reduced[i] ? 0 : out_n;
        *(reduced[i] ? &reduced_n : &out_n) *= in_shape->dim[i];
    }
    /* For each output element its own walk over the reduced axes. */
    int64_t in_step[MODEL_MAX_RANK];
    for (int64_t i = rank - 1, stride = 1; i >= 0; i--) {
        in_step[i] = stride;
        stride *= in_shape->dim[i];
    }
    for (int64_t o = 0; o < out_n; o++) {
        int64_t base = 0;
        for (int i = 0; i < rank; i++)
            if (!reduced[i])
                base += o / out_step[i] % in_shape->dim[i] * in_step[i];
        double sum = 0;
        int index[MODEL_MAX_RANK] = {0};
        for (int64_t r = 0; r < reduced_n; r++) {
            sum += in[base];
            for (int axis = rank - 1; axis >= 0; axis--) {
                if (!reduced[axis])
                    continue;
                base += in_step[axis];
                if (++index[axis] < in_shape->dim[axis])
                    break;
                base -= in_step[axis] * in_shape->dim[axis];
                index[axis] = 0;
            }
        }
        out[o] = (float)(sum / (double)reduced_n);
    }
}

/* ---- matrices ---- */

static void matmul_2d(float *out, int m, int n, int k, const float *a, const float *b)
{
    memset(out, 0, (size_t)m * (size_t)n * sizeof *out);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < k; j++) {
            const float factor = a[(int64_t)i * k + j];
            const float *row = b + (int64_t)j * n;
            for (int c = 0; c < n; c++)
                out[(int64_t)i * n + c] += factor * row[c];
        }
}

void layer_matmul(float *out, const struct shape *out_shape, const float *a, const struct shape *a_shape,
                  const float *b, const struct shape *b_shape)
{
    const int m = a_shape->dim[a_shape->rank - 2], k = a_shape->dim[a_shape->rank - 1];
    const int n = b_shape->dim[b_shape->rank - 1];
    /* Matrices are the elements of a broadcast over the leading axes. */
    struct shape outer = *out_shape, outer_a = *a_shape, outer_b = *b_shape;
    outer.rank -= 2;
    outer_a.rank -= 2;
    outer_b.rank -= 2;
    int64_t step_a[MODEL_MAX_RANK] = {0}, step_b[MODEL_MAX_RANK] = {0};
    broadcast_steps(step_a, &outer_a, &outer);
    broadcast_steps(step_b, &outer_b, &outer);
    const int64_t matrices = shape_elements(&outer);
    for (int64_t i = 0; i < matrices; i++) {
        int64_t rest = i, at_a = 0, at_b = 0;
        for (int axis = outer.rank - 1; axis >= 0; axis--) {
            at_a += rest % outer.dim[axis] * step_a[axis];
            at_b += rest % outer.dim[axis] * step_b[axis];
            rest /= outer.dim[axis];
        }
        matmul_2d(out + i * m * n, m, n, k, a + at_a * m * k, b + at_b * k * n);
    }
}

void layer_softmax(float *out, const float *in, const struct shape *shape, int axis)
{
    int64_t outer = 1, inner = 1;
    const int n = shape->dim[axis];
    for (int i = 0; i < axis; i++)
        outer *= shape->dim[i];
    for (int i = axis + 1; i < shape->rank; i++)
        inner *= shape->dim[i];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            const float *x = in + o * n * inner + i;
            float *y = out + o * n * inner + i;
            float max = x[0];
            double sum = 0;
            for (int j = 1; j < n; j++)
                max = x[j * inner] > max ? x[j * inner] : max;
            for (int j = 0; j < n; j++)
                sum += y[j * inner] = expf(x[j * inner] - max);
            for (int j = 0; j < n; j++)
                y[j * inner] = (float)(y[j * inner] / sum);
        }
}

/* ---- moving ---- */

/* Copies a box row by row: rows of the innermost axis, `in` being dense and `out` of out_shape from a start
 * index. */
static void copy_box(float *out, const struct shape *out_shape, const int *start, const float *in,
                     const struct shape *in_shape)
{
    const int rank = in_shape->rank;
    const int row = rank ? in_shape->dim[rank - 1] : 1;
    const int64_t rows = shape_elements(in_shape) / row;
    for (int64_t r = 0; r < rows; r++) {
        int64_t rest = r, at = rank ? start[rank - 1] : 0, stride = rank ? out_shape->dim[rank - 1] : 1;
        for (int axis = rank - 2; axis >= 0; axis--) {
            at += (rest % in_shape->dim[axis] + start[axis]) * stride;
            rest /= in_shape->dim[axis];
            stride *= out_shape->dim[axis];
        }
        memcpy(out + at, in + r * row, (size_t)row * sizeof *out);
    }
}

void layer_pad(const struct node *node, float *out, const struct shape *out_shape, const float *in,
               const struct shape *in_shape)
{
    const int64_t n = shape_elements(out_shape);
    for (int64_t i = 0; i < n; i++)
        out[i] = node->pad_value;
    copy_box(out, out_shape, node->pads, in, in_shape);
}

void layer_resize(const struct node *node, float *out, const struct shape *out_shape, const float *in,
                  const struct shape *in_shape)
{
    const int h = out_shape->dim[1], w = out_shape->dim[2], c = out_shape->dim[3];
    const int64_t row = (int64_t)in_shape->dim[2] * c, image = row * in_shape->dim[1];
    for (int n = 0; n < out_shape->dim[0]; n++)
        for (int y = 0; y < h; y++) {
            const int from_y = resize_source(node->coordinates, node->rounding, y, in_shape->dim[1], h);
            for (int x = 0; x < w; x++, out += c) {
                const int from_x = resize_source(node->coordinates, node->rounding, x, in_shape->dim[2], w);
                memcpy(out, in + n * image + from_y * row + (int64_t)from_x * c, (size_t)c * sizeof *out);
            }
        }
}

void layer_concat(float *out, const struct shape *out_shape, int axis, int offset, const float *in,
                  const struct shape *in_shape)
{
    int start[MODEL_MAX_RANK] = {0};
    start[axis] = offset;
    copy_box(out, out_shape, start, in, in_shape);
}
