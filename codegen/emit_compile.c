/*
 * emit_compile.c - what every project for a board is compiled with and from, without writing one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "codegen/emit.h"
#include "codegen/emit_parts.h"

int emit_build_alone(const char *folder, const struct board *board)
{
    struct arena arena = ARENA_INIT;
    struct strbuf text = STRBUF_INIT;
    const struct emit_options options = {.model_sha256 = "", .command = ""};
    const struct emission emission = {.board = board, .options = &options, .arena = &arena};
    emit_build_ninja(&text, &emission);
    int rc = file_write(path_join(&arena, folder, "build.ninja"), strbuf_text(&text), text.length);
    strbuf_release(&text);
    arena_release(&arena);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int emit_engine_sha256(struct sha256 *out)
{
    struct arena arena = ARENA_INIT;
    struct strbuf list = STRBUF_INIT;
    int n = 0, rc = 0;
    while (engine_files[n])
        n++;
    const char **names = arena_copy(&arena, engine_files, (size_t)n * sizeof *names);
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n && !rc; i++) {
        const char *path;
        struct sha256 sha;
        rc = resource_path(&path, names[i], &arena);
        if (!rc)
            rc = sha256_of_file(&sha, path);
        if (!rc)
            strbuf_addf(&list, "%s %s\n", sha.hex, names[i] + strlen("engine"));
    }
    *out = sha256_of(strbuf_text(&list), list.length);
    strbuf_release(&list);
    arena_release(&arena);
    return rc;
}
