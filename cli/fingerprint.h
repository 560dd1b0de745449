/*
 * fingerprint.h - what tells `run` that an input changed: content, never time stamps or places.
 */
#ifndef CLI_FINGERPRINT_H
#define CLI_FINGERPRINT_H

struct sha256;

/* A file: SHA-256 of its bytes. A folder: SHA-256 over the sorted relative names and sizes below it. Neither: SHA-256 of the text itself (the
 * name of something that is not there yet; the stage will say so). */
int fingerprint(struct sha256 *out, const char *path);

#endif
