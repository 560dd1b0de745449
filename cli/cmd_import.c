/*
 * cmd_import.c - mcunet import: networks of other tools as ONNX.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/options.h"
#include "cli/commands.h"
#include "cli/network.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/tflite.h"
#include "quant/qdq.h"
#include "quant/qmodel.h"

static const char usage[] =
    "mcunet import FILE.tflite -o OUT.onnx [options]\n\n"
    "Reads a TensorFlow Lite network and writes it as ONNX: an int8 network as QDQ with the\n"
    "same integers, a float one as float. The input transform goes into the file.";

static void set_metadata(struct qmodel *qmodel, const char *key, const char *value)
{
    struct metadata *metadata = ARENA_ARRAY(qmodel->arena, struct metadata, (size_t)qmodel->n_metadata + 1);
    for (int i = 0; i < qmodel->n_metadata; i++)
        metadata[i] = qmodel->metadata[i];
    metadata[qmodel->n_metadata++] = (struct metadata){key, value};
    qmodel->metadata = metadata;
}

static int import(const char *path, const char *output, const char *preprocess, bool quiet,
                  struct arena *arena)
{
    struct network network;
    bool is_tflite;
    int rc = tflite_detect(path, &is_tflite);
    if (!rc && !is_tflite)
        rc = error_input("'%s' is not a TensorFlow Lite file", path);
    if (!rc)
        rc = network_load(&network, path, preprocess, quiet, arena);
    if (rc)
        return rc;
    const char *transform = preprocess_text(&network.preprocess, arena);
    if (network.qmodel) {
        if (network.resolution)
            set_metadata(network.qmodel, "mcunet.preprocess", transform);
        return qdq_write(network.qmodel, output);
    }
    if (network.resolution)
        model_set_metadata(network.model, "mcunet.preprocess", transform);
    return onnx_write(network.model, output);
}

int cmd_import(int argc, char **argv)
{
    const char *output = NULL, *preprocess = NULL;
    bool quiet = false;
    const struct option_spec options[] = {
        OPTION_STRING('o', "output", "OUT.onnx", &output, "the network as ONNX"),
        OPTION_STRING(0, "preprocess", "HOW", &preprocess,
                      "input transform to write: mcunet, vww, imagenet, squash, JSON or a file of it"),
        OPTION_FLAG('q', "quiet", &quiet, "no messages but errors"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc != 1)
        return error_usage("import: name one file");
    if (!output)
        return error_usage("import: -o OUT.onnx says where the network goes");
    struct arena arena = ARENA_INIT;
    rc = import(argv[0], output, preprocess, quiet, &arena);
    arena_release(&arena);
    return rc;
}
