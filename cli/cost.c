#include "cli/cost.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "boards/toolchain.h"
#include "cli/cost_network.h"
#include "codegen/cost_table.h"
#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "nas/supernet.h"
#include "quant/qmodel.h"

/* ---- folders ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

int cost_folder_create(const char **out, struct arena *arena)
{
    const char *base = getenv("TMPDIR");
    char *folder = arena_printf(arena, "%s/mcunet-cost-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder))
        return error("cannot create a folder for firmware, '%s': %s", folder, strerror(errno));
    *out = folder;
    return 0;
}

void cost_folder_remove(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- identity ---- */

static void add_cache(struct strbuf *out, const char *what, const struct cache_spec *cache)
{
    strbuf_addf(out, "%s: %d bytes, %d ways, lines of %d\n", what, cache->bytes, cache->ways,
                cache->line_bytes);
}

/* What the estimator takes of a board file. */
static void add_board(struct strbuf *out, const struct board *board)
{
    const struct timing_spec *timing = &board->timing;
    strbuf_addf(out, "board: %s, %s (%s), %d MHz, %d wait states, flash words of %d bytes\n", board->name,
                board->core, board->fpu, board->clock_mhz, board->flash_wait_states,
                timing->flash_word_bytes);
    add_cache(out, "instruction cache", &timing->icache);
    add_cache(out, "data cache", &timing->dcache);
    strbuf_addf(out, "emulator: %s, flash at 0x%08x, RAM at 0x%08x\ntiming:", board->emulator.machine,
                board->emulator.flash.origin, board->emulator.ram.origin);
    for (int i = 0; i < n_timing_keys; i++)
        if (timing_key_applies(&timing_keys[i], board->core) &&
            strcmp(timing_keys[i].name, "error_percent") != 0)
            strbuf_addf(out, " %s %.15g", timing_keys[i].name, timing_value(timing, &timing_keys[i]));
    strbuf_adds(out, "\n");
}

static const char compiler_key[] = "compiler: ";

/* What a project for the board is compiled with and from. */
static int add_project(struct strbuf *out, const struct board *board, struct arena *arena)
{
    const char *folder;
    int rc = cost_folder_create(&folder, arena);
    if (rc)
        return rc;
    struct toolchain toolchain;
    struct sha256 engine;
    rc = emit_build_alone(folder, board);
    if (!rc)
        rc = toolchain_of_project(&toolchain, folder, arena);
    if (!rc)
        rc = emit_engine_sha256(&engine);
    if (!rc)
        strbuf_addf(out, "%s%s\nflags: %s\nengine: %s\n", compiler_key, toolchain.compiler, toolchain.flags,
                    engine.hex);
    cost_folder_remove(folder);
    return rc;
}

int cost_identity(const char **out, const struct board *board, struct arena *arena)
{
    if (!board->timing.known)
        return error_input("board '%s' has no timing constants: its cycles cannot be estimated", board->name);
    struct strbuf text = STRBUF_INIT;
    add_board(&text, board);
    int rc = add_project(&text, board, arena);
    *out = arena_strdup(arena, strbuf_text(&text));
    strbuf_release(&text);
    return rc;
}

/* Same board, whatever the compiler and engine. */
static bool same_board(const char *a, const char *b)
{
    const char *end = strstr(a, compiler_key);
    return end && strncmp(a, b, (size_t)(end - a)) == 0;
}

/* ---- places ---- */

/* What belongs to an identity, in the cache. */
static int cache_path(const char **out, const char *identity, const char *suffix, struct arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!cache || *cache != '/') { /* the XDG specification: ignore a relative one */
        if (!home || !*home)
            return error("no place for the cost table: neither XDG_CACHE_HOME nor HOME is set");
        cache = path_join(arena, home, ".cache");
    }
    struct sha256 sha = sha256_of(identity, strlen(identity));
    *out = arena_printf(arena, "%s/mcunet/cost/%s%s", cache, sha.hex, suffix);
    return 0;
}

