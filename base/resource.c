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

const char *resource_find(const char *name, struct arena *arena)
{
    const char *homes[MAX_HOMES];
    const int n = list_homes(homes, arena);
    for (int i = 0; i < n; i++) {
        const char *path = path_join(arena, homes[i], name);
        if (access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

int resource_path(const char **out, const char *name, struct arena *arena)
{
    *out = resource_find(name, arena);
    if (*out)
        return 0;
    const char *homes[MAX_HOMES], *searched = "";
    const int n = list_homes(homes, arena);
    for (int i = 0; i < n; i++)
        searched = arena_printf(arena, "%s%s'%s'", searched, i ? ", " : "", homes[i]);
    return error("cannot find mcunet's own '%s' in %s (set MCUNET_HOME to the folder that holds it)", name,
                 searched);
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
    for (int i = 0; i < n; i++) {
        const char *path = path_join(arena, homes[i], name);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

int resource_module(const char **out, const char *name, struct arena *arena)
{
    *out = resource_find_module(name, arena);
    if (*out)
        return 0;
    const char *homes[MAX_HOMES], *searched = "";
    const int n = list_module_homes(homes, arena);
    for (int i = 0; i < n; i++)
        searched = arena_printf(arena, "%s%s'%s'", searched, i ? ", " : "", homes[i]);
    return error_tool("mcunet's module '%s' is missing in %s: build or install mcunet again, or set MCUNET_MODULES to its folder",
                      name, searched);
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
