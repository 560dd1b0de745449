/*
 * golden_codegen.c - a tiny network to exact text: the files in tests/golden/codegen/ are what codegen writes
 * for it, byte for byte.
 *
 * After an intended change: `build/tests/golden/golden_codegen --refresh` in the root of the repository, and
 * review the diff.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "boards/board.h"
#include "codegen/emit.h"
#include "codegen/schedule.h"
#include "networks.h"
#include "tests/unit/scratch.h"

static const char golden_folder[] = "tests/golden/codegen";

static const char *const files[] = {"model.h",        "model.c",       "weights.h",   "weights.c",
                                    "build.ninja",    "firmware.ld",   "emulator.ld", "schedule.json",
                                    "memory_map.txt", "memory_map.svg"};

/* Line of the first difference. */
static int first_difference(const struct file *a, const struct file *b)
{
    int line = 1;
    for (size_t i = 0; i < a->size && i < b->size && a->data[i] == b->data[i]; i++)
        line += a->data[i] == '\n';
    return line;
}

static int compare(const char *folder, const char *name, bool refresh, struct arena *arena)
{
    struct file got, expected;
    const char *golden = path_join(arena, golden_folder, name);
    if (file_read(&got, path_join(arena, folder, name), 1 << 20, arena))
        return 1;
    if (refresh)
        return file_write_if_changed(golden, got.data, got.size, NULL);
    if (file_read(&expected, golden, 1 << 20, arena))
        return 1;
    if (got.size == expected.size && memcmp(got.data, expected.data, got.size) == 0)
        return 0;
    fprintf(stderr, "%s:%d: codegen now writes something else (--refresh rewrites it)\n", golden,
            first_difference(&got, &expected));
    return 1;
}

int main(int argc, char **argv)
{
    bool refresh = argc == 2 && strcmp(argv[1], "--refresh") == 0;
    setenv("MCUNET_HOME", ".", 0);
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    struct board *board;
    struct schedule schedule;
    const struct emit_options options = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                         "mcunet codegen tiny.onnx --board stm32h743"};
    const struct qmodel *qmodel = network_tiny(&arena);
    scratch_create(&scratch);
    schedule_plan(&schedule, qmodel, &(struct plan_options){.fusion = true, .dsp = true}, &arena);
    int failed = board_load(&board, "stm32h743", &arena) || schedule_check(&schedule, qmodel) ||
                 emit_project(scratch.folder, qmodel, &schedule, board, &options);
    if (refresh && !failed)
        failed = folder_create(golden_folder);
    for (size_t i = 0; i < sizeof files / sizeof *files && !failed; i++)
        failed |= compare(scratch.folder, files[i], refresh, &arena);
    scratch_remove(&scratch);
    arena_release(&arena);
    return failed ? 1 : 0;
}
