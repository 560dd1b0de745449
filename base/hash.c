#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"

static struct sha256 hex_of(const unsigned char digest[32])
{
    static const char digits[] = "0123456789abcdef";
    struct sha256 out;
    for (int i = 0; i < 32; i++) {
        out.hex[2 * i] = digits[digest[i] >> 4];
        out.hex[2 * i + 1] = digits[digest[i] & 15];
    }
    out.hex[64] = '\0';
    return out;
}

struct sha256 sha256_of(const void *data, size_t size)
{
    unsigned char digest[32];
    if (!EVP_Digest(data ? data : "", size, digest, NULL, EVP_sha256(), NULL))
        die("libcrypto has no SHA-256");
    return hex_of(digest);
}

int sha256_of_file(struct sha256 *out, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_open_error(path);

    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
        die("libcrypto has no SHA-256");
    unsigned char block[64 << 10], digest[32];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        EVP_DigestUpdate(context, block, (size_t)n);
    }
    const int read_errno = errno;
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    close(fd);
    if (n < 0)
        return error("cannot read '%s': %s", path, strerror(read_errno));
    *out = hex_of(digest);
    return 0;
}

uint32_t crc32_of(uint32_t crc, const void *data, size_t size)
{
    return (uint32_t)crc32_z(crc, data, size);
}
