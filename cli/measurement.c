#include "cli/measurement.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "boards/arm/port.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/emulate.h"
#include "cli/network.h"
#include "cli/stage.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"

/* The project, its inputs (the pattern first), and what must come out. */
struct expected {
    const char *model_sha256;
    int64_t in_bytes, out_bytes;
    int n;
    int8_t *inputs, *outputs;
};

/* ---- what must come out -----------------------------------------------------------------------------------
 */

static int read_project(struct expected *expected, struct stage *stage, const char *folder)
{
    const char *path = path_join(&stage->arena, folder, "schedule.json");
    if (!file_exists(path))
        return error_input("'%s' is no generated project: it has no schedule.json (`mcunet codegen` writes one)", folder);
    json_t *schedule;
    int rc = json_read(&schedule, path);
    if (rc)
        return rc;
    const char *sha256 = json_string_value(json_object_get(schedule, "model_sha256"));
    expected->model_sha256 = sha256 ? arena_strdup(&stage->arena, sha256) : NULL;
    expected->in_bytes = json_integer_value(json_object_get(schedule, "input_bytes"));
    expected->out_bytes = json_integer_value(json_object_get(schedule, "output_bytes"));
    if (!sha256 || expected->in_bytes < 1 || expected->in_bytes > 1 << 28 || expected->out_bytes < 1 || expected->out_bytes > 1 << 28)
        rc = error_input("%s: model_sha256, input_bytes or output_bytes missing", path);
    json_decref(schedule);
    return rc;
}

/* The pattern of arm/selftest.h, and the images of request->input. */
static int read_inputs(struct expected *expected, struct stage *stage, const char *path)
{
    struct file file = {0};
    int rc = path ? file_read(&file, path, (size_t)1 << 30, &stage->arena) : 0;
    if (rc)
        return rc;
    if (path && (file.size == 0 || file.size % (size_t)expected->in_bytes))
        return error_input("'%s' has %zu bytes, expected a multiple of the network's input, %lld", path, file.size,
                           (long long)expected->in_bytes);
    expected->n = 1 + (int)(file.size / (size_t)expected->in_bytes);
    expected->inputs = arena_array(&stage->arena, (size_t)expected->n, (size_t)expected->in_bytes);
    expected->outputs = arena_array(&stage->arena, (size_t)expected->n, (size_t)expected->out_bytes);
    for (int64_t i = 0; i < expected->in_bytes; i++)
        expected->inputs[i] = (int8_t)((i * 37 + 11) % 256 - 128);
    if (file.size)
        memcpy(expected->inputs + expected->in_bytes, file.data, file.size);
    return 0;
}

static int run_on_host(struct expected *expected, struct stage *stage, const char *path)
{
    struct network network;
    int rc = network_load(&network, path, stage->recipe.top.preprocess, true, &stage->arena);
    if (rc)
        return rc;
    const struct qmodel *q = network.qmodel;
    if (!q || strcmp(network.sha256, expected->model_sha256) != 0 || qtensor_bytes(&q->tensors[q->input]) != expected->in_bytes ||
        qtensor_bytes(&q->tensors[q->output]) != expected->out_bytes)
        return error_input("'%s' is not the network that the project was generated from (SHA-256 %.12s...)", path, expected->model_sha256);
    return qexec_run_batch(q, expected->inputs, expected->n, expected->outputs, stage->threads);
}

static int run_in_emulator(struct expected *expected, struct stage *stage, const struct measurement_request *request)
{
    struct emulate_run run = {
        .elf = path_join(&stage->arena, request->folder, "emulator.elf"),
        .machine = request->board->emulator.machine,
        .inputs = expected->inputs,
        .n = expected->n,
        .input_bytes = expected->in_bytes,
        .output_bytes = expected->out_bytes,
        .outputs = expected->outputs,
        .timeout_s = 60.0 + (double)request->timeout * expected->n,
        .threads = stage->threads,
        .quiet = true,
    };
    int rc = firmware_build(request->folder, true, stage->threads, true);
    return rc ? rc : emulate(&run, &stage->arena);
}

