#include "boards/emulate.h"

#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/progress.h"

static const char inputs_name[] = "inputs.bin", outputs_name[] = "outputs.bin";

/* One emulator process takes a batch of images; the batch grows until it takes about this long, so that
 * progress moves. */
static const double batch_s = 1.0;
enum { MAX_BATCH = 4096 };

/* The line of text that begins with prefix, or NULL. */
static const char *find_line(const char *text, const char *prefix, struct arena *arena)
{
    size_t length = strlen(prefix);
    while (text && *text) {
        size_t line = strcspn(text, "\n");
        if (strncmp(text, prefix, length) == 0)
            return arena_printf(arena, "%.*s", (int)line, text);
        text += line + (text[line] == '\n');
    }
    return NULL;
}

static const char *first_line(const char *text, struct arena *arena)
{
    return arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text);
}

/* What the firmware or QEMU said about an end that was not a good one. */
static int report_failure(const struct emulate_run *run, const struct process *qemu, const char *text,
                          struct arena *arena)
{
    if (qemu->timed_out)
        return error("'%s' did not finish within %.0f s in the emulator", run->elf, run->timeout_s);
    const char *line = find_line(text, "fault: ", arena);
    if (!line)
        line = find_line(text, "error: ", arena);
    if (line)
        return error("'%s' stopped in the emulator: %s", run->elf, line);
    if (strstr(text, "Lockup"))
        return error("'%s' locked up in the emulator: a fault inside the fault handler (%s)", run->elf,
                     first_line(text, arena));
    if (qemu->signal)
        return error("qemu-system-arm was killed by signal %d: %s", qemu->signal, first_line(text, arena));
    return error("qemu-system-arm failed with exit code %d: %s", qemu->exit_code, first_line(text, arena));
}

/* How deep the stack went, for whoever keeps the deepest. */
struct stack_report {
    int64_t used, reserved;
};

static int read_stack(const struct emulate_run *run, const char *text, struct stack_report *stack,
                      struct arena *arena)
{
    long long used, reserved;
    const char *line = find_line(text, "stack ", arena);
    if (!line || sscanf(line, "stack %lld of %lld", &used, &reserved) != 2)
        return error("'%s' did not report its stack: not an emulator build of mcunet", run->elf);
    *stack = (struct stack_report){used, reserved};
    if (reserved - used < EMULATE_STACK_GUARD_BYTES)
        return error("'%s' used %lld of %lld bytes of stack: less than the guard of %d bytes is left",
                     run->elf, used, reserved, EMULATE_STACK_GUARD_BYTES);
    return 0;
}

static void keep_deepest(struct emulate_run *run, const struct stack_report *stack)
{
    if (stack->used > run->stack_used_bytes)
        run->stack_used_bytes = stack->used;
    run->stack_reserved_bytes = stack->reserved;
}

/* Runs the ELF once, in folder; with images, their file names follow the program on its command line. *text:
 * what it printed. */
static int run_once(const struct emulate_run *run, const char *elf, const char *folder, double timeout_s,
                    bool images, const char **text, struct stack_report *stack, struct arena *arena)
{
    const char *config = "enable=on,target=native,arg=mcunet";
    if (images)
        config = arena_printf(arena, "%s,arg=%s,arg=%s", config, inputs_name, outputs_name);
    const char *argv[] = {
        "qemu-system-arm", "-M",   run->machine,          "-display", "none",    "-monitor", "none",
        "-serial",         "none", "-semihosting-config", config,     "-kernel", elf,        NULL};
    struct process qemu = {.argv = argv, .folder = folder, .timeout_s = timeout_s, .capture = true};
    int rc = process_run(&qemu, arena);
    if (rc)
        return rc;
    *text = arena_printf(arena, "%s%s", qemu.out ? qemu.out : "", qemu.err ? qemu.err : "");
    if (qemu.exit_code != 0 || qemu.timed_out)
        return report_failure(run, &qemu, *text, arena);
    return read_stack(run, *text, stack, arena);
}

static int run_batch(const struct emulate_run *run, const char *elf, const char *folder, int first, int n,
                     double timeout_s, struct stack_report *stack)
{
    struct arena arena = ARENA_INIT;
    struct file outputs;
    const char *text;
    size_t expected = (size_t)n * (size_t)run->output_bytes;
    int rc =
        file_write(path_join(&arena, folder, inputs_name), run->inputs + (int64_t)first * run->input_bytes,
                   (size_t)n * (size_t)run->input_bytes);
    if (!rc)
        rc = run_once(run, elf, folder, timeout_s, true, &text, stack, &arena);
    if (!rc)
        rc = file_read(&outputs, path_join(&arena, folder, outputs_name), expected + 1, &arena);
    if (!rc && outputs.size != expected)
        rc = error("'%s' wrote %zu bytes for %d images in the emulator, not %zu: built for another network?",
                   run->elf, outputs.size, n, expected);
    if (!rc)
        memcpy(run->outputs + (int64_t)first * run->output_bytes, outputs.data, expected);
    arena_release(&arena);
    return rc;
}

