/*
 * The host's client and the firmware's own code, on the two ends of a pty: load, infer, outputs, times of the
 * layers; and everything that can go wrong ends with exit 7, 8 or 1 and one message.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "boards/measure.h"
#include "device.h"
#include "tests/unit/capture.h"

static const char model_sha256[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* A pty with the firmware behind it. */
struct line {
    char path[64];
    pthread_t thread;
};

static void *run_device(void *unused)
{
    (void)unused;
    device_run();
    return NULL;
}

static void line_open(struct line *line, struct device faults)
{
    device = faults;
    device.fd = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(device.fd >= 0);
    assert_int_equal(grantpt(device.fd), 0);
    assert_int_equal(unlockpt(device.fd), 0);
    assert_int_equal(ptsname_r(device.fd, line->path, sizeof line->path), 0);
    assert_int_equal(pthread_create(&line->thread, NULL, run_device, NULL), 0);
}

static void line_end_device(struct line *line)
{
    device.stop = 1;
    pthread_join(line->thread, NULL);
}

static void line_close(struct line *line)
{
    line_end_device(line);
    close(device.fd);
}

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- what works -------------------------------------------------------------------------------------------
 */

static void talk(struct device faults)
{
    struct line line;
    struct measure measure;
    struct measure_times times;
    struct layer_time *layers;
    struct arena arena = ARENA_INIT;
    int8_t input[DEVICE_IO_BYTES], output[DEVICE_IO_BYTES], expected[DEVICE_IO_BYTES];
    int n;

    line_open(&line, faults);
    assert_int_equal(measure_open(&measure, line.path, 115200), 0);
    assert_int_equal(measure.hello.input_bytes, DEVICE_IO_BYTES);
    assert_int_equal(measure.hello.output_bytes, DEVICE_IO_BYTES);
    assert_int_equal(measure.hello.clock_hz, DEVICE_CLOCK_HZ);
    assert_int_equal(measure.hello.stack_bytes, 2048);
    assert_int_equal(measure.hello.hook_ticks, 5);
    assert_string_equal(measure.hello.version, "1.2.3");
    assert_string_equal(measure.hello.board, "stand-in");
    assert_int_equal(measure_check_model(&measure, model_sha256), 0);

    for (int i = 0; i < DEVICE_IO_BYTES; i++) {
        input[i] = (int8_t)(i * 7);
        expected[i] = (int8_t)~input[i];
    }
    assert_int_equal(measure_load(&measure, input), 0);
    assert_int_equal(measure_infer(&measure, MCU_LOADED, 1, 10, &times), 0);
    assert_int_equal(times.stack_used, 640);
    assert_int_equal(measure_fetch(&measure, output), 0);
    assert_memory_equal(output, expected, sizeof expected);
    assert_int_equal(times.crc, crc32_of(0, expected, sizeof expected));
    assert_int_equal(device.runs, 1); /* repeated requests are not carried out again */

    assert_int_equal(measure_infer(&measure, MCU_PATTERN, 3, 10, &times), 0);
    for (int i = 0; i < DEVICE_IO_BYTES; i++)
        expected[i] = (int8_t) ~(int8_t)((i * 37 + 11) % 256 - 128);
    assert_int_equal(times.crc, crc32_of(0, expected, sizeof expected));
    assert_int_equal(device.runs, 4);
    const double all = DEVICE_LAYERS * DEVICE_LAYER_TICKS + DEVICE_LAYERS * (DEVICE_LAYERS - 1) / 2;
    assert_true(times.least >= all && times.most <= all + 100 && times.mean >= times.least &&
                times.mean <= times.most);

    assert_int_equal(measure_layers(&measure, 10, &layers, &n, &arena), 0);
    assert_int_equal(n, DEVICE_LAYERS);
    for (int i = 0; i < n; i++) {
        assert_int_equal(layers[i].calls, 1);
        assert_int_equal((int)layers[i].ticks, DEVICE_LAYER_TICKS + i);
    }
    measure_close(&measure);
    line_close(&line);
    arena_release(&arena);
}

static void test_talks(void **state)
{
    (void)state;
    talk((struct device){0});
}

static void test_noise_between_frames(void **state)
{
    (void)state;
    talk((struct device){.noise = 50});
}

static void test_lost_and_spoilt_replies(void **state)
{
    (void)state;
    talk((struct device){.lose_replies = 1, .spoil_replies = 1});
}

static void test_board_resynchronizes(void **state)
{
    (void)state;
    struct line line;
    struct serial serial;
    struct measure measure;
    /* The head of a frame that goes on for 256 bytes, then the host starts anew. */
    static const uint8_t half[] = {0x00, 0xA5, 0xA5, 0x5A, 2, 9, 0, 1, 1, 2, 3};
    line_open(&line, (struct device){0});
    assert_int_equal(serial_open(&serial, line.path, 115200), 0);
    assert_int_equal(serial_write(&serial, half, sizeof half, 1), 0);
    serial_close(&serial);
    assert_int_equal(measure_open(&measure, line.path, 115200), 0);
    measure_close(&measure);
    line_close(&line);
}