/* The network beside the project, when it is the one: in a run's folder it is ../int8.onnx. */
static const char *find_model(const struct expected *expected, struct stage *stage, const char *folder)
{
    static const char *const places[] = {"int8.onnx", "../int8.onnx"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *path = path_join(&stage->arena, folder, places[i]);
        struct sha256 sha256;
        if (file_exists(path) && sha256_of_file(&sha256, path) == 0 && strcmp(sha256.hex, expected->model_sha256) == 0)
            return path;
    }
    return NULL;
}

static int expect(struct expected *expected, struct measurement *out, struct stage *stage, const struct measurement_request *request)
{
    int rc = read_project(expected, stage, request->folder);
    if (!rc)
        rc = read_inputs(expected, stage, request->input);
    if (rc)
        return rc;
    const char *model = request->model ? request->model : find_model(expected, stage, request->folder);
    out->reference = model ? "host" : "emulator";
    return model ? run_on_host(expected, stage, model) : run_in_emulator(expected, stage, request);
}

/* ---- what comes out ---------------------------------------------------------------------------------------
 */

static int compare(const struct expected *expected, const struct measurement *m, int image, const int8_t *output)
{
    const int8_t *right = expected->outputs + image * expected->out_bytes;
    for (int64_t k = 0; k < expected->out_bytes; k++)
        if (output[k] != right[k])
            return error_differ("board and %s differ first at %s %d, output %lld: %d on the board, %d on the %s", m->reference,
                                image ? "image" : "pattern", image ? image - 1 : 0, (long long)k, output[k], right[k], m->reference);
    return 0;
}

static int run_one(struct measure *measure, const struct expected *expected, const struct measurement *m, int image, int timeout,
                   struct measure_times *times, int8_t *output)
{
    int rc = image ? measure_load(measure, expected->inputs + image * expected->in_bytes) : 0;
    if (!rc)
        rc = measure_infer(measure, image ? MCU_LOADED : MCU_PATTERN, 1, timeout, times);
    if (!rc)
        rc = measure_fetch(measure, output);
    return rc ? rc : compare(expected, m, image, output);
}

/* All runs on the pattern, in requests of about two seconds: a board that falls silent is noticed soon. */
static int run_batches(struct measure *measure, struct measurement *m, const struct measurement_request *request, double one_s)
{
    const double batch_s = 2;
    const int batch = one_s < batch_s ? (int)fmin(batch_s / one_s, 65535) : 1;
    double sum = 0;
    struct measure_times all = {.least = UINT32_MAX};
    while (all.runs < request->runs) {
        const int left = request->runs - all.runs;
        struct measure_times times;
        int rc = measure_infer(measure, MCU_PATTERN, left < batch ? left : batch, batch_s + request->timeout, &times);
        if (!rc && times.crc != m->times.crc)
            rc = error_differ("the board gave another output for the same pattern after %d runs: CRC-32 0x%08x, then 0x%08x",
                              all.runs + times.runs, m->times.crc, times.crc);
        if (rc)
            return rc;
        sum += times.mean * times.runs;
        all = (struct measure_times){.runs = all.runs + times.runs,
                                     .least = times.least < all.least ? times.least : all.least,
                                     .most = times.most > all.most ? times.most : all.most,
                                     .crc = times.crc,
                                     .stack_used = times.stack_used};
    }
    m->times = all;
    m->times.mean = sum / all.runs;
    return 0;
}

static int run_pattern(struct measure *measure, const struct expected *expected, struct measurement *m, const struct measurement_request *request,
                       int8_t *output)
{
    const double begin = clock_now_s();
    int rc = run_one(measure, expected, m, 0, request->timeout, &m->times, output);
    const double one_s = fmax(clock_now_s() - begin, 1e-3);
    return rc ? rc : run_batches(measure, m, request, one_s); /* the first run found cold caches */
}

