/*
 * nearest.h - "did you mean ...?": the known name closest to a mistyped one.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

/* The name with the least edit distance (insert, delete, replace, swap of neighbours; case ignored), or NULL
 * when none is close enough to be a typing error (about a third of the letters). First of equals. */
const char *nearest_name(const char *word, const char *const *names, int n);

#endif
