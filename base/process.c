#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"

enum { CAPTURE_MAX_BYTES = 16 << 20 };

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *process_find(const char *name, struct arena *arena)
{
    if (strchr(name, '/'))
        return is_program(name) ? arena_strdup(arena, name) : NULL;
    const char *path = getenv("PATH");
    while (path && *path) {
        const size_t length = strcspn(path, ":");
        /* An empty entry means the current folder, by tradition. */
        const char *candidate = length ? arena_printf(arena, "%.*s/%s", (int)length, path, name)
                                       : arena_printf(arena, "./%s", name);
        if (is_program(candidate))
            return candidate;
        path += length;
        path += *path == ':';
    }
    return NULL;
}

struct capture {
    int read_end, write_end; /* -1: closed or never opened */
    struct strbuf text;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int open_pipe(struct capture *capture)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    capture->read_end = ends[0];
    capture->write_end = ends[1];
    return 0;
}

/* In the child, after fork in a process that may have threads: async-signal-safe calls only. */
_Noreturn static void child_exec(const struct process *process, const char *program, pid_t parent, int out,
                                 int err, int report)
{
    setpgid(0, 0);
    /* Also when mcunet itself is killed (kill -9, Ctrl-C), nothing it started lives on. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const int null = open("/dev/null", O_RDONLY);
    if (getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        (!process->folder || chdir(process->folder) == 0) && (out < 0 || dup2(out, STDOUT_FILENO) >= 0) &&
        (err < 0 || dup2(err, STDERR_FILENO) >= 0))
        execv(program, (char *const *)process->argv);
    const int failed = errno;
    ssize_t ignored = write(report, &failed, sizeof failed);
    (void)ignored;
    _exit(127);
}

/* Reads what is there; closes the read end at the end of the stream. */
static void drain(struct capture *capture)
{
    char block[16 << 10];
    const ssize_t n = read(capture->read_end, block, sizeof block);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        close_end(&capture->read_end);
    } else if (n > 0) {
        const size_t room = CAPTURE_MAX_BYTES - capture->text.length;
        strbuf_add(&capture->text, block, (size_t)n < room ? (size_t)n : room);
    }
}

/* Waits up to wait_ms for output on either pipe and takes it; with no pipe open, just waits. */
static void poll_captures(struct capture *captures, int wait_ms)
{
    struct pollfd fds[2];
    struct capture *owner[2];
    nfds_t n = 0;
    for (int i = 0; i < 2; i++) {
        if (captures[i].read_end >= 0) {
            owner[n] = &captures[i];
            fds[n++] = (struct pollfd){.fd = captures[i].read_end, .events = POLLIN};
        }
    }
    if (poll(fds, n, wait_ms) > 0) {
        for (nfds_t i = 0; i < n; i++)
            if (fds[i].revents)
                drain(owner[i]);
    }
}

/* Until the child has ended and its output is read; kills the group at the deadline. Returns waitpid's
 * status. */
static int supervise(struct process *process, pid_t pid, struct capture *captures)
{
    const double start = clock_now_s(), grace_s = 1;
    double ended_at = 0;
    int status = 0;
    bool ended = false;
    for (;;) {
        const bool open = captures[0].read_end >= 0 || captures[1].read_end >= 0;
        if (!ended) {
            const bool block = !open && process->timeout_s <= 0;
            const pid_t got = waitpid(pid, &status, block ? 0 : WNOHANG);
            if (got == pid) {
                ended = true;
                ended_at = clock_now_s();
            } else if (got < 0 && errno != EINTR) {
                die("waitpid: %s", strerror(errno));
            }
        }
        if (ended && !open)
            return status;
        const double now = clock_now_s();
        if (!ended && process->timeout_s > 0 && now - start > process->timeout_s && !process->timed_out) {
            process->timed_out = true;
            kill(-pid, SIGKILL);
        }
        /* A background descendant that keeps the pipe open must not hold us up. */
        if (ended && now - ended_at > grace_s) {
            kill(-pid, SIGKILL);
            close_end(&captures[0].read_end);
            close_end(&captures[1].read_end);
            continue;
        }
        poll_captures(captures, 10);
    }
}

int process_run(struct process *process, struct arena *arena)
{
    process->exit_code = -1;
    process->signal = 0;
    process->timed_out = false;
    process->out = process->err = NULL;

    const char *program = process_find(process->argv[0], arena);
    if (program && program[0] != '/' && process->folder) {
        /* The child changes its folder before it starts the program. */
        char here[PATH_MAX];
        if (getcwd(here, sizeof here))
            program = arena_printf(arena, "%s/%s", here, program);
    }
    if (!program)
        return error_tool("'%s' is not installed or not in PATH", process->argv[0]);

    struct capture captures[2] = {{-1, -1, STRBUF_INIT}, {-1, -1, STRBUF_INIT}},
                   report = {-1, -1, STRBUF_INIT};
    int failed = open_pipe(&report);
    for (int i = 0; i < 2 && process->capture && !failed; i++)
        failed = open_pipe(&captures[i]);

    pid_t pid = -1;
    if (!failed) {
        const pid_t parent = getpid();
        pid = fork();
        if (pid == 0)
            child_exec(process, program, parent, captures[0].write_end, captures[1].write_end,
                       report.write_end);
        if (pid < 0)
            failed = errno;
    }
    close_end(&report.write_end);
    close_end(&captures[0].write_end);
    close_end(&captures[1].write_end);

    if (pid > 0) {
        setpgid(pid, pid); /* as the child does: whoever comes first; kill(-pid) must find the group */
        ssize_t n;
        while ((n = read(report.read_end, &failed, sizeof failed)) < 0 && errno == EINTR)
            continue;
        if (n == (ssize_t)sizeof failed) {
            waitpid(pid, NULL, 0);
        } else {
            failed = 0;
            const int status = supervise(process, pid, captures);
            if (WIFSIGNALED(status))
                process->signal = WTERMSIG(status);
            else if (!process->timed_out)
                process->exit_code = WEXITSTATUS(status);
        }
    }
    close_end(&report.read_end);
    char **texts[2] = {&process->out, &process->err};
    for (int i = 0; i < 2; i++) {
        close_end(&captures[i].read_end);
        if (process->capture && !failed) {
            *texts[i] = arena_alloc(arena, captures[i].text.length + 1);
            memcpy(*texts[i], strbuf_text(&captures[i].text), captures[i].text.length);
        }
        strbuf_release(&captures[i].text);
    }
    if (failed && process->folder)
        return error("cannot run '%s' in '%s': %s", process->argv[0], process->folder, strerror(failed));
    return failed ? error("cannot run '%s': %s", process->argv[0], strerror(failed)) : 0;
}
