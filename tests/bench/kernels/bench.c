/*
 * bench.c - instructions per multiply-accumulate of the DSP kernels, on shapes of MCUNet and MLPerf Tiny
 * nets. One line of CSV per case:
 *
 *     kernel,shape,schedule,macs,instructions,per_mac,scratch_bytes
 *
 * schedule: "row" one output row per call, "all" the map in one call. With a number as argument only that
 * case runs, twice (the second pass between warm markers).
 */
#include "layers.h"

static int only = -1, case_number;

static bool wanted(void)
{
    const int n = case_number++;
    return only < 0 || n == only;
}

static void print(const char *kernel, const char *shape, const char *schedule, double macs, struct cost cost)
{
    printf("%s,%s,%s,%.0f,%lu,%.3f,%d\n", kernel, shape, schedule, macs, (unsigned long)cost.instructions,
           cost.instructions / macs, (int)cost.scratch_bytes);
}

/* What a schedule adds where the shift is not the usual one. */
static const char *requantisation(void)
{
    return shift_of_all == -9 ? "" : shift_of_all > 0 ? " scale above 1" : " scale above 1/4";
}

/* A window with SAME padding. */
static struct layer same(int h, int w, int c, int kernel_h, int kernel_w, int stride, int out_c)
{
    struct layer l = {
        h,    w, c, kernel_h, kernel_w, stride, 0, 0, (h + stride - 1) / stride, (w + stride - 1) / stride,
        out_c};
    const int down = (l.out_h - 1) * stride + kernel_h - h, across = (l.out_w - 1) * stride + kernel_w - w;
    l.pad_top = down > 0 ? down / 2 : 0;
    l.pad_left = across > 0 ? across / 2 : 0;
    return l;
}

/* rows: per call */
static void conv_case(int h, int w, int c, int kernel_h, int kernel_w, int stride, int out_c, int rows,
                      int pixels, bool wide)
{
    if (!wanted())
        return;
    const struct layer l = same(h, w, c, kernel_h, kernel_w, stride, out_c);
    if (pixels > rows * l.out_w + 1)
        pixels = (rows * l.out_w + 1) & ~1;
    char shape[64], schedule[64];
    snprintf(shape, sizeof shape, "%dx%dx%d k%dx%d s%d -> %d", h, w, c, kernel_h, kernel_w, stride, out_c);
    snprintf(schedule, sizeof schedule, "%d rows panel %d%s%s", rows, pixels, wide ? " wide" : "",
             requantisation());
    print("conv2d", shape, schedule, layer_macs(&l) * c, conv2d(&l, rows, pixels, wide));
}

static void winograd_case(int h, int w, int c, int out_c, int rows)
{
    if (!wanted())
        return;
    const struct layer l = same(h, w, c, 3, 3, 1, out_c);
    char shape[64], schedule[64];
    snprintf(shape, sizeof shape, "%dx%dx%d k3x3 s1 -> %d", h, w, c, out_c);
    snprintf(schedule, sizeof schedule, "%d tile rows", rows);
    print("conv2d_winograd", shape, schedule, layer_macs(&l) * c, winograd(&l, rows));
}

/* rows: per call and batch */
static void depthwise_case(int h, int w, int c, int kernel, int stride, int rows, bool wide)
{
    if (!wanted())
        return;
    const struct layer l = same(h, w, c, kernel, kernel, stride, c);
    if (rows > l.out_h)
        rows = l.out_h;
    char shape[64], schedule[64];
    snprintf(shape, sizeof shape, "%dx%dx%d k%d s%d", h, w, c, kernel, stride);
    snprintf(schedule, sizeof schedule, "%d rows%s%s", rows, wide ? " wide" : "", requantisation());
    print("depthwise", shape, schedule, layer_macs(&l), depthwise(&l, rows, wide));
}

static void fully_connected_case(int inputs, int out_c)
{
    if (!wanted())
        return;
    const struct layer l = same(1, 1, inputs, 1, 1, 1, out_c);
    char shape[64];
    snprintf(shape, sizeof shape, "%d -> %d", inputs, out_c);
    print("fully_connected", shape, "all", (double)inputs * out_c, fully_connected(&l));
}