static int run_images(struct measure *measure, const struct expected *expected, struct measurement *m, int timeout, int8_t *output)
{
    double sum = 0;
    for (int i = 1; i < expected->n; i++) {
        struct measure_times times;
        int rc = run_one(measure, expected, m, i, timeout, &times, output);
        if (rc)
            return rc;
        sum += times.mean;
        if (times.stack_used > m->times.stack_used)
            m->times.stack_used = times.stack_used;
    }
    m->images = expected->n - 1;
    m->image_mean_ticks = m->images ? sum / m->images : 0;
    return 0;
}

int measurement_take(struct measurement *out, struct stage *stage, const struct measurement_request *request)
{
    struct expected expected = {0};
    struct measure measure;
    *out = (struct measurement){0};
    int rc = expect(&expected, out, stage, request);
    if (!rc)
        rc = measure_open(&measure, request->port, request->baud);
    if (rc)
        return rc;
    out->hello = measure.hello;
    int8_t *output = arena_alloc(&stage->arena, (size_t)expected.out_bytes);
    rc = measure_check_model(&measure, expected.model_sha256);
    if (!rc && (measure.hello.input_bytes != expected.in_bytes || measure.hello.output_bytes != expected.out_bytes))
        rc = error_differ("the board at '%s' takes %u bytes and gives %u, the project %lld and %lld: flash it again", request->port,
                          measure.hello.input_bytes, measure.hello.output_bytes, (long long)expected.in_bytes, (long long)expected.out_bytes);
    if (!rc)
        rc = run_pattern(&measure, &expected, out, request, output);
    if (!rc)
        rc = run_images(&measure, &expected, out, request->timeout, output);
    if (!rc)
        rc = measure_layers(&measure, request->timeout, &out->layers, &out->n_layers, &stage->arena);
    measure_close(&measure);
    return rc;
}

/* ---- the artifact -----------------------------------------------------------------------------------------
 */

static const char *counter_name(int counter)
{
    switch (counter) {
    case MCU_COUNTER_CORE_CYCLES:
        return "core cycles";
    case MCU_COUNTER_TIMER:
        return "timer";
    default:
        return "none";
    }
}

static json_t *milliseconds(double ticks, uint32_t tick_hz)
{
    return tick_hz ? json_real(round(ticks * 1e6 / tick_hz) / 1e3) : json_null();
}

/* One row per operator, in the order of model.c: that of schedule.json's steps. */
static json_t *layers_json(const struct measurement *m, struct stage *stage, const char *folder)
{
    json_t *rows = json_array(), *schedule;
    if (json_read(&schedule, path_join(&stage->arena, folder, "schedule.json")))
        return rows;
    const json_t *steps = json_object_get(schedule, "steps"), *step;
    size_t s;
    int k = 0;
    json_array_foreach(steps, s, step)
    {
        const json_t *operators = json_object_get(step, "operators"), *kernels = json_object_get(step, "kernels");
        for (size_t i = 0; i < json_array_size(operators) && k < m->n_layers; i++, k++) {
            json_t *row = json_object();
            json_object_set(row, "name", json_array_get(operators, i));
            json_object_set(row, "identifier", json_object_get(json_array_get(kernels, i), "identifier"));
            json_object_set_new(row, "step", json_integer((json_int_t)s));
            json_object_set_new(row, "calls", json_integer(m->layers[k].calls));
            json_object_set_new(row, "ticks", json_integer((json_int_t)m->layers[k].ticks));
            json_object_set_new(row, "ms", milliseconds(m->layers[k].ticks, m->hello.tick_hz));
            json_array_append_new(rows, row);
        }
    }
    json_decref(schedule);
    return rows;
}

