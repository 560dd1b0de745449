/* mcunet quantize: a float network and calibration images -> int8 QDQ ONNX. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/network.h"
#include "cli/stage.h"
#include "model/cost.h"
#include "model/model.h"
#include "quant/qdq.h"
#include "quant/qmodel.h"
#include "quant/quantize.h"

static const char usage[] = "mcunet quantize MODEL.onnx --data SET [options]\n"
                            "       mcunet quantize RECIPE.yml -o DIR";

struct quantize_command {
    int images;
    const char *preprocess, *output;
    bool no_equalize, no_bias_correction, minmax;
};

/*
 * Pixels are bytes, so the exact input quantization has one step per grey level: x = (p / 255 - mean) / std gives scale 1 / (255 std) and
 * q = p - 128. It exists when all channels share mean and std and the zero point is an int8; else the data's range decides.
 */
static void pixel_exact_input(const struct preprocess *preprocess, struct quantize_options *options)
{
    const float *mean = preprocess->mean, *std = preprocess->std;
    if (mean[0] != mean[1] || mean[0] != mean[2] || std[0] != std[1] || std[0] != std[2])
        return;
    /* a mean of half a grey level (127.5) rounds down, so that q = p - 128; bias correction takes up the half step */
    int zero_point = (int)ceil(255.0 * mean[0] - 128 - 0.5);
    if (zero_point < -128 || zero_point > 127)
        return;
    options->input_scale = (float)(1.0 / (255.0 * std[0]));
    options->input_zero_point = zero_point;
}

static void add_metadata(struct qmodel *qmodel, const char *key, const char *value)
{
    struct metadata *all = ARENA_ARRAY(qmodel->arena, struct metadata, qmodel->n_metadata + 1);
    int n = 0;
    for (int i = 0; i < qmodel->n_metadata; i++)
        if (strcmp(qmodel->metadata[i].key, key))
            all[n++] = qmodel->metadata[i];
    all[n++] = (struct metadata){arena_strdup(qmodel->arena, key), arena_strdup(qmodel->arena, value)};
    qmodel->metadata = all;
    qmodel->n_metadata = n;
}

static int load_images(struct stage *stage, const struct network *network, float **out, int *n)
{
    struct dataset *images;
    int want = stage->recipe.quantize.images;
    int rc = network_check_images(network);
    if (!rc)
        rc = stage_dataset(stage, SPLIT_CALIBRATION, network->classes, &images);
    if (rc)
        return rc;
    *n = dataset_count(images) < want ? dataset_count(images) : want;
    size_t pixels = (size_t)network->resolution * network->resolution * 3;
    *out = malloc(*n * pixels * sizeof **out);
    if (!*out)
        die("out of memory for %d images", *n);
    rc = dataset_load(images, 0, *n, &network->preprocess, network->resolution, *out, stage->threads);
    dataset_close(images);
    return rc;
}

static json_t *report(struct stage *stage, const struct network *network, int images, const char *int8_path, int *rc)
{
    struct cost cost = model_cost(network->model);
    struct sha256 sha;
    *rc = sha256_of_file(&sha, int8_path);
    json_t *result = stage_artifact(stage, "quantize");
    json_object_set_new(result, "float_sha256", json_string(network->sha256));
    json_object_set_new(result, "int8_sha256", json_string(*rc ? "" : sha.hex));
    json_object_set_new(result, "calibration_images", json_integer(images));
    json_object_set_new(result, "resolution", json_integer(network->resolution));
    json_object_set_new(result, "macs", json_integer(cost.macs));
    json_object_set_new(result, "params", json_integer(cost.params));
    return result;
}

static int quantize_network(struct stage *stage, const struct quantize_command *command)
{
    struct arena *arena = &stage->arena;
    const char *path = stage->operand;
    if (!path)
        path = *stage->recipe.top.model ? recipe_user_path(stage->recipe.top.model, arena) : stage_path(stage, "subnet.onnx");
    if (command->images)
        stage->recipe.quantize.images = command->images;
    struct network network;
    int rc = network_load(&network, path, command->preprocess ? command->preprocess : stage->recipe.top.preprocess, stage->quiet, arena);
    if (rc)
        return rc;
    if (!network.model)
        return error_input("'%s' is quantized already", path);
    float *images;
    int n;
    rc = load_images(stage, &network, &images, &n);
    if (rc)
        return rc;
    struct quantize_options options = QUANTIZE_DEFAULTS;
    options.threads = stage->threads;
    options.quiet = stage->quiet;
    options.equalize = !command->no_equalize;
    options.correct_bias = !command->no_bias_correction;
    options.ranges = command->minmax ? RANGE_MINMAX : RANGE_PERCENTILE;
    pixel_exact_input(&network.preprocess, &options);
    struct qmodel *qmodel;
    rc = quantize(&qmodel, network.model, images, n, &options, arena);
    free(images);
    if (rc)
        return rc;
    add_metadata(qmodel, "mcunet.preprocess", preprocess_text(&network.preprocess, arena));
    json_t *origin = stage_artifact(stage, "int8");
    json_object_set_new(origin, "float_sha256", json_string(network.sha256));
    json_object_set_new(origin, "calibration_images", json_integer(n));
    char *text = json_dumps(origin, JSON_SORT_KEYS | JSON_COMPACT);
    add_metadata(qmodel, "mcunet.int8", text);
    free(text);
    json_decref(origin);
    const char *out = command->output ? command->output : stage_path(stage, "int8.onnx");
    rc = qdq_write(qmodel, out);
    if (rc)
        return rc;
    json_t *result = report(stage, &network, n, out, &rc);
    if (!rc && !command->output)
        rc = json_write(stage_path(stage, "quantize.json"), result);
    if (!rc && stage->json)
        rc = json_print(result);
    json_decref(result);
    return rc;
}

int cmd_quantize(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    struct quantize_command c = {0};
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_INT(0, "images", "N", &c.images, "calibration images (default 64)"),
        OPTION_STRING(0, "preprocess", "HOW", &c.preprocess, "input transform: mcunet, vww, imagenet, squash or JSON"),
        OPTION_STRING(0, "int8", "FILE", &c.output, "write this file instead of DIR/int8.onnx and DIR/quantize.json"),
        OPTION_FLAG(0, "no-equalize", &c.no_equalize, "leave out activation equalization"),
        OPTION_FLAG(0, "no-bias-correction", &c.no_bias_correction, "leave out bias correction"),
        OPTION_FLAG(0, "minmax", &c.minmax, "ranges from minimum and maximum instead of percentiles"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    rc = stage_start(&stage, argc, argv);
    if (!rc)
        rc = quantize_network(&stage, &c);
    stage_end(&stage);
    return rc;
}
