/* fetch: downloads from a server on 127.0.0.1 that cuts connections, ignores ranges, lies, or sends too much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/hash.h"
#include "capture.h"
#include "datasets/fetch.h"
#include "datasets_fixture.h"

enum { SIZE = 100000, CUT = 30000 };

static struct scratch scratch;
static unsigned char content[SIZE];
static char sha256_hex[65], url_text[5][128], target[128], part[160];
static const char *urls[5];
static pid_t server;
static int requests_fd; /* the server writes a line for each request */

static void send_all(int fd, const void *data, size_t n)
{
    for (size_t done = 0; done < n;) {
        const ssize_t sent = send(fd, (const char *)data + done, n - done, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        done += (size_t)sent;
    }
}

/* /whole honours ranges; /cut also, but sends only CUT bytes a time; /stuck never gets past CUT; /norange
 * ignores them; /missing is 404.
 */
static void answer(int fd, int log_fd)
{
    char request[4096], head[256];
    size_t n = 0;
    while (n < sizeof request - 1) {
        const ssize_t got = recv(fd, request + n, sizeof request - 1 - n, 0);
        if (got <= 0)
            return;
        n += (size_t)got;
        request[n] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    const char *range = strstr(request, "Range: bytes=");
    long from = range ? atol(range + strlen("Range: bytes=")) : 0;
    char line[32];
    snprintf(line, sizeof line, "%ld\n", from);
    if (write(log_fd, line, strlen(line)) < 0)
        return;
    if (strstr(request, "GET /missing")) {
        const char *text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        send_all(fd, text, strlen(text));
        return;
    }
    if (range && from >= SIZE) {
        const char *text =
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        send_all(fd, text, strlen(text));
        return;
    }
    if (strstr(request, "GET /norange"))
        range = NULL, from = 0;
    const long length = SIZE - from;
    if (range)
        snprintf(head, sizeof head, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %ld-%d/%d\r\n",
                 from, SIZE - 1, SIZE);
    else
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
    sprintf(head + strlen(head), "Content-Length: %ld\r\nConnection: close\r\n\r\n", length);
    send_all(fd, head, strlen(head));
    long sent = length;
    if (strstr(request, "GET /cut") && sent > CUT)
        sent = CUT;
    if (strstr(request, "GET /stuck"))
        sent = from < CUT ? CUT - from : 0;
    send_all(fd, content + from, (size_t)sent);
}

static int set_up(void **state)
{
    (void)state;
    scratch_create(&scratch);
    for (int i = 0; i < SIZE; i++)
        content[i] = (unsigned char)(i * 7 + i / 256);
    strcpy(sha256_hex, sha256_of(content, SIZE).hex);
    snprintf(target, sizeof target, "%s/file.zip", scratch.folder);
    snprintf(part, sizeof part, "%s.part", target);

    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int pipe_fds[2];
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&address, &length) || pipe(pipe_fds))
        return -1;
    static const char *const paths[] = {"whole", "cut", "norange", "missing", "stuck"};
    for (int i = 0; i < 5; i++) {
        snprintf(url_text[i], sizeof url_text[i], "http://127.0.0.1:%d/%s", ntohs(address.sin_port),
                 paths[i]);
        urls[i] = url_text[i];
    }
    server = fork();
    if (server == 0) {
        close(pipe_fds[0]);
        for (;;) {
            const int fd = accept(listener, NULL, NULL);
            if (fd < 0)
                _exit(0);
            answer(fd, pipe_fds[1]);
            close(fd);
        }
    }
    close(listener);
    close(pipe_fds[1]);
    requests_fd = pipe_fds[0];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(requests_fd);
    scratch_remove(&scratch);
    return 0;
}

enum { WHOLE, CUT_OFF, NO_RANGE, MISSING, STUCK };

static struct fetch request_of(int url)
{
    return (struct fetch){
        .urls = &urls[url], .n_urls = 1, .path = target, .sha256 = sha256_hex, .bytes = SIZE, .quiet = true};
}

static void assert_fetched(void)
{
    struct arena arena = ARENA_INIT;
    struct file file;
    assert_int_equal(file_read(&file, target, SIZE * 2, &arena), 0);
    assert_int_equal(file.size, SIZE);
    assert_memory_equal(file.data, content, SIZE);
    assert_false(file_exists(part));
    arena_release(&arena);
}

static void assert_failed(const struct fetch *request, int code, const char *message)
{
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = fetch_file(request);
    capture_end(&capture);
    if (!strstr(capture.text, message))
        fail_msg("expected '%s', got '%s'", message, capture.text);
    assert_ptr_equal(strchr(capture.text, '\n'), capture.text + strlen(capture.text) - 1); /* one message */
    assert_int_equal(rc, code);
    assert_false(file_exists(target));
}

