/* Failures in loops of many threads: one message, always that of the lowest index. */
#include "base/error.h"
#include "capture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TURNS = 64, FIRST_BAD = 17 };

/* Turns from FIRST_BAD on fail; the later, the sooner, so that without care a later one is heard first. */
static int failing(int i)
{
    if (i < FIRST_BAD)
        return 0;
    for (volatile int wait = 0; wait < (TURNS - i) * 20000; wait++)
        ;
    const int rc = error_input("turn %d", i);
    error_tool("what follows from turn %d", i);
    return rc;
}

struct loop {
    struct error_first failed;
    int next;
    int (*turn)(int i);
};

static void *worker(void *context)
{
    struct loop *loop = context;
    for (int i; (i = __atomic_fetch_add(&loop->next, 1, __ATOMIC_RELAXED)) < TURNS;)
        if (error_first_enter(&loop->failed, i))
            error_first_leave(&loop->failed, i, loop->turn(i));
    return NULL;
}

static int run(int (*body)(int i), int threads)
{
    struct loop loop = {.failed = ERROR_FIRST_INIT, .turn = body};
    pthread_t thread[8];
    for (int t = 0; t < threads; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, worker, &loop), 0);
    for (int t = 0; t < threads; t++)
        pthread_join(thread[t], NULL);
    return error_first_end(&loop.failed);
}

static void one_message_of_the_lowest_index(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 8; threads *= 2) {
        struct capture capture;
        capture_start(&capture, STDERR_FILENO);
        const int rc = run(failing, threads);
        assert_string_equal(capture_end(&capture), "error: turn 17\n");
        assert_int_equal(rc, EXIT_INPUT);
    }
}

static int warns(int i)
{
    if (i == 3)
        warning("of turn %d", i);
    return 0;
}

static void a_warning_is_not_held_back(void **state)
{
    (void)state;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = run(warns, 4);
    error("outside");
    assert_string_equal(capture_end(&capture), "warning: of turn 3\nerror: outside\n");
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_of_the_lowest_index),
        cmocka_unit_test(a_warning_is_not_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