int cost_cache_path(const char **out, const char *identity, struct arena *arena)
{
    return cache_path(out, identity, ".csv", arena);
}

static bool lock_cached(struct cost_project *out, const char *identity, struct arena *arena)
{
    if (cache_path(&out->folder, identity, ".project", arena) || folder_create(out->folder))
        return false;
    out->lock = open(path_join(arena, out->folder, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (out->lock >= 0 && flock(out->lock, LOCK_EX | LOCK_NB) != 0) {
        close(out->lock);
        out->lock = -1;
    }
    return out->lock >= 0;
}

int cost_project_open(struct cost_project *out, const char *identity, struct arena *arena)
{
    *out = (struct cost_project){.lock = -1};
    return lock_cached(out, identity, arena) ? 0 : cost_folder_create(&out->folder, arena);
}

void cost_project_close(struct cost_project *project)
{
    if (project->lock < 0)
        cost_folder_remove(project->folder);
    else
        close(project->lock);
}

static const char *shipped_path(const struct board *board, struct arena *arena)
{
    return resource_find(arena_printf(arena, "boards/cost/%s.csv", board->name), arena);
}

int cost_read_own(struct cost_table *out, bool *found, const char *path, const char *identity,
                  struct arena *arena)
{
    enum { MAX_BYTES = 16 << 20 };
    struct file file;
    *found = false;
    if (!file_exists(path))
        return 0;
    int rc = file_read(&file, path, MAX_BYTES, arena);
    if (rc)
        return rc;
    if (!cost_table_intact((const char *)file.data)) {
        warning("the cost table '%s' is damaged and is replaced", path);
        return 0;
    }
    rc = cost_table_parse(out, (const char *)file.data, path, arena);
    *found = !rc && strcmp(out->identity, identity) == 0;
    if (!rc && !*found)
        warning("the cost table '%s' is of another board, compiler or engine and is replaced", path);
    return rc;
}

static int load(struct cost_table *out, bool *stale, const struct board *board, const char *identity,
                const char *cached, struct arena *arena)
{
    const char *shipped = shipped_path(board, arena);
    *stale = false;
    bool found;
    int rc = cost_read_own(out, &found, cached, identity, arena);
    if (rc || found)
        return rc;
    bool damaged = file_exists(cached) && remove(cached) == 0;
    cost_table_init(out, identity, board->timing.dcache.bytes, arena);
    if (!shipped)
        return 0;
    struct cost_table table;
    rc = cost_table_read(&table, shipped, arena);
    bool own = !rc && strcmp(table.identity, identity) == 0;
    if (own || (!rc && !damaged &&
                same_board(identity, table.identity))) { /* the user has filled a better one before */
        *out = table;
        *stale = !own;
    }
    return rc;
}

int cost_table_of_board(struct cost_table *out, const struct board *board, bool quiet, struct arena *arena)
{
    const char *identity, *cached;
    bool stale;
    int rc = cost_identity(&identity, board, arena);
    if (!rc)
        rc = cost_cache_path(&cached, identity, arena);
    if (!rc)
        rc = load(out, &stale, board, identity, cached, arena);
    if (rc)
        return rc;
    if (stale && !getenv("MCUNET_STAGE")) /* `run` has said it */
        warning("the cost table of '%s' was made with another compiler or engine: latencies are approximate, "
                "but for the chosen network (`mcunet costs %s --fill` makes a new one)",
                board->name, board->name);
    if (out->n_points == 0) {
        const struct supernet *supernets[COST_MOST_SUPERNETS];
        struct cost_fill fill = {
            .board = board, .supernets = supernets, .networks = COST_NETWORKS, .quiet = quiet};
        rc = cost_supernets(supernets, &fill.n_supernets, NULL, arena);
        if (!rc)
            rc = cost_fill(out, &fill, cached, arena);
    }
    if (!rc && !*out->sha256) {
        struct strbuf text = STRBUF_INIT;
        cost_table_text(out, &text);
        strbuf_release(&text);
    }
    if (!rc)
        cost_table_fit(out);
    out->wanted = stale ? identity : NULL;
    return rc;
}