static void assert_requests(const char *expected)
{
    char text[256];
    const ssize_t n = read(requests_fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    assert_string_equal(text, expected);
}

static void test_whole(void **state)
{
    (void)state;
    const struct fetch request = request_of(WHOLE);
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
    assert_requests("0\n");
}

/* Each attempt goes on where the last was cut. */
static void test_cut_connection(void **state)
{
    (void)state;
    struct fetch request = request_of(CUT_OFF);
    request.attempts = 1;
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
    assert_requests("0\n30000\n60000\n90000\n");
}

/* A later call resumes what an earlier one left. */
static void test_resume_later(void **state)
{
    (void)state;
    struct fetch request = request_of(STUCK);
    request.attempts = 1;
    assert_failed(&request, EXIT_IO, "cannot fetch 'http://127.0.0.1:");
    assert_true(file_exists(part));
    request = request_of(WHOLE);
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
    assert_requests("0\n30000\n30000\n");
}

static void test_server_without_ranges(void **state)
{
    (void)state;
    fixture_write(&scratch, "file.zip.part", content, 500);
    const struct fetch request = request_of(NO_RANGE);
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
}

/* All bytes came, but the rename did not happen: the next call only checks. */
static void test_complete_part(void **state)
{
    (void)state;
    fixture_write(&scratch, "file.zip.part", content, SIZE);
    const struct fetch request = request_of(WHOLE);
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
}

static void test_mirror(void **state)
{
    (void)state;
    const char *both[] = {urls[MISSING], urls[WHOLE]};
    struct fetch request = request_of(WHOLE);
    request.urls = both;
    request.n_urls = 2;
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
    request.n_urls = 1;
    remove(target);
    assert_failed(&request, EXIT_IO, "404");
}

static void test_wrong_bytes(void **state)
{
    (void)state;
    struct fetch request = request_of(WHOLE);
    char other[65];
    memset(other, 'a', 64);
    other[64] = '\0';
    request.sha256 = other;
    assert_failed(&request, EXIT_INPUT, "expected aaaa");
    assert_false(file_exists(part));
    request = request_of(WHOLE);
    request.bytes = SIZE + 1;
    assert_failed(&request, EXIT_INPUT, "has 100000 bytes, expected 100001");
    request.bytes = 0;
    request.max_bytes = 1000;
    assert_failed(&request, EXIT_INPUT, "larger than 1000 bytes");
    assert_false(file_exists(part));
    /* a part that is not the beginning of the file */
    fixture_write(&scratch, "file.zip.part", "zzz", 3);
    request = request_of(WHOLE);
    assert_failed(&request, EXIT_INPUT, "SHA-256 is");
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
}

static void test_no_network(void **state)
{
    (void)state;
    const char *const closed[] = {"http://127.0.0.1:1/file.zip"};
    struct fetch request = request_of(WHOLE);
    request.urls = closed;
    request.attempts = 1;
    assert_failed(&request, EXIT_IO, "where there is no network, copy the file to '");
}

static void test_schemes(void **state)
{
    (void)state;
    const char *const other[] = {"ftp://127.0.0.1/file.zip"};
    struct fetch request = request_of(WHOLE);
    request.urls = other;
    assert_failed(&request, EXIT_INPUT, "only http, https and file addresses");
    char local[160];
    fixture_write(&scratch, "local.zip", content, SIZE);
    snprintf(local, sizeof local, "file://%s/local.zip", scratch.folder);
    const char *const file[] = {local};
    request.urls = file;
    assert_int_equal(fetch_file(&request), 0);
    assert_fetched();
}

static void test_unwritable(void **state)
{
    (void)state;
    struct fetch request = request_of(WHOLE);
    request.path = "/nonexistent/folder/file.zip";
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = fetch_file(&request);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_IO);
    assert_string_equal(
        capture.text, "error: cannot write '/nonexistent/folder/file.zip.part': No such file or directory\n");
}

/* A known set, through its .yml: downloaded to the cache, checked and left alone the second time. */
static void test_known_set(void **state)
{
    (void)state;
    char yml[1024], place[256];
    snprintf(yml, sizeof yml,
             "name: mine\ntitle: t\nkind: archive\nclasses: 2\nurl: %s\nsha256: %s\nbytes: %d\n", urls[WHOLE],
             sha256_hex, SIZE);
    fixture_write(&scratch, "datasets/mine.yml", yml, strlen(yml));
    char *home = strdup(getenv("MCUNET_HOME"));
    setenv("MCUNET_HOME", scratch.folder, 1);
    setenv("XDG_CACHE_HOME", scratch.folder, 1);
    snprintf(place, sizeof place, "%s/mcunet/datasets/mine/whole", scratch.folder);
    char expected[300];
    snprintf(expected, sizeof expected, "%s\n", place);
    struct capture capture;
    for (int i = 0; i < 2; i++) {
        capture_start(&capture, 1);
        const int rc = dataset_fetch("mine", true);
        capture_end(&capture);
        assert_int_equal(rc, 0);
        assert_string_equal(capture.text, expected);
    }
    assert_requests("0\n");
    fixture_write(&scratch, "mcunet/datasets/mine/whole", "short", 5);
    capture_start(&capture, 2);
    const int rc = dataset_fetch("mine", true);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_INPUT);
    assert_non_null(strstr(capture.text, "has 5 bytes, expected 100000"));
    setenv("MCUNET_HOME", home, 1);
    unsetenv("XDG_CACHE_HOME");
    free(home);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    for (const char *const *name =
             (const char *const[]){"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", NULL};
         *name; name++)
        unsetenv(*name);
    const struct CMUnitTest tests[] = {
        TEST(test_whole),         TEST(test_cut_connection),
        TEST(test_resume_later),  TEST(test_server_without_ranges),
        TEST(test_complete_part), TEST(test_mirror),
        TEST(test_wrong_bytes),   TEST(test_no_network),
        TEST(test_schemes),       TEST(test_unwritable),
        TEST(test_known_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
