/*
 * known.h - the sets that mcunet knows by name, datasets/<name>.yml, and where they lie on this machine.
 *
 *     name: tiny-imagenet-200
 *     title: Tiny-ImageNet, 200 ImageNet classes at 64x64
 *     kind: archive            rendered (nothing to fetch) | archive (one file, read packed) | own (the
 * user's own folder) classes: 200 url: http://...          archive only; mirrors: [...] are tried after it
 *     sha256: ...              optional, bytes too
 *     licence, layout, notes   for people; notes of an "own" set say what is needed and where to get it
 *
 * For the commands:
 *     dataset_known_list(&sets, &n, &arena);  sets[i].name, .title, .classes, ...       `mcunet datasets`
 *     dataset_known_here(&sets[i], &arena)                                                is it here already?
 *     dataset_fetch(name, quiet)  (fetch.h)                                               `mcunet fetch NAME`
 */
#ifndef DATASETS_KNOWN_H
#define DATASETS_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum known_kind { KNOWN_RENDERED, KNOWN_ARCHIVE, KNOWN_OWN };

struct known_dataset {
    const char *name, *title;
    enum known_kind kind;
    int classes;
    const char *const *urls; /* the url, then its mirrors; n_urls 0 unless KNOWN_ARCHIVE */
    int n_urls;
    const char *sha256;                   /* lower-case hex, or NULL */
    int64_t bytes;                        /* 0: not told */
    const char *licence, *layout, *notes; /* never NULL */
};

const char *known_kind_name(enum known_kind kind);

/* All, sorted by name. A bad .yml is error_input (file:line). */
int dataset_known_list(const struct known_dataset **out, int *n, struct arena *arena);
/* *out is NULL when there is none of that name. */
int dataset_known_find(const struct known_dataset **out, const char *name, struct arena *arena);
/* error_input for a name that is neither known nor a file: names the known sets, and the nearest. */
int dataset_known_missing(const char *name);

/* Where a set lies once fetched: $XDG_CACHE_HOME or ~/.cache, then mcunet/datasets/<name>/<last part of url>;
 * for an "own" set the folder mcunet/datasets/<name>. The file need not exist. error (1) when neither
 * variable nor HOME is set. */
int dataset_known_place(const char **out, const struct known_dataset *known, struct arena *arena);
bool dataset_known_here(const struct known_dataset *known, struct arena *arena);
/* As dataset_known_place, but error_input saying how to get the set when it is not here. */
int dataset_known_path(const char **out, const struct known_dataset *known, struct arena *arena);

#endif
