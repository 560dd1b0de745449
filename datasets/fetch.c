#include "datasets/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/progress.h"
#include "datasets/known.h"

enum { ATTEMPTS = 3, CONNECT_S = 20, STALL_S = 30, REDIRECTS = 8, PAUSE_S = 1 };
static const int64_t largest_bytes = (int64_t)64 << 30;

struct transfer {
    const struct fetch *request;
    const char *part;
    FILE *file;
    int64_t size, max_bytes; /* of the part so far */
    bool disk_failed, too_large;
    int disk_errno;
    struct progress progress; /* in kB */
    int64_t shown_kb;
};

/* libcurl's write callback: returning less than it gave ends the transfer. */
static size_t take_bytes(char *data, size_t one, size_t n, void *context)
{
    struct transfer *transfer = context;
    (void)one;
    if (transfer->size + (int64_t)n > transfer->max_bytes) {
        transfer->too_large = true;
        return 0;
    }
    if (fwrite(data, 1, n, transfer->file) != n) {
        transfer->disk_failed = true;
        transfer->disk_errno = errno;
        return 0;
    }
    transfer->size += (int64_t)n;
    progress_step(&transfer->progress, transfer->size / 1000 - transfer->shown_kb);
    transfer->shown_kb = transfer->size / 1000;
    return n;
}

static int64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) ? (int64_t)status.st_size : 0;
}

static CURL *configure(struct transfer *transfer, const char *url, char *reason)
{
    const struct fetch *request = transfer->request;
    CURL *curl = curl_easy_init();
    if (!curl) {
        die("libcurl could not be started");
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mcunet/" MCUNET_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                     (long)(request->connect_timeout_s ? request->connect_timeout_s : CONNECT_S));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     (long)(request->stall_timeout_s ? request->stall_timeout_s : STALL_S));
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)transfer->size);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    return curl;
}

enum outcome { OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_NEXT, OUTCOME_STOP };

/* One connection: appends to the part what is still missing. */
static enum outcome transfer_once(struct transfer *transfer, const char *url, char reason[CURL_ERROR_SIZE])
{
    transfer->size = size_of(transfer->part);
    transfer->shown_kb = transfer->size / 1000;
    transfer->file = fopen(transfer->part, "ab");
    reason[0] = '\0';
    if (!transfer->file) {
        transfer->disk_failed = true;
        transfer->disk_errno = errno;
        return OUTCOME_STOP;
    }
    const bool resumed = transfer->size > 0;
    CURL *curl = configure(transfer, url, reason);
    const CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (fclose(transfer->file) && !transfer->disk_failed) {
        transfer->disk_failed = true;
        transfer->disk_errno = errno;
    }
    if (transfer->disk_failed || transfer->too_large) {
        return OUTCOME_STOP;
    }
    if (code == CURLE_OK) {
        return OUTCOME_DONE;
    }
    if (!reason[0]) {
        snprintf(reason, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
    }
    if (resumed && (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME || status == 416)) {
        /* The server cannot continue, or there is nothing left to send: the first starts anew, of the second
         * the check will tell. */
        if (status == 416 && transfer->request->bytes == transfer->size && transfer->size > 0) {
            return OUTCOME_DONE;
        }
        remove(transfer->part);
        return OUTCOME_RETRY;
    }
    const bool hopeless = (status >= 400 && status < 500 && status != 408 && status != 429) ||
                          code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
                          code == CURLE_FILE_COULDNT_READ_FILE || code == CURLE_COULDNT_RESOLVE_HOST;
    return hopeless ? OUTCOME_NEXT : OUTCOME_RETRY;
}

static int download(struct transfer *transfer)
{
    const struct fetch *request = transfer->request;
    char reason[CURL_ERROR_SIZE] = "no address";
    const int attempts = request->attempts ? request->attempts : ATTEMPTS;
    for (int i = 0; i < request->n_urls; i++) {
        /* Attempts that bring no byte count; a connection that is cut again and again still gets there. */
        for (int attempt = 0; attempt < attempts; attempt++) {
            if (attempt > 0) {
                sleep(PAUSE_S);
            }
            const int64_t before = size_of(transfer->part);
            const enum outcome outcome = transfer_once(transfer, request->urls[i], reason);
            if (outcome == OUTCOME_DONE) {
                return 0;
            }
            if (transfer->too_large) {
                remove(transfer->part);
                return error_input("'%s': larger than %lld bytes", request->urls[i],
                                   (long long)transfer->max_bytes);
            }
            if (transfer->disk_failed) {
                return error("cannot write '%s': %s", transfer->part, strerror(transfer->disk_errno));
            }
            if (outcome == OUTCOME_NEXT) {
                break;
            }
            if (transfer->size > before) {
                attempt = -1;
            }
        }
    }
    return error("cannot fetch '%s': %s; where there is no network, copy the file to '%s'",
                 request->urls[request->n_urls - 1], reason, request->path);
}

/* The whole file at `path` against what was promised. */
static int verify(const struct fetch *request, const char *path)
{
    const int64_t size = size_of(path);
    if (request->bytes && size != request->bytes) {
        return error_input("'%s': has %lld bytes, expected %lld", path, (long long)size,
                           (long long)request->bytes);
    }
    if (request->sha256) {
        struct sha256 hash;
        const int rc = sha256_of_file(&hash, path);
        if (rc) {
            return rc;
        }
        if (strcmp(hash.hex, request->sha256)) {
            return error_input("'%s': SHA-256 is %s, expected %s", path, hash.hex, request->sha256);
        }
    }
    return 0;
}

static int check_schemes(const struct fetch *request)
{
    static const char *const schemes[] = {"http://", "https://", "file://"};
    for (int i = 0; i < request->n_urls; i++) {
        bool known = false;
        for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
            known |= !strncmp(request->urls[i], schemes[s], strlen(schemes[s]));
        }
        if (!known) {
            return error_input("'%s': only http, https and file addresses are fetched", request->urls[i]);
        }
    }
    return 0;
}

