#include "boards/emulate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/progress.h"

static const char inputs_name[] = "inputs.bin", outputs_name[] = "outputs.bin";

/* One emulator process takes a batch of images; the batch grows until it takes about this long, so that
 * progress moves. */
static const double batch_s = 1.0;
enum { MAX_BATCH = 4096 };

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

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

static int read_stack(struct emulate_run *run, const char *text, struct arena *arena)
{
    long long used, reserved;
    const char *line = find_line(text, "stack ", arena);
    if (!line || sscanf(line, "stack %lld of %lld", &used, &reserved) != 2)
        return error("'%s' did not report its stack: not an emulator build of mcunet", run->elf);
    if (used > run->stack_used_bytes)
        run->stack_used_bytes = used;
    run->stack_reserved_bytes = reserved;
    if (reserved - used < EMULATE_STACK_GUARD_BYTES)
        return error("'%s' used %lld of %lld bytes of stack: less than the guard of %d bytes is left",
                     run->elf, used, reserved, EMULATE_STACK_GUARD_BYTES);
    return 0;
}

/* Runs the ELF once; its words follow the program name on its command line. *text: everything it printed. */
static int run_once(struct emulate_run *run, const char *elf, const char *folder, double timeout_s,
                    bool images, const char **text, struct arena *arena)
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
    return read_stack(run, *text, arena);
}

static int run_batch(struct emulate_run *run, const char *elf, const char *folder, int first, int n,
                     double timeout_s)
{
    struct arena arena = ARENA_INIT;
    struct file outputs;
    const char *text;
    size_t expected = (size_t)n * (size_t)run->output_bytes;
    int rc =
        file_write(path_join(&arena, folder, inputs_name), run->inputs + (int64_t)first * run->input_bytes,
                   (size_t)n * (size_t)run->input_bytes);
    if (!rc)
        rc = run_once(run, elf, folder, timeout_s, true, &text, &arena);
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

static int run_batches(struct emulate_run *run, const char *elf, const char *folder)
{
    double deadline = run->timeout_s > 0 ? now_s() + run->timeout_s : 0;
    int batch = 1, rc = 0;
    struct progress progress;
    progress_start(&progress, run->quiet, "emulate", run->n, "images");
    for (int first = 0; first < run->n && !rc;) {
        double begin = now_s(), left = deadline ? deadline - begin : 0;
        int n = batch < run->n - first ? batch : run->n - first;
        if (deadline && left <= 0)
            rc = error("'%s' did not finish %d images within %.0f s in the emulator", run->elf, run->n,
                       run->timeout_s);
        else
            rc = run_batch(run, elf, folder, first, n, left);
        first += n;
        progress_step(&progress, n);
        if (now_s() - begin < batch_s / 2 && batch < MAX_BATCH)
            batch *= 2;
    }
    progress_end(&progress);
    return rc;
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

static void clean_up(const char *folder, struct arena *arena)
{
    unlink(path_join(arena, folder, inputs_name));
    unlink(path_join(arena, folder, outputs_name));
    rmdir(folder);
}

int emulate(struct emulate_run *run, struct arena *arena)
{
    const char *elf;
    char *folder;
    run->stack_used_bytes = run->stack_reserved_bytes = 0;
    int rc = prepare(run, &elf, &folder, arena);
    if (rc)
        return rc;
    rc = run_batches(run, elf, folder);
    clean_up(folder, arena);
    return rc;
}

int emulate_selftest(struct emulate_run *run, uint32_t *crc, struct arena *arena)
{
    const char *elf, *text = "";
    char *folder;
    run->stack_used_bytes = run->stack_reserved_bytes = 0;
    int rc = prepare(run, &elf, &folder, arena);
    if (rc)
        return rc;
    rc = run_once(run, elf, folder, run->timeout_s, false, &text, arena);
    clean_up(folder, arena);
    const char *line = rc ? NULL : find_line(text, "crc32 ", arena);
    if (!rc && (!line || sscanf(line, "crc32 %x", crc) != 1))
        rc = error("'%s' did not report the self-test's CRC", run->elf);
    return rc;
}
