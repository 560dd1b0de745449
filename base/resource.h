/*
 * resource.h - files that ship with mcunet: boards/, recipes/, datasets/, engine/, nas/supernets/.
 *
 * Looked up as $MCUNET_HOME/<name>, then <folder of the executable>/../share/mcunet/<name> (installed), then
 * <folder of the executable>/../<name> (build tree). No path is compiled in.
 *
 * Machine code that other programs load (QEMU's plugin) lies elsewhere: resource_module().
 */
#ifndef BASE_RESOURCE_H
#define BASE_RESOURCE_H

struct arena;

/* Path of a shipped file or folder, or NULL when there is none. */
const char *resource_find(const char *name, struct arena *arena);
/* As above, but error (1) naming the places searched. */
int resource_path(const char **out, const char *name, struct arena *arena);
/* A module built with mcunet, or NULL when there is none: $MCUNET_MODULES/<name>, <folder of the executable>/<name> (build tree), then <folder of
 * the executable>/../lib/mcunet/<name> (installed). */
const char *resource_find_module(const char *name, struct arena *arena);
/* As above, but error_tool (7) naming the places searched. */
int resource_module(const char **out, const char *name, struct arena *arena);
/* Sorted names of files in a shipped folder that end in suffix, without the suffix. */
int resource_list(const char *const **names, int *n, const char *folder, const char *suffix,
                  struct arena *arena);

#endif
