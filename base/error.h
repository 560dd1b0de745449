/*
 * error.h - how every function of mcunet says that it failed.
 *
 * A function that can fail returns int: 0 when done, else one of the exit codes below, having printed
 * ONE message "error: ..." to stderr at the place that knows the cause. Callers pass the code up
 * unchanged and print nothing. So a failure is written
 *
 *     return error_input("%s: truncated after %zu bytes", path, n);
 *
 * Messages start in lower case, quote subjects ('%s'), carry no full stop, and name file:line for text files.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <pthread.h>
#include <stdbool.h>

/* name, exit code, meaning (DESIGN section 5; `mcunet -h` prints it) */
#define ERROR_CODES(X)                                                                                       \
    X(error, 1, "internal or I/O failure")                                                                   \
    X(error_usage, 2, "wrong use of the command line")                                                       \
    X(error_input, 3, "bad recipe or input file")                                                            \
    X(error_unsupported, 4, "unsupported operator")                                                          \
    X(error_fit, 5, "does not fit the board")                                                                \
    X(error_accuracy, 6, "accuracy below the recipe's floor")                                                \
    X(error_tool, 7, "tool or board missing")                                                                \
    X(error_differ, 8, "results differ")

#define ERROR_DECLARE(name, code, text) int name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
ERROR_CODES(ERROR_DECLARE)
#undef ERROR_DECLARE

enum {
    EXIT_DONE = 0,
    EXIT_IO = 1,
    EXIT_USAGE = 2,
    EXIT_INPUT = 3,
    EXIT_UNSUPPORTED = 4,
    EXIT_FIT = 5,
    EXIT_ACCURACY = 6,
    EXIT_TOOL = 7,
    EXIT_DIFFER = 8,
};

/*
 * The failure of a loop that many threads share, so that one message is printed, and the same one whoever ran
 * what: that of the lowest index. Each turn of the loop is
 *
 *     if (error_first_enter(&first, i))
 *         error_first_leave(&first, i, work(i));
 *
 * and after the loop `return error_first_end(&first);` prints the message and gives its exit code, or 0.
 * Between enter and leave the thread's error_...() calls print nothing. Turns above a failed one are left
 * out.
 */
struct error_first {
    pthread_mutex_t lock;
    char *message; /* of `index`; owned */
    int index, code;
};
/* clang-format off */
#define ERROR_FIRST_INIT {.lock = PTHREAD_MUTEX_INITIALIZER}
/* clang-format on */

bool error_first_enter(struct error_first *first, int index);
void error_first_leave(struct error_first *first, int index, int code);
int error_first_end(struct error_first *first);

/* A note to the user on stderr, "warning: ..."; never a failure. */
void warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An invariant of ours was broken, or memory ran out: prints and aborts. For bugs, never for bad input. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