json_t *measurement_json(const struct measurement *m, const struct stage *stage, const struct measurement_request *request)
{
    json_t *json = stage_artifact(stage, "measurement");
    json_object_set_new(json, "board", json_string(request->board->name));
    json_object_set_new(json, "firmware_board", json_string(m->hello.board));
    json_object_set_new(json, "firmware_version", json_string(m->hello.version));
    json_object_set_new(json, "compiler", json_string(m->hello.compiler));
    json_object_set_new(json, "model_sha256", json_string(m->hello.model_sha256));
    json_object_set_new(json, "counter", json_string(counter_name(m->hello.counter)));
    json_object_set_new(json, "clock_hz", json_integer(m->hello.clock_hz));
    json_object_set_new(json, "tick_hz", json_integer(m->hello.tick_hz));
    json_object_set_new(json, "identical", json_true());
    json_object_set_new(json, "reference", json_string(m->reference));
    json_object_set_new(json, "images", json_integer(m->images));
    json_object_set_new(json, "runs", json_integer(m->times.runs));
    json_object_set_new(json, "ticks", json_integer((json_int_t)llround(m->times.mean)));
    json_object_set_new(json, "ticks_least", json_integer(m->times.least));
    json_object_set_new(json, "ticks_most", json_integer(m->times.most));
    json_object_set_new(json, "ms", milliseconds(m->times.mean, m->hello.tick_hz));
    if (m->images)
        json_object_set_new(json, "images_ms", milliseconds(m->image_mean_ticks, m->hello.tick_hz));
    json_object_set_new(json, "output_crc32", json_integer(m->times.crc));
    json_object_set_new(json, "stack_used_bytes", json_integer(m->times.stack_used));
    json_object_set_new(json, "stack_bytes", json_integer(m->hello.stack_bytes));
    json_object_set_new(json, "layers", layers_json(m, (struct stage *)stage, request->folder));
    return json;
}

/* ---- for people -------------------------------------------------------------------------------------------
 */

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static double number_of(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

/* Ticks, ms and, where there is one, the estimate and how far it is off. */
static void print_row(const char *label, const json_t *row, const char *tail)
{
    const json_t *estimate = json_object_get(row, "estimated_cycles"), *difference = json_object_get(row, "difference_percent");
    printf("  %-9s %12.0f %10.3f ms", label, number_of(row, "ticks"), number_of(row, "ms"));
    if (estimate)
        printf(" %12.0f", json_number_value(estimate));
    if (difference)
        printf(" %+6.1f %%", json_number_value(difference));
    printf("%s%s\n", *tail ? "  " : "", tail);
}

void measurement_print(const json_t *json)
{
    const bool cycles = strcmp(text_of(json, "counter"), "core cycles") == 0;
    const json_t *estimate = json_object_get(json, "estimate");
    printf("%s: measured%s; mcunet %s, gcc %s\n", text_of(json, "firmware_board"),
           cycles ? "" : " by a timer that does not count the core's cycles (an emulator?)", text_of(json, "firmware_version"),
           text_of(json, "compiler"));
    if (number_of(json, "clock_hz") > 0)
        printf("clock %.1f MHz; ", number_of(json, "clock_hz") / 1e6);
    printf("outputs of the pattern and %.0f images equal the %s's bit for bit; stack used %.0f of %.0f bytes\n", number_of(json, "images"),
           text_of(json, "reference"), number_of(json, "stack_used_bytes"), number_of(json, "stack_bytes"));
    printf("  %-9s %12s %13s%s\n", "", cycles ? "cycles" : "ticks", "", estimate ? "     estimate" : "");
    print_row("whole", json, "");
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(json, "layers"), i, row)
    {
        char label[32];
        snprintf(label, sizeof label, "layer %zu", i);
        print_row(label, row, text_of(row, "name"));
    }
    if (estimate)
        printf("estimate: cycles at %.0f MHz, model error %g %%\n", number_of(estimate, "clock_mhz"), number_of(estimate, "error_percent"));
}
