/*
 * hash.h - SHA-256 (OpenSSL libcrypto) and CRC-32 (zlib's polynomial), as artifacts carry them.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    char hex[65]; /* lower case, NUL terminated */
};

struct sha256 sha256_of(const void *data, size_t size);
/* Hash of a file's bytes, streamed. Missing: error_input (3); unreadable: error (1). */
int sha256_of_file(struct sha256 *out, const char *path);

/* zlib's crc32: start with crc = 0. */
uint32_t crc32_of(uint32_t crc, const void *data, size_t size);

#endif
