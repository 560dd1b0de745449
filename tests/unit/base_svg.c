/* svg and progress: what people look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "base/svg.h"
#include "capture.h"

static int count(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static void test_chart(void **state)
{
    (void)state;
    static const double x[] = {0, 10, 20, 30}, y[] = {0.1, 0.4, 0.2, 0.9};
    const struct svg_series series[] = {
        {.label = "a < b", .x = x, .y = y, .n = 4, .line = true},
        {.label = "best", .x = x, .y = y, .n = 4, .highlight = true},
    };
    const struct svg_chart chart = {
        .title = "T & U", .x_label = "x", .y_label = "y", .series = series, .n_series = 2};
    struct strbuf out = STRBUF_INIT, again = STRBUF_INIT;
    svg_chart(&out, &chart);
    svg_chart(&again, &chart);
    assert_string_equal(out.text, again.text);
    assert_int_equal(count(out.text, "<svg "), 1);
    assert_int_equal(count(out.text, "</svg>"), 1);
    assert_int_equal(count(out.text, "<polyline "), 1);
    assert_int_equal(count(out.text, "<circle "), 5); /* four points and the legend's */
    assert_non_null(strstr(out.text, "a &lt; b"));
    assert_non_null(strstr(out.text, "T &amp; U"));
    assert_non_null(strstr(out.text, ">0.2<")); /* round ticks */
    assert_non_null(strstr(out.text, ">30<"));
    strbuf_release(&out);
    strbuf_release(&again);
}

/* Data that has no range, or is no number, still gives a drawing of finite coordinates. */
static void test_degenerate(void **state)
{
    (void)state;
    static const double same[] = {5, 5}, bad[] = {NAN, INFINITY}, zero[] = {0, 0}, wide[] = {-1e300, 1e300},
                        close[] = {1, 1 + 1e-15};
    static const double *const values[] = {same, bad, zero, wide, close};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        for (int n = 0; n <= 2; n++) {
            const struct svg_series series = {
                .label = "s", .x = values[i], .y = values[i], .n = n, .line = true};
            const struct svg_chart chart = {.series = &series, .n_series = 1, .step = true};
            struct strbuf out = STRBUF_INIT;
            svg_chart(&out, &chart);
            assert_null(strstr(out.text, "nan"));
            assert_null(strstr(out.text, "inf"));
            assert_true(out.length < 20000);
            strbuf_release(&out);
        }
    }
}

static void test_escape(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    svg_escape(&out, "<a href=\"x\">'&'</a>");
    assert_string_equal(out.text, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    strbuf_release(&out);
}

/* Not a terminal, and short: nothing is printed. Counting is thread safe, which the total shows. */
static void test_progress_is_silent_when_quick(void **state)
{
    (void)state;
    struct capture capture;
    struct progress progress;
    capture_start(&capture, STDERR_FILENO);
    progress_start(&progress, false, "space", 100, "subnets");
    for (int i = 0; i < 100; i++)
        progress_step(&progress, 1);
    progress_end(&progress);
    assert_string_equal(capture_end(&capture), "");
    assert_int_equal(progress.done, 100);
}

/* A line when its time has come, and one at the end of a long stage; the clock is moved, not waited for. */
static void test_progress_lines(void **state)
{
    (void)state;
    struct capture capture;
    struct progress progress;
    capture_start(&capture, STDERR_FILENO);
    progress_start(&progress, false, "space", 100, "subnets");
    progress.start_us -= 20 * 1000000;
    progress.next_us -= 20 * 1000000;
    progress_step(&progress, 40);
    progress_step(&progress, 1);
    progress_end(&progress);
    assert_string_equal(capture_end(&capture),
                        "space: 40/100 subnets, 2.0/s, ETA 30 s\nspace: 41 subnets in 20 s\n");

    capture_start(&capture, STDERR_FILENO);
    progress_start(&progress, true, "space", 100, "subnets");
    progress.start_us -= 20 * 1000000;
    progress.next_us -= 20 * 1000000;
    progress_step(&progress, 40);
    progress_end(&progress);
    assert_string_equal(capture_end(&capture), "");
}

static void test_error_lines(void **state)
{
    (void)state;
    char name[3000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int input = error_input("'%s' is long", name), fit = error_fit("by %d bytes", 3);
    warning("careful");
    const char *text = capture_end(&capture);
    assert_int_equal(input, 3);
    assert_int_equal(fit, 5);
    assert_int_equal(strlen(text), strlen("error: '' is long\n") + sizeof name - 1 +
                                       strlen("error: by 3 bytes\nwarning: careful\n"));
    assert_non_null(strstr(text, "xx' is long\nerror: by 3 bytes\nwarning: careful\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chart),          cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_escape),         cmocka_unit_test(test_progress_is_silent_when_quick),
        cmocka_unit_test(test_progress_lines), cmocka_unit_test(test_error_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
