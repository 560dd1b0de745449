#include "boards/toolchain.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

enum { MAX_NINJA_BYTES = 1 << 20 };

static const char blanks[] = " \t\n";

/* Value of a top-level variable of a Ninja file, continuation lines joined; NULL when there is none. */
static const char *variable(const char *text, const char *name, struct arena *arena)
{
    const size_t length = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, name, length) != 0 || strncmp(line + length, " = ", 3) != 0)
            continue;
        const char *from = line + length + 3;
        char *out = arena_alloc(arena, strlen(from) + 1), *to = out;
        for (; *from && *from != '\n'; from++) {
            if (from[0] == '$' && from[1] == '\n')
                *to++ = ' ', from++;
            else
                *to++ = *from;
        }
        *to = '\0';
        return out;
    }
    return NULL;
}

static bool decides_code(const char *flag, size_t length)
{
    static const char *const others[] = {"-W",
                                         "-I",
                                         "-D",
                                         "-std",
                                         "-ffile-prefix-map",
                                         "-ffunction-sections",
                                         "-fdata-sections",
                                         "-fno-unwind",
                                         "-fno-asynchronous"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (length >= strlen(others[i]) && strncmp(flag, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

/* Words of `flags` that matter, with "$target" replaced. */
static const char *pick_flags(const char *flags, const char *target, struct arena *arena)
{
    static const char reference[] = "$target";
    const char *out = "";
    for (const char *at = flags + strspn(flags, blanks); *at;) {
        const size_t length = strcspn(at, blanks);
        const bool is_target = length == strlen(reference) && strncmp(at, reference, length) == 0;
        if (is_target)
            out = arena_printf(arena, "%s%s%s", out, *out ? " " : "", target);
        else if (decides_code(at, length))
            out = arena_printf(arena, "%s%s%.*s", out, *out ? " " : "", (int)length, at);
        at += length;
        at += strspn(at, blanks);
    }
    return out;
}

int toolchain_of_project(struct toolchain *out, const char *folder, struct arena *arena)
{
    const char *path = path_join(arena, folder, "build.ninja");
    struct file file;
    if (!file_exists(path))
        return error_input("'%s' holds no build.ninja: not a folder that mcunet codegen wrote", folder);
    int rc = file_read(&file, path, MAX_NINJA_BYTES, arena);
    if (rc)
        return rc;
    const char *text = (const char *)file.data, *cc = variable(text, "cc", arena),
               *target = variable(text, "target", arena), *flags = variable(text, "cflags", arena);
    if (!cc || !target || !flags)
        return error_input(
            "%s: it does not say 'cc', 'target' and 'cflags': not a file that mcunet codegen wrote", path);
    const char *argv[] = {cc, "-dumpfullversion", NULL};
    struct process gcc = {.argv = argv, .capture = true};
    rc = process_run(&gcc, arena);
    if (rc)
        return rc;
    const int length = gcc.out ? (int)strcspn(gcc.out, "\n") : 0;
    out->compiler = arena_printf(arena, "%s %.*s", cc, length, gcc.out ? gcc.out : "");
    out->flags = pick_flags(flags, target, arena);
    return 0;
}
