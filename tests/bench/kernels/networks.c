/*
 * networks.c - instructions of every layer of the nets in networks.csv, each by its best schedule, whole maps
 * per call. One line of CSV per layer, then one per net:
 *
 *     network,kernel,shape,schedule,macs,instructions,per_mac,scratch_bytes,wide_instructions
 *
 * wide_instructions: with weights as int16 in flash (Winograd's always are). What the firmware adds (calls
 * row by row, smaller scratch, softmax) is not in it. Reads the table through semihosting.
 */
#include "layers.h"

enum { SCRATCH_LIMIT = 24 * 1024 };

struct best {
    struct cost cost;
    char schedule[40];
};

static void consider(struct best *best, struct cost cost, const char *kind, int n)
{
    if (!cost.instructions || cost.scratch_bytes > SCRATCH_LIMIT ||
        (best->cost.instructions && cost.instructions >= best->cost.instructions))
        return;
    best->cost = cost;
    snprintf(best->schedule, sizeof best->schedule, "%s %d", kind, n);
}

/* wide: weights as int16 */
static struct best best_of(const char *kernel, const struct layer *l, bool wide)
{
    struct best best = {0};
    if (!strcmp(kernel, "conv2d")) {
        const struct mcu_window window = layer_window(l);
        const int depth = mcu_conv2d_dsp_depth(&window, l->c), all = (l->out_h * l->out_w + 1) & ~1;
        const int fit = ((SCRATCH_LIMIT - 32) / depth - 8) / 2 & ~1, pixels = fit < all ? fit : all;
        consider(&best, conv2d(l, l->out_h, pixels, wide), "panel", pixels);
        for (int rows = 1; rows <= 2; rows++)
            consider(&best, winograd(l, rows), "tile rows", rows);
    } else if (!strcmp(kernel, "depthwise")) {
        for (int n = 1; n < 32; n++) {
            const int rows = (l->out_h + n - 1) / n;
            const struct cost cost = depthwise(l, rows, wide);
            consider(&best, cost, "rows", rows);
            if (cost.scratch_bytes <= SCRATCH_LIMIT)
                break;
        }
    } else if (!strcmp(kernel, "fully_connected")) {
        consider(&best, fully_connected(l), "all", 1);
    } else if (!strcmp(kernel, "add")) {
        consider(&best, add(l, l->out_h), "all", l->out_h);
    } else if (!strcmp(kernel, "average_pool")) {
        consider(&best, pool(l, false), "rows", 1);
    } else if (!strcmp(kernel, "global_average_pool")) {
        consider(&best, global_average_pool(l, l->h), "all", l->h);
    } else if (!strcmp(kernel, "mean")) {
        consider(&best, mean(l), "rows", 1);
    }
    return best;
}

static void total(const char *network, double macs, double instructions, double wide)
{
    if (*network)
        printf("%s,total,,,%.0f,%.0f,%.3f,,%.0f\n", network, macs, instructions, instructions / macs, wide);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    FILE *table = fopen("tests/bench/kernels/networks.csv", "r");
    if (!table)
        return 1;
    char line[128], network[20] = "", name[20], kernel[20];
    double macs = 0, instructions = 0, wide = 0;
    struct layer l;
    bench_init();
    printf("network,kernel,shape,schedule,macs,instructions,per_mac,scratch_bytes,wide_instructions\n");
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, "%19[^,],%19[^,],%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d", name, kernel, &l.h, &l.w, &l.c,
                   &l.kernel_h, &l.kernel_w, &l.stride, &l.pad_top, &l.pad_left, &l.out_h, &l.out_w,
                   &l.out_c) != 13)
            continue; /* the heading */
        if (strcmp(name, network)) {
            total(network, macs, instructions, wide);
            strcpy(network, name);
            macs = instructions = wide = 0;
        }
        const struct best best = best_of(kernel, &l, false), wider = best_of(kernel, &l, true);
        const bool full = !strcmp(kernel, "conv2d") || !strcmp(kernel, "fully_connected");
        const double n = full || !strcmp(kernel, "depthwise") ? layer_macs(&l) * (full ? l.c : 1) : 0;
        const double n_in = n > 0 ? n : (double)l.h * l.w * l.c;
        printf("%s,%s,%dx%dx%d k%dx%d s%d -> %dx%dx%d,%s,%.0f,%lu,%.3f,%d,%lu\n", network, kernel, l.h, l.w,
               l.c, l.kernel_h, l.kernel_w, l.stride, l.out_h, l.out_w, l.out_c, best.schedule, n,
               (unsigned long)best.cost.instructions, best.cost.instructions / n_in,
               (int)best.cost.scratch_bytes, (unsigned long)wider.cost.instructions);
        macs += n;
        instructions += best.cost.instructions;
        wide += wider.cost.instructions;
    }
    total(network, macs, instructions, wide);
    fclose(table);
    return 0;
}
