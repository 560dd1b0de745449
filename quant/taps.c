#include "quant/taps.h"

#include "quant/calibrate.h"

/* The outputs [*first, *last) whose tap `offset` falls inside [0, size). */
static void inside(int outputs, int stride, int offset, int size, int *first, int *last)
{
    int begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int end = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
    *last = end < outputs ? end : outputs;
    *first = begin < *last ? begin : *last;
}

struct tap_area {
    int y0, y1, x0, x1, offset_y, offset_x;
};

static struct tap_area tap_area(const struct layer *layer, int tap)
{
    const struct window *w = &layer->window;
    struct tap_area area = {.offset_y = tap / w->kernel_w * w->dilation_h - w->pad_top,
                            .offset_x = tap % w->kernel_w * w->dilation_w - w->pad_left};
    inside(layer->out_h, w->stride_h, area.offset_y, layer->in_h, &area.y0, &area.y1);
    inside(layer->out_w, w->stride_w, area.offset_x, layer->in_w, &area.x0, &area.x1);
    return area;
}

void tap_sums_float(const struct layer *layer, const float *x, double *sums)
{
    const int c = layer->in_c;
    for (int tap = 0; tap < layer->taps; tap++, sums += c) {
        const struct tap_area area = tap_area(layer, tap);
        for (int y = area.y0; y < area.y1; y++) {
            const int in_y = y * layer->window.stride_h + area.offset_y;
            for (int o = area.x0; o < area.x1; o++) {
                const int in_x = o * layer->window.stride_w + area.offset_x;
                const float *pixel = x + ((int64_t)in_y * layer->in_w + in_x) * c;
                for (int i = 0; i < c; i++)
                    sums[i] += (double)pixel[i];
            }
        }
    }
}

void tap_sums_int8(const struct layer *layer, const int8_t *x, int zero_point, int64_t *sums)
{
    const int c = layer->in_c;
    for (int tap = 0; tap < layer->taps; tap++, sums += c) {
        const struct tap_area area = tap_area(layer, tap);
        for (int y = area.y0; y < area.y1; y++) {
            const int in_y = y * layer->window.stride_h + area.offset_y;
            for (int o = area.x0; o < area.x1; o++) {
                const int in_x = o * layer->window.stride_w + area.offset_x;
                const int8_t *pixel = x + ((int64_t)in_y * layer->in_w + in_x) * c;
                for (int i = 0; i < c; i++)
                    sums[i] += pixel[i] - zero_point;
            }
        }
    }
}
