#include "boards/build.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

/* Programs the build needs, and where Debian has them. */
static const struct tool {
    const char *program, *package;
} tools[] = {
    {"ninja", "ninja-build"},
    {"arm-none-eabi-gcc", "gcc-arm-none-eabi"},
};

static int check_tools(struct arena *arena)
{
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (!process_find(tools[i].program, arena))
            return error_tool(
                "'%s' is not installed, and the firmware cannot be built without it: apt install %s",
                tools[i].program, tools[i].package);
    return 0;
}

/* The first lines of text that matter: from the first that contains "error" or " overflowed by " on. */
static const char *first_errors(const char *text, struct arena *arena)
{
    enum { LINES = 6, LONGEST = 1200 };
    const char *from = text;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        size_t length = strcspn(line, "\n");
        const char *hit = strstr(line, "error");
        if (hit && hit < line + length) {
            from = line;
            break;
        }
    }
    const char *end = from;
    for (int n = 0; n < LINES && *end && end - from < LONGEST; n++) {
        end += strcspn(end, "\n");
        end += *end == '\n';
    }
    while (end > from && end[-1] == '\n')
        end--;
    return arena_printf(arena, "%.*s", (int)(end - from), from);
}

/* ld: "region `ram' overflowed by 84632 bytes" */
static int report_overflow(const char *folder, const char *elf, const char *text, bool *reported)
{
    static const char before[] = "region `", between[] = "' overflowed by ";
    *reported = false;
    const char *name = text, *by = NULL;
    size_t length = 0;
    while (!by && (name = strstr(name, before))) {
        name += strlen(before);
        length = strcspn(name, "'\n");
        if (strncmp(name + length, between, strlen(between)) == 0)
            by = name + length + strlen(between);
    }
    long long bytes = 0;
    if (!by || sscanf(by, "%lld", &bytes) != 1)
        return 0;
    *reported = true;
    return error_fit("%s/%s does not link: it needs %lld bytes more '%.*s' than the board has", folder, elf,
                     bytes, (int)length, name);
}

static int report_failure(const char *folder, const char *elf, const struct process *ninja,
                          struct arena *arena)
{
    const char *text =
        arena_printf(arena, "%s%s", ninja->out ? ninja->out : "", ninja->err ? ninja->err : "");
    bool reported;
    int rc = report_overflow(folder, elf, text, &reported);
    if (reported)
        return rc;
    return error("cannot build '%s/%s':\n%s", folder, elf, first_errors(text, arena));
}

int firmware_build(const char *folder, bool emulator, int jobs, bool quiet)
{
    return firmware_build_elf(folder, emulator ? "emulator.elf" : "firmware.elf", jobs, quiet);
}

int firmware_build_elf(const char *folder, const char *elf, int jobs, bool quiet)
{
    struct arena arena = ARENA_INIT;
    int rc = check_tools(&arena);
    if (!rc && !file_exists(path_join(&arena, folder, "build.ninja")))
        rc = error_input("'%s' holds no build.ninja: not a folder that mcunet codegen wrote", folder);
    if (!rc) {
        const char *argv[8];
        int n = 0;
        argv[n++] = "ninja";
        if (jobs > 0) {
            argv[n++] = "-j";
            argv[n++] = arena_printf(&arena, "%d", jobs);
        }
        argv[n++] = elf;
        argv[n] = NULL;
        struct process ninja = {.argv = argv, .folder = folder, .capture = true};
        if (!quiet)
            fprintf(stderr, "build: %s/%s\n", folder, elf);
        rc = process_run(&ninja, &arena);
        if (!rc && ninja.exit_code != 0)
            rc = report_failure(folder, elf, &ninja, &arena);
    }
    arena_release(&arena);
    return rc;
}
