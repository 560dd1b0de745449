/*
 * tflite_view.c - what importers ask of a file that has been read: values of constants, what is int8, where
 * windows lie.
 */
#include <string.h>

#include "base/error.h"
#include "model/flatbuffer.h"
#include "model/tflite.h"

static const char *const type_names[] = {
    "FLOAT32", "FLOAT16", "INT32",      "UINT8",  "INT64",    "STRING",  "BOOL",   "INT16",  "COMPLEX64",
    "INT8",    "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32", "UINT16", "INT4"};
enum { N_TYPES = sizeof type_names / sizeof type_names[0] };

const char *tflite_type_name(int type)
{
    return type >= 0 && type < N_TYPES ? type_names[type] : "?";
}

float tflite_scale(const struct tflite_tensor *tensor, size_t channel)
{
    return fb_float(tensor->scale.data + 4 * channel);
}

int64_t tflite_zero_point(const struct tflite_tensor *tensor, size_t channel)
{
    return channel < tensor->zero_point.n ? (int64_t)fb_u64(tensor->zero_point.data + 8 * channel) : 0;
}

int64_t tflite_int(const struct tflite_tensor *tensor, size_t i)
{
    switch (tensor->type) {
    case TFLITE_INT32:
        return (int32_t)fb_u32(tensor->data + 4 * i);
    case TFLITE_INT64:
        return (int64_t)fb_u64(tensor->data + 8 * i);
    case TFLITE_INT8:
        return (int8_t)tensor->data[i];
    case TFLITE_UINT8:
        return tensor->data[i];
    }
    die("tflite_int: '%s' is %s", tensor->name, tflite_type_name(tensor->type));
}

static float half_to_float(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    float value;
    if (exponent == 0) {
        value = (float)fraction / (1 << 24); /* subnormal */
    } else {
        const uint32_t bits = exponent == 31 ? 0x7f800000u | (uint32_t)fraction << 13
                                             : (uint32_t)(exponent + 112) << 23 | (uint32_t)fraction << 13;
        memcpy(&value, &bits, sizeof value);
    }
    return half & 0x8000 ? -value : value;
}

float tflite_float(const struct tflite_tensor *tensor, size_t i)
{
    return tensor->type == TFLITE_FLOAT16 ? half_to_float(fb_u16(tensor->data + 2 * i))
                                          : fb_float(tensor->data + 4 * i);
}

bool tflite_is_int8(const struct tflite *file)
{
    bool layers = false, int8_layers = false, int8_anything = false;
    for (int i = 0; i < file->n_operators; i++) {
        const struct tflite_operator *op = &file->operators[i];
        if (!op->n_inputs || op->inputs[0] < 0 || op->code == TFLITE_QUANTIZE ||
            op->code == TFLITE_DEQUANTIZE)
            continue;
        const bool int8 = file->tensors[op->inputs[0]].type == TFLITE_INT8;
        int8_anything = int8_anything || int8;
        if (op->code == TFLITE_CONV_2D || op->code == TFLITE_DEPTHWISE_CONV_2D ||
            op->code == TFLITE_FULLY_CONNECTED) {
            layers = true;
            int8_layers = int8_layers || int8;
        }
    }
    return layers ? int8_layers : int8_anything;
}

bool *tflite_needed(const struct tflite *file, struct arena *arena)
{
    bool *needed = ARENA_ARRAY(arena, bool, (size_t)file->n_operators + 1);
    bool *wanted = ARENA_ARRAY(arena, bool, (size_t)file->n_tensors + 1);
    for (int i = 0; i < file->n_outputs; i++)
        wanted[file->outputs[i]] = true;
    for (int i = file->n_operators - 1; i >= 0; i--) {
        const struct tflite_operator *op = &file->operators[i];
        for (int k = 0; k < op->n_outputs; k++)
            needed[i] = needed[i] || wanted[op->outputs[k]];
        for (int k = 0; needed[i] && k < op->n_inputs; k++)
            if (op->inputs[k] >= 0)
                wanted[op->inputs[k]] = true;
    }
    return needed;
}

/* One axis of tflite_window(). */
static bool place(bool same, int in, int out, int kernel, int stride, int dilation, int *before, int *after)
{
    if (kernel < 1 || stride < 1 || dilation < 1)
        return false;
    const int64_t reach = (int64_t)(kernel - 1) * dilation + 1;
    const int64_t expected = same ? (in + (int64_t)stride - 1) / stride : (in - reach) / stride + 1;
    if ((!same && in < reach) || expected != out)
        return false;
    const int64_t needed = (int64_t)(out - 1) * stride + reach - in, total = needed > 0 ? needed : 0;
    *before = same ? (int)(total / 2) : 0;
    *after = same ? (int)(total - total / 2) : 0;
    return total <= SHAPE_MAX_DIM;
}

bool tflite_window(struct window *window, const struct tflite_operator *op, int in_h, int in_w, int out_h,
                   int out_w)
{
    window->stride_h = op->stride_h;
    window->stride_w = op->stride_w;
    window->dilation_h = op->dilation_h;
    window->dilation_w = op->dilation_w;
    return place(op->same_padding, in_h, out_h, window->kernel_h, op->stride_h, op->dilation_h,
                 &window->pad_top, &window->pad_bottom) &&
           place(op->same_padding, in_w, out_w, window->kernel_w, op->stride_w, op->dilation_w,
                 &window->pad_left, &window->pad_right);
}

const char *tflite_resize_problem(const struct tflite *file, const struct tflite_operator *op)
{
    const struct tflite_tensor *size =
        op->n_inputs > 1 && op->inputs[1] >= 0 ? &file->tensors[op->inputs[1]] : NULL;
    const struct shape *out = &file->tensors[op->outputs[0]].shape;
    if (!size || !size->data || size->type != TFLITE_INT32 || shape_elements(&size->shape) != 2)
        return "the size must be two constants of int32";
    if (out->rank != 4 || tflite_int(size, 0) != out->dim[1] || tflite_int(size, 1) != out->dim[2])
        return "its size is not that of its output";
    if (op->align_corners && op->half_pixel_centers)
        return "align_corners and half_pixel_centers together (TensorFlow refuses it, too)";
    return NULL;
}

void tflite_resize_rule(const struct tflite_operator *op, enum resize_coordinates *coordinates,
                        enum resize_rounding *rounding)
{
    *coordinates = op->align_corners        ? RESIZE_ALIGN_CORNERS
                   : op->half_pixel_centers ? RESIZE_HALF_PIXEL
                                            : RESIZE_ASYMMETRIC;
    *rounding = *coordinates == RESIZE_ASYMMETRIC ? RESIZE_FLOOR : RESIZE_HALVES_UP;
}