/* What the workers share. */
struct queue {
    struct emulate_run *run;
    const char *elf;
    double deadline; /* 0: none */
    int next, batch; /* image, images a batch */
    int rc;
    struct progress progress;
};

/* Takes the next batch; returns how many images, 0 at the end. */
static int queue_take(struct queue *queue, int *first)
{
    int n = queue->run->n - queue->next;
    if (n > queue->batch)
        n = queue->batch;
    if (queue->rc)
        n = 0;
    *first = queue->next;
    queue->next += n;
    return n;
}

/* One worker, with a folder of its own for the emulator's files; at most `batches` batches. */
static void work(struct queue *queue, const char *folder, int batches)
{
    for (; batches > 0; batches--) {
        int first, n, rc;
#pragma omp critical(emulate_queue)
        n = queue_take(queue, &first);
        if (n == 0)
            return;
        struct stack_report stack = {0};
        double begin = clock_now_s(), left = queue->deadline ? queue->deadline - begin : 0;
        if (queue->deadline && left <= 0)
            rc = error("'%s' did not finish %d images within %.0f s in the emulator", queue->run->elf,
                       queue->run->n, queue->run->timeout_s);
        else
            rc = run_batch(queue->run, queue->elf, folder, first, n, left, &stack);
#pragma omp critical(emulate_queue)
        {
            if (rc && !queue->rc)
                queue->rc = rc;
            keep_deepest(queue->run, &stack);
            if (clock_now_s() - begin < batch_s / 2 && n == queue->batch && queue->batch < MAX_BATCH)
                queue->batch *= 2;
        }
        progress_step(&queue->progress, n);
    }
}

/* Absolute path of the ELF, and a temporary folder that QEMU runs in (its command line cannot carry blanks in
 * paths). */
static int prepare(const struct emulate_run *run, const char **elf, char **folder, struct arena *arena)
{
    char absolute[PATH_MAX];
    if (!process_find("qemu-system-arm", arena))
        return error_tool(
            "'qemu-system-arm' is not installed, and the firmware cannot be emulated without it: apt install "
            "qemu-system-arm");
    if (!realpath(run->elf, absolute))
        return error("cannot open '%s': %m", run->elf);
    *elf = arena_strdup(arena, absolute);
    const char *base = getenv("TMPDIR");
    *folder = arena_printf(arena, "%s/mcunet-emulate-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(*folder)) {
        int rc = error("cannot create a folder for the emulator's files, '%s': %m", *folder);
        *folder = NULL;
        return rc;
    }
    return 0;
}

static const char *worker_folder(const char *folder, int worker, struct arena *arena)
{
    return arena_printf(arena, "%s/%d", folder, worker);
}

static void clean_up(const char *folder, int workers, struct arena *arena)
{
    for (int w = 0; w < workers; w++) {
        const char *own = worker_folder(folder, w, arena);
        unlink(path_join(arena, own, inputs_name));
        unlink(path_join(arena, own, outputs_name));
        rmdir(own);
    }
    rmdir(folder);
}

int emulate(struct emulate_run *run, struct arena *arena)
{
    enum { MAX_WORKERS = 16 };
    const char *elf;
    char *folder;
    int workers = run->threads > 0 ? run->threads : omp_get_max_threads();
    if (workers > MAX_WORKERS)
        workers = MAX_WORKERS;
    run->stack_used_bytes = run->stack_reserved_bytes = 0;
    int rc = prepare(run, &elf, &folder, arena);
    if (rc)
        return rc;
    const char *folders[MAX_WORKERS];
    for (int w = 0; w < workers && !rc; w++) {
        folders[w] = worker_folder(folder, w, arena);
        rc = folder_create(folders[w]);
    }
    if (!rc) {
        struct queue queue = {.run = run,
                              .elf = elf,
                              .deadline = run->timeout_s > 0 ? clock_now_s() + run->timeout_s : 0,
                              .batch = 1};
        progress_start(&queue.progress, run->quiet, "emulate", run->n, "images");
        /* The first image runs alone: firmware that fails does so on any image, and then says so once. */
        work(&queue, folders[0], 1);
#pragma omp parallel for num_threads(workers) schedule(static, 1)
        for (int w = 0; w < workers; w++)
            work(&queue, folders[w], INT_MAX);
        progress_end(&queue.progress);
        rc = queue.rc;
    }
    clean_up(folder, workers, arena);
    return rc;
}

int emulate_selftest(struct emulate_run *run, uint32_t *crc, struct arena *arena)
{
    const char *elf, *text = "";
    char *folder;
    struct stack_report stack = {0};
    int rc = prepare(run, &elf, &folder, arena);
    if (rc)
        return rc;
    rc = run_once(run, elf, folder, run->timeout_s, false, &text, &stack, arena);
    run->stack_used_bytes = stack.used;
    run->stack_reserved_bytes = stack.reserved;
    clean_up(folder, 0, arena);
    const char *line = rc ? NULL : find_line(text, "crc32 ", arena);
    if (!rc && (!line || sscanf(line, "crc32 %x", crc) != 1))
        rc = error("'%s' did not report the self-test's CRC", run->elf);
    return rc;
}
