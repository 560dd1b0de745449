#include "base/progress.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_CELLS = 24 };
static const int64_t redraw_us = 100 * 1000, line_us = 10 * 1000 * 1000, quick_us = 2 * 1000 * 1000;

/* "42 s", "3:05", "1:02:03" */
static void format_duration(char out[32], double seconds)
{
    const int64_t s = (int64_t)(seconds + 0.5);
    if (s < 60)
        snprintf(out, 32, "%d s", (int)s);
    else if (s < 3600)
        snprintf(out, 32, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else
        snprintf(out, 32, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static void format_rate(char out[32], double rate)
{
    if (rate >= 9999.5)
        snprintf(out, 32, "%.1fk", rate / 1000);
    else
        snprintf(out, 32, rate >= 99.5 ? "%.0f" : "%.1f", rate);
}

static bool color_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");
    return !(no_color && *no_color);
}

static void draw(const struct progress *progress, int64_t done, int64_t elapsed_us)
{
    const double seconds = (double)elapsed_us / 1e6, rate = seconds > 0 ? (double)done / seconds : 0;
    char per_second[32], eta[32] = "", line[320];
    format_rate(per_second, rate);

    int length = 0;
    const int size = (int)sizeof line;
    if (progress->terminal) {
        const bool color = color_wanted();
        char bar[BAR_CELLS + 1];
        const int filled =
            progress->total > 0 ? (int)((double)done / (double)progress->total * BAR_CELLS) : 0;
        for (int i = 0; i < BAR_CELLS; i++)
            bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
        bar[BAR_CELLS] = '\0';
        length = snprintf(line, size, "\r\033[K%s%-10.40s%s ", color ? "\033[1m" : "", progress->label,
                          color ? "\033[0m" : "");
        if (progress->total > 0)
            length += snprintf(line + length, size - length, "[%s%s%s] ", color ? "\033[36m" : "", bar,
                               color ? "\033[0m" : "");
    } else {
        length = snprintf(line, size, "%.40s: ", progress->label);
    }
    if (progress->total > 0) {
        if (done > 0)
            format_duration(eta, (double)(progress->total - done) / rate);
        length += snprintf(line + length, size - length, "%lld/%lld %.40s, %s/s%s%s", (long long)done,
                           (long long)progress->total, progress->unit, per_second, *eta ? ", ETA " : "", eta);
    } else {
        length += snprintf(line + length, size - length, "%lld %.40s, %s/s", (long long)done, progress->unit,
                           per_second);
    }
    snprintf(line + length, size - length, "%s", progress->terminal ? "" : "\n");
    fputs(line, stderr);
    fflush(stderr);
}

void progress_start(struct progress *progress, bool quiet, const char *label, int64_t total, const char *unit)
{
    const char *term = getenv("TERM");
    *progress = (struct progress){.label = label, .unit = unit, .total = total, .quiet = quiet};
    progress->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    progress->start_us = clock_now_ns() / 1000;
    progress->next_us = progress->start_us + (progress->terminal ? redraw_us : line_us);
}

void progress_step(struct progress *progress, int64_t n)
{
    const int64_t done = __atomic_add_fetch(&progress->done, n, __ATOMIC_RELAXED);
    if (progress->quiet)
        return;
    const int64_t now = clock_now_ns() / 1000;
    int64_t next = __atomic_load_n(&progress->next_us, __ATOMIC_RELAXED);
    if (now < next)
        return;
    /* The thread that moves the deadline draws; the others go on. */
    if (__atomic_compare_exchange_n(&progress->next_us, &next,
                                    now + (progress->terminal ? redraw_us : line_us), false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        draw(progress, done, now - progress->start_us);
}

void progress_end(struct progress *progress)
{
    if (progress->quiet)
        return;
    const int64_t elapsed_us = clock_now_ns() / 1000 - progress->start_us;
    if (progress->terminal)
        fputs("\r\033[K", stderr);
    if (elapsed_us >= quick_us) {
        char duration[32];
        format_duration(duration, (double)elapsed_us / 1e6);
        fprintf(stderr, "%s: %lld %s in %s\n", progress->label, (long long)progress->done, progress->unit,
                duration);
    }
    fflush(stderr);
}