int fetch_file(const struct fetch *request)
{
    struct arena arena = ARENA_INIT;
    struct transfer transfer = {.request = request, .part = arena_printf(&arena, "%s.part", request->path)};
    transfer.max_bytes = request->max_bytes ? request->max_bytes
                         : request->bytes   ? request->bytes
                                            : largest_bytes;
    int rc = check_schemes(request);
    if (!rc) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        progress_start(&transfer.progress, request->quiet, "fetch", request->bytes / 1000, "kB");
        progress_step(&transfer.progress, size_of(transfer.part) / 1000);
        rc = download(&transfer);
        progress_end(&transfer.progress);
        curl_global_cleanup();
    }
    if (!rc) {
        rc = verify(request, transfer.part);
        if (rc == EXIT_INPUT) {
            remove(transfer.part); /* resuming it would never help */
        }
    }
    if (!rc && rename(transfer.part, request->path)) {
        rc = error("cannot rename '%s' to '%s': %s", transfer.part, request->path, strerror(errno));
    }
    arena_release(&arena);
    return rc;
}

static int fetch_known(const struct known_dataset *known, bool quiet, struct arena *arena)
{
    const char *path;
    int rc = dataset_known_place(&path, known, arena);
    if (rc) {
        return rc;
    }
    const struct fetch request = {.urls = known->urls,
                                  .n_urls = known->n_urls,
                                  .path = path,
                                  .sha256 = known->sha256,
                                  .bytes = known->bytes,
                                  .quiet = quiet};
    if (file_exists(path)) {
        rc = verify(&request, path);
    } else {
        rc = folder_create(path_folder(arena, path));
        rc = rc ? rc : fetch_file(&request);
    }
    if (!rc) {
        printf("%s\n", path);
    }
    return rc;
}

int dataset_fetch(const char *name, bool quiet)
{
    struct arena arena = ARENA_INIT;
    const struct known_dataset *known;
    int rc = dataset_known_find(&known, name, &arena);
    if (!rc && !known) {
        rc = dataset_known_missing(name);
    } else if (!rc && known->kind == KNOWN_RENDERED) {
        printf("%s: rendered on the fly, nothing to fetch\n", name);
    } else if (!rc && known->kind == KNOWN_OWN) {
        const char *path;
        rc = dataset_known_path(&path, known, &arena);
        if (!rc) {
            printf("%s\n", path);
        }
    } else if (!rc) {
        rc = fetch_known(known, quiet, &arena);
    }
    arena_release(&arena);
    return rc;
}
