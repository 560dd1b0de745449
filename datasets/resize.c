/*
 * resize.c - Pillow's antialiased bilinear resampling (its Resample.c is the definition), for a window of the
 * output.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "datasets/image.h"

enum { WEIGHT_BITS = 32 - 8 - 2 };

/* Of one output sample: which inputs, and at weights[sample * taps] with what weight. */
struct span {
    int first, n;
};

struct filter {
    struct span *spans;
    int32_t *weights;
    int taps;
};

static void *checked(void *memory)
{
    if (!memory) {
        die("out of memory while resizing an image");
    }
    return memory;
}

/* Samples from..from+n-1 of a line of `in` samples made `out` long. */
static struct filter filter_create(int in, int out, int from, int n)
{
    const double scale = (double)in / out, support = scale > 1 ? scale : 1;
    struct filter filter = {.taps = (int)ceil(support) * 2 + 1};
    filter.spans = checked(calloc((size_t)n, sizeof *filter.spans));
    filter.weights = checked(calloc((size_t)n * (size_t)filter.taps, sizeof *filter.weights));
    double *exact = checked(calloc((size_t)filter.taps, sizeof *exact));
    for (int i = 0; i < n; i++) {
        const double centre = (from + i + 0.5) * scale;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > in ? in : end;
        double sum = 0;
        for (int k = 0; k < end - first; k++) {
            const double distance = fabs((k + first - centre + 0.5) * (1.0 / support));
            exact[k] = distance < 1 ? 1 - distance : 0;
            sum += exact[k];
        }
        filter.spans[i] = (struct span){first, end - first};
        for (int k = 0; k < end - first; k++) {
            /* weights are never negative, so adding 0.5 rounds */
            filter.weights[(size_t)i * filter.taps + k] =
                (int32_t)(0.5 + exact[k] * (1.0 / sum) * (1 << WEIGHT_BITS));
        }
    }
    free(exact);
    return filter;
}

static void filter_release(struct filter *filter)
{
    free(filter->spans);
    free(filter->weights);
}

/* One pixel: n samples `stride` bytes apart, three channels side by side. */
static void weigh(const unsigned char *in, size_t stride, const int32_t *weights, int n, unsigned char *out)
{
    int32_t sum[3] = {1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1)};
    for (int k = 0; k < n; k++) {
        for (int c = 0; c < 3; c++) {
            sum[c] += in[(size_t)k * stride + c] * weights[k];
        }
    }
    for (int c = 0; c < 3; c++) {
        const int32_t value = sum[c] >> WEIGHT_BITS;
        out[c] = (unsigned char)(value > 255 ? 255 : value);
    }
}

void image_resize_window(const unsigned char *in, int width, int height, int out_width, int out_height,
                         int left, int top, int columns, int rows, unsigned char *out)
{
    struct filter across = filter_create(width, out_width, left, columns),
                  down = filter_create(height, out_height, top, rows);
    const struct span last = down.spans[rows - 1];
    const int first_row = down.spans[0].first, n_rows = last.first + last.n - first_row;
    const size_t row_bytes = (size_t)columns * 3;
    unsigned char *narrow = checked(malloc((size_t)n_rows * row_bytes)); /* (n_rows, columns, 3) */
    for (int y = 0; y < n_rows; y++) {
        const unsigned char *line = in + (size_t)(first_row + y) * width * 3;
        for (int x = 0; x < columns && width != out_width; x++) {
            weigh(line + (size_t)across.spans[x].first * 3, 3, across.weights + (size_t)x * across.taps,
                  across.spans[x].n, narrow + (size_t)y * row_bytes + (size_t)x * 3);
        }
        if (width == out_width) {
            memcpy(narrow + (size_t)y * row_bytes, line + (size_t)left * 3, row_bytes);
        }
    }
    for (int y = 0; y < rows; y++) {
        const unsigned char *from = narrow + (size_t)(down.spans[y].first - first_row) * row_bytes;
        for (int x = 0; x < columns && height != out_height; x++) {
            weigh(from + (size_t)x * 3, row_bytes, down.weights + (size_t)y * down.taps, down.spans[y].n,
                  out + (size_t)y * row_bytes + (size_t)x * 3);
        }
        if (height == out_height) {
            memcpy(out + (size_t)y * row_bytes, narrow + (size_t)(top + y - first_row) * row_bytes,
                   row_bytes);
        }
    }
    free(narrow);
    filter_release(&across);
    filter_release(&down);
}
