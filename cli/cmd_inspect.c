/*
 * cmd_inspect.c - mcunet inspect: what is in a file.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "base/strbuf.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/inspect.h"
#include "cli/network.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "quant/qdq.h"

static const char usage[] =
    "mcunet inspect FILE [options]\n\n"
    "Shows what is in a file: a network (.onnx or .tflite, float or int8), a supernet or one\n"
    "of its subnets, or an artifact (schedule.json, space.json, search.json, ...).";

struct inspect_options {
    const char *subnet;
    bool folded, json;
};

static bool ends_in(const char *text, const char *tail)
{
    const size_t length = strlen(text), n = strlen(tail);
    return length >= n && strcmp(text + length - n, tail) == 0;
}

static int inspect_subnet(json_t **out, const char *path, const char *text, struct arena *arena)
{
    struct supernet *supernet;
    struct subnet subnet;
    struct model *model;
    int rc = supernet_read(&supernet, path, arena);
    if (!rc)
        rc = subnet_parse(&subnet, text, supernet);
    if (!rc)
        rc = supernet_skeleton(&model, supernet, &subnet, arena);
    if (rc)
        return rc;
    *out = inspect_model(model);
    json_object_set_new(*out, "name", json_string(subnet_text(&subnet, arena)));
    return 0;
}

static int inspect_onnx(json_t **out, const char *path, const struct inspect_options *options,
                        struct arena *arena)
{
    if (options->subnet)
        return inspect_subnet(out, path, options->subnet, arena);
    bool is_qdq;
    int rc = qdq_detect(path, &is_qdq);
    if (rc)
        return rc;
    if (is_qdq) {
        struct qmodel *qmodel;
        rc = qdq_read(&qmodel, path, arena);
        if (!rc)
            *out = inspect_qmodel(qmodel);
        return rc;
    }
    struct model *model;
    rc = onnx_read(&model, path, arena);
    if (rc)
        return rc;
    if (model_get_metadata(model, "mcunet.supernet") && !options->folded) {
        struct supernet *supernet;
        rc = supernet_read(&supernet, path, arena);
        if (!rc)
            *out = inspect_supernet(supernet);
        return rc;
    }
    if (options->folded)
        rc = passes_for_inference(model);
    if (!rc)
        *out = inspect_model(model);
    return rc;
}

static int inspect_tflite(json_t **out, const char *path, struct arena *arena)
{
    struct network network;
    int rc = network_load(&network, path, NULL, true, arena);
    if (!rc)
        *out = network.qmodel ? inspect_qmodel(network.qmodel) : inspect_model(network.model);
    return rc;
}

static int inspect_artifact(json_t **out, const char *path)
{
    int rc = json_read(out, path);
    if (!rc && !json_is_object(*out)) {
        json_decref(*out);
        rc = error_input("%s:1: expected an object, as mcunet's artifacts are", path);
    }
    return rc;
}

static int inspect(const char *path, const struct inspect_options *options, struct arena *arena)
{
    json_t *json = NULL;
    int rc;
    if (ends_in(path, ".onnx"))
        rc = inspect_onnx(&json, path, options, arena);
    else if (ends_in(path, ".tflite"))
        rc = options->subnet ? error_usage("--subnet: '%s' is no supernet", path)
                             : inspect_tflite(&json, path, arena);
    else if (ends_in(path, ".json"))
        rc = inspect_artifact(&json, path);
    else
        rc = error_usage(
            "'%s': expected a file named .onnx, .tflite or .json (boards: mcunet boards FILE.yml)", path);
    if (rc)
        return rc;
    if (options->json) {
        rc = json_print(json);
    } else {
        struct strbuf text = STRBUF_INIT;
        describe(&text, json);
        fputs(strbuf_text(&text), stdout);
        strbuf_release(&text);
    }
    json_decref(json);
    return rc;
}

int cmd_inspect(int argc, char **argv)
{
    struct inspect_options o = {0};
    const struct option_spec options[] = {
        OPTION_STRING(0, "subnet", "TEXT", &o.subnet,
                      "show this subnet of a supernet (also largest, smallest, largest@64)"),
        OPTION_FLAG(0, "folded", &o.folded, "after folding batch normalization and fusing activations"),
        OPTION_FLAG(0, "json", &o.json, "print JSON on stdout"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc != 1)
        return error_usage("inspect: name one file");
    struct arena arena = ARENA_INIT;
    rc = inspect(argv[0], &o, &arena);
    arena_release(&arena);
    return rc;
}
