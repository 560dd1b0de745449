#include "base/resource.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

enum { MAX_HOMES = 3 };

/* The places to search, in order; returns how many. */
static int list_homes(const char *homes[MAX_HOMES], struct arena *arena)
{
    int n = 0;
    const char *home = getenv("MCUNET_HOME");
    if (home && *home)
        homes[n++] = home;
    char exe[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (length > 0) {
        exe[length] = '\0';
        const char *folder = path_folder(arena, exe), *parent = path_folder(arena, folder);
        homes[n++] = path_join(arena, parent, "share/mcunet");
        homes[n++] = parent;
    }
    return n;
}

/* Where name is in the first of the places that has it; NULL: in none. */
static const char *find_in(const char *const *homes, int n, const char *name, int access_mode,
                           struct arena *arena)
{
    for (int i = 0; i < n; i++) {
        const char *path = path_join(arena, homes[i], name);
        if (access(path, access_mode) == 0)
            return path;
    }
    return NULL;
}

/* The places, for a message. */
static const char *quoted(const char *const *homes, int n, struct arena *arena)
{
    const char *list = "";
    for (int i = 0; i < n; i++)
        list = arena_printf(arena, "%s%s'%s'", list, i ? ", " : "", homes[i]);
    return list;
}

const char *resource_find(const char *name, struct arena *arena)
{
    const char *homes[MAX_HOMES];
    const int n = list_homes(homes, arena);
    return find_in(homes, n, name, F_OK, arena);
}

int resource_path(const char **out, const char *name, struct arena *arena)
{
    const char *homes[MAX_HOMES];
    const int n = list_homes(homes, arena);
    *out = find_in(homes, n, name, F_OK, arena);
    return *out ? 0
                : error("cannot find mcunet's own '%s' in %s (set MCUNET_HOME to the folder that holds it)",
                        name, quoted(homes, n, arena));
}

/* The places to search for modules, in order; returns how many. */
static int list_module_homes(const char *homes[MAX_HOMES], struct arena *arena)
{
    const char *modules = getenv("MCUNET_MODULES");
    int n = 0;
    if (modules && *modules)
        homes[n++] = modules;
    char exe[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (length > 0) {
        exe[length] = '\0';
        homes[n++] = path_folder(arena, exe);
        homes[n++] = path_join(arena, path_folder(arena, path_folder(arena, exe)), "lib/mcunet");
    }
    return n;
}

const char *resource_find_module(const char *name, struct arena *arena)
{
    const char *homes[MAX_HOMES];
    const int n = list_module_homes(homes, arena);
    return find_in(homes, n, name, R_OK, arena);
}

int resource_module(const char **out, const char *name, struct arena *arena)
{
    const char *homes[MAX_HOMES];
    const int n = list_module_homes(homes, arena);
    *out = find_in(homes, n, name, R_OK, arena);
    return *out ? 0
                : error_tool("mcunet's module '%s' is missing in %s: build or install mcunet again, or set "
                             "MCUNET_MODULES to its folder",
                             name, quoted(homes, n, arena));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int resource_list(const char *const **names, int *n, const char *folder, const char *suffix,
                  struct arena *arena)
{
    const char *path;
    int rc = resource_path(&path, folder, arena);
    if (rc)
        return rc;
    DIR *dir = opendir(path);
    if (!dir)
        return error("cannot read folder '%s': %s", path, strerror(errno));

    const char **list = NULL;
    int count = 0, capacity = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        const size_t length = strlen(entry->d_name), tail = strlen(suffix);
        if (entry->d_name[0] == '.' || length <= tail || strcmp(entry->d_name + length - tail, suffix) != 0)
            continue;
        if (count == capacity) {
            const int grown = capacity ? 2 * capacity : 16;
            const char **larger = ARENA_ARRAY(arena, const char *, (size_t)grown);
            if (count)
                memcpy(larger, list, (size_t)count * sizeof *list);
            list = larger;
            capacity = grown;
        }
        list[count++] = arena_printf(arena, "%.*s", (int)(length - tail), entry->d_name);
    }
    closedir(dir);
    if (count)
        qsort(list, (size_t)count, sizeof *list, compare_names);
    *names = list;
    *n = count;
    return 0;
}