/* per_mac is per output element for add, per input element for the rest */
static void elementwise_cases(int h, int w, int c)
{
    char shape[64];
    const double elements = (double)h * w * c;
    snprintf(shape, sizeof shape, "%dx%dx%d", h, w, c);
    const struct layer each = same(h, w, c, 1, 1, 1, c), halved = {h, w, c, 2, 2, 2, 0, 0, h / 2, w / 2, c},
                       global = {h, w, c, h, w, 1, 0, 0, 1, 1, c};
    if (wanted())
        print("add", shape, "row", elements, add(&each, 1));
    if (wanted())
        print("max_pool", shape, "row", elements, pool(&halved, true));
    if (wanted())
        print("average_pool", shape, "all", elements, pool(&global, false));
    if (wanted())
        print("global_average_pool", shape, "all", elements, global_average_pool(&global, global.h));
    if (wanted())
        print("mean", shape, "row", elements, mean(&global));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        only = atoi(argv[1]);
    bench_init();
    printf("kernel,shape,schedule,macs,instructions,per_mac,scratch_bytes\n");
    /* pointwise */
    static const struct {
        int h, w, k, n;
    } pointwise[] = {{80, 80, 32, 16},  {80, 80, 16, 48},  {40, 40, 48, 24},  {40, 40, 24, 120},
                     {40, 40, 120, 24}, {20, 20, 120, 40}, {20, 20, 40, 160}, {20, 20, 160, 40},
                     {10, 10, 80, 240}, {10, 10, 240, 80}, {10, 10, 96, 288}, {5, 5, 192, 576},
                     {5, 5, 576, 192},  {48, 48, 8, 16},   {24, 24, 32, 32},  {12, 12, 64, 64},
                     {6, 6, 128, 128},  {25, 5, 64, 64}};
    for (size_t i = 0; i < sizeof pointwise / sizeof *pointwise; i++) {
        const int h = pointwise[i].h, w = pointwise[i].w, k = pointwise[i].k, n = pointwise[i].n;
        conv_case(h, w, k, 1, 1, 1, n, 1, w, false);
        conv_case(h, w, k, 1, 1, 1, n, 1, w, true);
        conv_case(h, w, k, 1, 1, 1, n, h, 8192 / (2 * k) & ~1, false);
    }
    conv_case(160, 160, 3, 3, 3, 2, 32, 1, 80, false);
    conv_case(160, 160, 3, 3, 3, 2, 32, 1, 80, true);
    conv_case(160, 160, 3, 3, 3, 2, 32, 1, 20, true);
    conv_case(96, 96, 3, 3, 3, 2, 8, 1, 48, true);
    conv_case(49, 10, 1, 10, 4, 2, 64, 1, 6, false);
    conv_case(49, 10, 1, 10, 4, 2, 64, 5, 24, true);
    conv_case(32, 32, 16, 3, 3, 1, 16, 1, 32, false);
    conv_case(32, 32, 16, 3, 3, 2, 32, 1, 16, true);
    conv_case(16, 16, 32, 3, 3, 1, 32, 2, 32, false);
    for (int rows = 1; rows <= 2; rows++) {
        winograd_case(32, 32, 16, 16, rows);
        winograd_case(16, 16, 32, 32, rows);
        winograd_case(8, 8, 64, 64, rows);
    }
    static const struct {
        int h, w, c, kernel, stride;
    } depthwises[] = {{80, 80, 32, 3, 1},  {40, 40, 120, 3, 1}, {20, 20, 160, 3, 1}, {10, 10, 240, 3, 1},
                      {48, 48, 16, 3, 2},  {24, 24, 32, 3, 1},  {6, 6, 128, 3, 1},   {25, 5, 64, 3, 1},
                      {40, 40, 96, 5, 1},  {5, 5, 768, 5, 1},   {40, 40, 48, 5, 2},  {80, 80, 48, 7, 2},
                      {40, 40, 120, 7, 2}, {20, 20, 160, 7, 1}, {10, 10, 240, 7, 1}, {5, 5, 576, 7, 1}};
    for (size_t i = 0; i < sizeof depthwises / sizeof *depthwises; i++)
        for (int rows = 1; rows <= 8; rows *= rows == 1 ? 4 : 2)
            depthwise_case(depthwises[i].h, depthwises[i].w, depthwises[i].c, depthwises[i].kernel,
                           depthwises[i].stride, rows, rows == 8);
    static const int fully[][2] = {{640, 128}, {128, 128}, {128, 8}, {8, 128},
                                   {128, 640}, {64, 10},   {64, 12}, {256, 2}};
    for (size_t i = 0; i < sizeof fully / sizeof *fully; i++)
        fully_connected_case(fully[i][0], fully[i][1]);
    /* The other ways to requantise: MCU_REQUANT_SHIFT, MCU_REQUANT_EXACT */
    for (int8_t shift_of_these = -1; shift_of_these <= 1; shift_of_these = (int8_t)(shift_of_these + 2)) {
        shift_of_all = shift_of_these;
        conv_case(160, 160, 3, 3, 3, 2, 32, 1, 80, true);
        depthwise_case(80, 80, 32, 3, 1, 8, true);
        depthwise_case(5, 5, 768, 5, 1, 8, true);
    }
    shift_of_all = -9;
    elementwise_cases(40, 40, 24);
    elementwise_cases(32, 32, 16);
    elementwise_cases(5, 5, 320);
    return 0;
}
