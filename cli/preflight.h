/*
 * preflight.h - what a run needs, looked at before anything starts: a mistake in the last stage should not cost the hours of the first.
 */
#ifndef CLI_PREFLIGHT_H
#define CLI_PREFLIGHT_H

struct arena;
struct recipe;

/*
 * Board, supernet or model, and images that the recipe names exist; the programs that the stages up to `until` (NULL: all) call are
 * installed. The first that is missing is reported, with what it is and where to get it.
 */
int preflight(const struct recipe *recipe, const char *until, struct arena *arena);

/* Path of a supernet: a file as the user named it, or a shipped one. error_input saying what there is. */
int supernet_path(const char **out, const char *name, struct arena *arena);

#endif
