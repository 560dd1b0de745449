#include "cli/fingerprint.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/strbuf.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int fingerprint_folder(struct sha256 *out, const char *path)
{
    char *roots[] = {(char *)path, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk)
        return error("cannot read folder '%s': %s", path, strerror(errno));
    struct strbuf listing = STRBUF_INIT;
    size_t root = strlen(path);
    for (FTSENT *entry; (entry = fts_read(walk));)
        if (entry->fts_info == FTS_F)
            strbuf_addf(&listing, "%s\t%lld\n", entry->fts_path + root, (long long)entry->fts_statp->st_size);
    fts_close(walk);
    *out = sha256_of(strbuf_text(&listing), listing.length);
    strbuf_release(&listing);
    return 0;
}

int fingerprint(struct sha256 *out, const char *path)
{
    if (folder_exists(path))
        return fingerprint_folder(out, path);
    if (file_exists(path))
        return sha256_of_file(out, path);
    *out = sha256_of(path, strlen(path));
    return 0;
}