static void test_refused_requests(void **state)
{
    (void)state;
    struct line line;
    struct measure measure;
    struct measure_times times;
    struct capture capture;
    int8_t output[DEVICE_IO_BYTES];
    line_open(&line, (struct device){0});
    assert_int_equal(measure_open(&measure, line.path, 115200), 0);
    capture_start(&capture, STDERR_FILENO);
    int rc = measure_infer(&measure, MCU_LOADED, 1, 5, &times);
    assert_non_null(strstr(capture_end(&capture), "refused command 3: input not loaded (4)"));
    assert_int_equal(rc, EXIT_IO);
    capture_start(&capture, STDERR_FILENO);
    rc = measure_fetch(&measure, output);
    assert_non_null(strstr(capture_end(&capture), "refused command 4: no output yet (5)"));
    assert_int_equal(rc, EXIT_IO);
    measure_close(&measure);
    line_close(&line);
}

/* ---- what does not ----------------------------------------------------------------------------------------
 */

/* The whole conversation of a measurement; returns the first failure. */
static int converse(const char *path, void (*after_hello)(struct line *), struct line *line)
{
    struct measure measure;
    struct measure_times times;
    struct layer_time *layers;
    struct arena arena = ARENA_INIT;
    int8_t output[DEVICE_IO_BYTES];
    int n, rc = measure_open(&measure, path, 115200);
    if (rc)
        return rc;
    if (after_hello)
        after_hello(line);
    rc = measure_check_model(&measure, model_sha256);
    if (!rc)
        rc = measure_infer(&measure, MCU_PATTERN, 1, 1, &times);
    if (!rc)
        rc = measure_fetch(&measure, output);
    if (!rc)
        rc = measure_layers(&measure, 1, &layers, &n, &arena);
    measure_close(&measure);
    arena_release(&arena);
    return rc;
}

static void fails(struct device faults, void (*after_hello)(struct line *), int exit_code,
                  const char *message)
{
    struct line line;
    struct capture capture;
    line_open(&line, faults);
    const double begin = now_s();
    capture_start(&capture, STDERR_FILENO);
    const int rc = converse(line.path, after_hello, &line);
    const char *text = capture_end(&capture);
    if (!strstr(text, message) || strchr(text, '\n') != text + strlen(text) - 1)
        fail_msg("one line with '%s' was expected, not '%s'", message, text);
    assert_int_equal(rc, exit_code);
    assert_true(now_s() - begin < 20);
    line_close(&line);
}

static void test_silence(void **state)
{
    (void)state;
    fails((struct device){.silent = 1}, NULL, EXIT_TOOL, "did not answer within");
}

static void test_garbage(void **state)
{
    (void)state;
    fails((struct device){.garbage = 1}, NULL, EXIT_TOOL,
          "that are no answer of mcunet's measuring firmware");
}

static void go_silent(struct line *line)
{
    (void)line;
    device.silent = 1;
}

static void test_silence_later(void **state)
{
    (void)state;
    fails((struct device){0}, go_silent, EXIT_TOOL, "did not answer within");
}

static void pull_cable(struct line *line)
{
    line_end_device(line);
    close(device.fd);
    device.fd = open("/dev/null", O_RDWR); /* for line_close() */
    device.stop = 0;
    assert_int_equal(pthread_create(&line->thread, NULL, run_device, NULL), 0);
}

static void test_cable_pulled(void **state)
{
    (void)state;
    fails((struct device){0}, pull_cable, EXIT_TOOL, "the connection to the board at '/dev/pts/");
}

static void test_fault(void **state)
{
    (void)state;
    fails((struct device){.fault = 1}, NULL, EXIT_IO,
          "stopped: BusFault, cfsr 0x00000000, hfsr 0x00000000, address 0x20050000");
}

static void test_other_version(void **state)
{
    (void)state;
    fails((struct device){.other_version = 1}, NULL, EXIT_DIFFER,
          "speaks version 99 of the measuring protocol");
}

static void test_impossible_layers(void **state)
{
    (void)state;
    fails((struct device){.wrong_layers = 1}, NULL, EXIT_IO,
          "gave times of 30 layers from layer 0 of 16711715");
}

static void test_other_model(void **state)
{
    (void)state;
    struct measure measure = {.serial = {.fd = -1, .path = "/dev/ttyX"}};
    struct capture capture;
    strcpy(measure.hello.model_sha256, "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    capture_start(&capture, STDERR_FILENO);
    int rc = measure_check_model(&measure, model_sha256);
    assert_non_null(strstr(capture_end(&capture), "error: the board at '/dev/ttyX' runs another network"));
    assert_int_equal(rc, EXIT_DIFFER);
}

static void test_no_port(void **state)
{
    (void)state;
    static const struct {
        const char *path, *message;
        int baud, exit_code;
    } cases[] = {
        {"/dev/no-such-port", "there is no serial port '/dev/no-such-port': is the board plugged in?", 115200,
         EXIT_TOOL},
        {"/dev/null", "'/dev/null' is not a serial port", 115200, EXIT_TOOL},
        {"/dev/null", "no serial port runs at 12345 baud", 12345, EXIT_USAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct measure measure;
        struct capture capture;
        capture_start(&capture, STDERR_FILENO);
        int rc = measure_open(&measure, cases[i].path, cases[i].baud);
        assert_non_null(strstr(capture_end(&capture), cases[i].message));
        assert_int_equal(rc, cases[i].exit_code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
        cmocka_unit_test(test_noise_between_frames),
        cmocka_unit_test(test_lost_and_spoilt_replies),
        cmocka_unit_test(test_board_resynchronizes),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_silence_later),
        cmocka_unit_test(test_cable_pulled),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_other_version),
        cmocka_unit_test(test_impossible_layers),
        cmocka_unit_test(test_other_model),
        cmocka_unit_test(test_no_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
