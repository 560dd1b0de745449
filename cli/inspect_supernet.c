#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "cli/inspect.h"
#include "model/cost.h"
#include "model/model.h"
#include "nas/subnet.h"
#include "nas/supernet.h"

static json_t *choices_json(const struct choices *choices)
{
    json_t *list = json_array();
    for (int i = 0; i < choices->n; i++)
        json_array_append_new(list, json_integer(choices->value[i]));
    return list;
}

static const char *layer_activation(const struct supernet_layer *layer)
{
    if (layer->kind != LAYER_CONV && layer->kind != LAYER_STAGE)
        return "";
    if (layer->act == ACT_HARD_SWISH)
        return "hswish";
    return isinf(layer->act_max) ? "relu" : "relu6";
}

static json_t *layer_json(const struct supernet *supernet, const struct supernet_layer *layer)
{
    static const char *const kinds[] = {
        [LAYER_CONV] = "conv", [LAYER_STAGE] = "stage", [LAYER_POOL] = "pool", [LAYER_LINEAR] = "linear"};
    const bool stage = layer->kind == LAYER_STAGE, conv = layer->kind == LAYER_CONV;
    json_t *channels = json_array(), *kernels = stage ? choices_json(&layer->kernels) : json_array();
    for (int w = 0; w < supernet->n_widths && (stage || conv); w++)
        json_array_append_new(channels, json_integer(layer->channels[w]));
    if (conv)
        json_array_append_new(kernels, json_integer(layer->kernel));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:b}", "name", layer->name, "kind",
                     kinds[layer->kind], "stride", stage || conv ? json_integer(layer->stride) : json_null(),
                     "channels", channels, "kernels", kernels, "depths",
                     stage ? choices_json(&layer->depths) : json_array(), "expands",
                     stage ? choices_json(&layer->expands) : json_array(), "act", layer_activation(layer),
                     "se", layer->se);
}

/* How many subnets there are: widths x resolutions x, per stage, the sum over depths of (kernels x
 * expands)^depth. */
static double count_subnets(const struct supernet *supernet)
{
    double count = (double)supernet->n_widths * supernet->resolutions.n;
    for (int i = 0; i < supernet->n_layers; i++) {
        const struct supernet_layer *layer = &supernet->layers[i];
        if (layer->kind != LAYER_STAGE)
            continue;
        double stage = 0;
        for (int d = 0; d < layer->depths.n; d++)
            stage += pow((double)layer->kernels.n * layer->expands.n, layer->depths.value[d]);
        count *= stage;
    }
    return count;
}

static json_t *subnet_json(const struct supernet *supernet, const struct subnet *subnet, struct arena *arena)
{
    struct model *model;
    if (supernet_skeleton(&model, supernet, subnet, arena) != 0)
        return json_null();
    const struct cost cost = model_cost(model);
    return json_pack("{s:s, s:I, s:I}", "subnet", subnet_text(subnet, arena), "macs", (json_int_t)cost.macs,
                     "params", (json_int_t)cost.params);
}

json_t *inspect_supernet(const struct supernet *supernet)
{
    struct arena arena = ARENA_INIT;
    struct subnet largest, smallest;
    subnet_largest(&largest, supernet);
    subnet_smallest(&smallest, supernet);
    json_t *widths = json_array(), *layers = json_array();
    for (int w = 0; w < supernet->n_widths; w++)
        json_array_append_new(widths, json_real(supernet->widths[w]));
    for (int i = 0; i < supernet->n_layers; i++)
        json_array_append_new(layers, layer_json(supernet, &supernet->layers[i]));
    const char *preprocess = model_get_metadata(supernet->model, "mcunet.preprocess");
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:f, s:s?, s:o, s:o, s:o}", "schema_version", 1,
                  "tool_version", MCUNET_VERSION, "kind", "supernet", "name", supernet->name, "sha256",
                  supernet->sha256, "classes", supernet->classes, "resolutions",
                  choices_json(&supernet->resolutions), "widths", widths, "subnets", count_subnets(supernet),
                  "preprocess", preprocess, "largest", subnet_json(supernet, &largest, &arena), "smallest",
                  subnet_json(supernet, &smallest, &arena), "layers", layers);
    arena_release(&arena);
    return json;
}
