/*
 * supernet_parse.c - the JSON in metadata_props["mcunet.supernet"], checked key by key.
 */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/model.h"
#include "nas/subnet.h"
#include "nas/supernet.h"

enum {
    MAX_RESOLUTION = 512,
    MAX_CHANNELS = 4096,
    MAX_CLASSES = 100000,

    MAX_STRIDE = 4,
    MAX_EXPAND = 16
};
enum { MAX_NAME = 32, MAX_JSON_BYTES = 1 << 20 };

/* Where in the document we are, for messages: "x.onnx: mcunet.supernet: layer 'stage1'". */
struct place {
    const char *where;
    const char *layer; /* NULL: top level */
};

#define FAIL(place, ...) fail(place, arena_printf(arena, __VA_ARGS__))

static int fail(const struct place *place, const char *what)
{
    if (place->layer)
        return error_input("%s: mcunet.supernet: layer '%s': %s", place->where, place->layer, what);
    return error_input("%s: mcunet.supernet: %s", place->where, what);
}

bool choices_have(const struct choices *choices, int value)
{
    for (int i = 0; i < choices->n; i++)
        if (choices->value[i] == value)
            return true;
    return false;
}

int make_divisible(int v)
{
    int rounded = (v + 4) / 8 * 8;
    if (rounded < 8)
        rounded = 8;
    return 10 * rounded < 9 * v ? rounded + 8 : rounded;
}

static int read_int(int *out, const json_t *value, const char *key, int min, int max,
                    const struct place *place, struct arena *arena)
{
    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
        return FAIL(place, "'%s' must be a whole number from %d to %d", key, min, max);
    *out = (int)json_integer_value(value);
    return 0;
}

/* An array of n_min..n_max numbers in [min, max], ascending (strictly, or not when `repeats`). */
static int read_ints(int *out, int *n, const json_t *array, const char *key, int n_min, int n_max, int min,
                     int max, bool repeats, const struct place *place, struct arena *arena)
{
    size_t size = json_is_array(array) ? json_array_size(array) : 0;
    if (size < (size_t)n_min || size > (size_t)n_max) {
        if (n_min == n_max)
            return FAIL(place, "'%s' must be an array of %d numbers, one per width", key, n_min);
        return FAIL(place, "'%s' must be an array of %d to %d numbers", key, n_min, n_max);
    }
    for (size_t i = 0; i < size; i++) {
        int rc = read_int(&out[i], json_array_get(array, i), key, min, max, place, arena);
        if (rc)
            return rc;
        if (i && (repeats ? out[i] < out[i - 1] : out[i] <= out[i - 1]))
            return FAIL(place, "'%s' must be ascending", key);
    }
    *n = (int)size;
    return 0;
}

static int read_choices(struct choices *out, const json_t *object, const char *key, int min, int max,
                        const struct place *place, struct arena *arena)
{
    return read_ints(out->value, &out->n, json_object_get(object, key), key, 1, SUPERNET_MAX_CHOICES, min,
                     max, false, place, arena);
}

/* Unknown keys are typing errors, and a later schema says so in its number. */
static int check_keys(const json_t *object, const char *known, const struct place *place, struct arena *arena)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t n = strlen(key);
        bool found = false;
        for (const char *at = known; *at && !found; at += strcspn(at, " "), at += strspn(at, " "))
            found = strcspn(at, " ") == n && strncmp(at, key, n) == 0;
        if (!found)
            return FAIL(place, "unknown key '%.40s' (known: %s)", key, known);
    }
    return 0;
}

static bool name_good(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_')
            return false;
    return n >= 1 && n <= MAX_NAME;
}

static int read_activation(struct supernet_layer *out, const json_t *object, const struct place *place,
                           struct arena *arena)
{
    const char *act = json_string_value(json_object_get(object, "act"));
    out->act = ACT_CLIP;
    out->act_max = INFINITY;
    if (act && strcmp(act, "relu6") == 0)
        out->act_max = 6;
    else if (act && strcmp(act, "hswish") == 0)
        out->act = ACT_HARD_SWISH;
    else if (!act || strcmp(act, "relu") != 0)
        return FAIL(place, "'act' must be \"relu\", \"relu6\" or \"hswish\"");
    return 0;
}

static int read_channels(struct supernet_layer *out, const struct supernet *supernet, const json_t *object,
                         const struct place *place, struct arena *arena)
{
    int n;
    return read_ints(out->channels, &n, json_object_get(object, "channels"), "channels", supernet->n_widths,
                     supernet->n_widths, 1, MAX_CHANNELS, true, place, arena);
}

static int check_odd(int kernel, const char *key, const struct place *place, struct arena *arena)
{
    return kernel % 2 == 0 ? FAIL(place, "'%s' must be odd, not %d", key, kernel) : 0;
}

static int read_conv(struct supernet_layer *out, const struct supernet *supernet, const json_t *object,
                     const struct place *place, struct arena *arena)
{
    int rc = check_keys(object, "name kind kernel stride channels act", place, arena);
    if (!rc)
        rc = read_int(&out->kernel, json_object_get(object, "kernel"), "kernel", 1, SUPERNET_MAX_KERNEL,
                      place, arena);
    if (!rc)
        rc = check_odd(out->kernel, "kernel", place, arena);
    if (!rc)
        rc = read_int(&out->stride, json_object_get(object, "stride"), "stride", 1, MAX_STRIDE, place, arena);
    if (!rc)
        rc = read_channels(out, supernet, object, place, arena);
    return rc ? rc : read_activation(out, object, place, arena);
}

static int read_stage(struct supernet_layer *out, const struct supernet *supernet, const json_t *object,
                      const struct place *place, struct arena *arena)
{
    int rc = check_keys(object, "name kind stride channels depths kernels expands act se", place, arena);
    if (!rc)
        rc = read_int(&out->stride, json_object_get(object, "stride"), "stride", 1, MAX_STRIDE, place, arena);
    if (!rc)
        rc = read_channels(out, supernet, object, place, arena);
    if (!rc)
        rc = read_choices(&out->depths, object, "depths", 1, SUBNET_MAX_DEPTH, place, arena);
    if (!rc)
        rc = read_choices(&out->kernels, object, "kernels", 1, SUPERNET_MAX_KERNEL, place, arena);
    for (int i = 0; !rc && i < out->kernels.n; i++)
        rc = check_odd(out->kernels.value[i], "kernels", place, arena);
    if (!rc)
        rc = read_choices(&out->expands, object, "expands", 1, MAX_EXPAND, place, arena);
    if (!rc)
        rc = read_activation(out, object, place, arena);
    if (rc)
        return rc;
    if (out->expands.n > 1 && out->expands.value[0] == 1)
        return FAIL(place, "'expands': 1 (no expand convolution) cannot be mixed with larger ratios");
    const json_t *se = json_object_get(object, "se");
    if (se && !json_is_boolean(se))
        return FAIL(place, "'se' must be true or false");
    out->se = json_is_true(se);
    return 0;
}

static int read_kind(enum layer_kind *out, const char *kind, const struct place *place, struct arena *arena)
{
    static const char *const names[] = {
        [LAYER_CONV] = "conv", [LAYER_STAGE] = "stage", [LAYER_POOL] = "pool", [LAYER_LINEAR] = "linear"};
    for (int i = 0; kind && i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(kind, names[i]) == 0) {
            *out = (enum layer_kind)i;
            return 0;
        }
    }
    return FAIL(place, "'kind' must be \"conv\", \"stage\", \"pool\" or \"linear\"");
}

static int read_layer(struct supernet *supernet, const json_t *object, const struct place *top,
                      struct arena *arena)
{
    struct supernet_layer *out = &supernet->layers[supernet->n_layers];
    const char *name = json_string_value(json_object_get(object, "name"));
    if (!name || !name_good(name))
        return FAIL(top, "'layers' entry %d needs a 'name' of 1 to %d letters, digits or '_'",
                    supernet->n_layers, MAX_NAME);
    for (int i = 0; i < supernet->n_layers; i++)
        if (strcmp(supernet->layers[i].name, name) == 0)
            return FAIL(top, "two layers are named '%s'", name);
    out->name = arena_strdup(arena, name);
    struct place place = {top->where, out->name};
    int rc = read_kind(&out->kind, json_string_value(json_object_get(object, "kind")), &place, arena);
    if (rc)
        return rc;
    switch (out->kind) {
    case LAYER_CONV:
        rc = read_conv(out, supernet, object, &place, arena);
        break;
    case LAYER_STAGE:
        if (supernet->n_stages++ == SUBNET_MAX_STAGES)
            return FAIL(&place, "more than %d stages", SUBNET_MAX_STAGES);
        rc = read_stage(out, supernet, object, &place, arena);
        break;
    case LAYER_LINEAR:
        if (strcmp(name, "classifier") != 0)
            return FAIL(&place, "the linear layer must be named 'classifier'");
        /* fall through */
    case LAYER_POOL:
        rc = check_keys(object, "name kind", &place, arena);
        break;
    }
    supernet->n_layers++;
    return rc;
}

/* Convolutions and stages, then pool, then linear; no feature map beyond SUPERNET_MAX_MAP. */
static int check_order(const struct supernet *supernet, const struct place *top, struct arena *arena)
{
    int n = supernet->n_layers;
    if (n < 3 || supernet->layers[n - 2].kind != LAYER_POOL || supernet->layers[n - 1].kind != LAYER_LINEAR)
        return FAIL(top,
                    "'layers' must end with a \"pool\" and a \"linear\" layer, after at least one other");
    int64_t size = choices_max(&supernet->resolutions), channels = 3;
    for (int i = 0; i < n - 2; i++) {
        const struct supernet_layer *layer = &supernet->layers[i];
        struct place place = {top->where, layer->name};
        if (layer->kind != LAYER_CONV && layer->kind != LAYER_STAGE)
            return FAIL(&place, "\"pool\" and \"linear\" come last");
        int64_t in_size = size, in = channels, largest;
        size = (size - 1) / layer->stride + 1;
        channels = layer->channels[supernet->n_widths - 1];
        largest = size * size * channels;
        if (layer->kind == LAYER_STAGE) {
            int64_t most = in > channels ? in : channels;
            int64_t expanded = in_size * in_size * most * choices_max(&layer->expands);
            largest = expanded > largest ? expanded : largest;
        }
        if (largest > SUPERNET_MAX_MAP)
            return FAIL(&place, "a feature map of %lld elements is larger than %d", (long long)largest,
                        SUPERNET_MAX_MAP);
    }
    return 0;
}

static int read_widths(struct supernet *out, const json_t *array, const struct place *top,
                       struct arena *arena)
{
    size_t n = json_is_array(array) ? json_array_size(array) : 0;
    if (n < 1 || n > SUPERNET_MAX_WIDTHS)
        return FAIL(top, "'widths' must be an array of 1 to %d numbers", SUPERNET_MAX_WIDTHS);
    for (size_t i = 0; i < n; i++) {
        double width = json_number_value(json_array_get(array, i));
        if (!(width > 0 && width <= 16))
            return FAIL(top, "'widths' must be numbers above 0, at most 16");
        if (i && width <= out->widths[i - 1])
            return FAIL(top, "'widths' must be ascending");
        out->widths[i] = width;
    }
    out->n_widths = (int)n;
    return 0;
}

static int read_document(struct supernet *out, const json_t *root, const struct place *top,
                         struct arena *arena)
{
    if (!json_is_object(root))
        return FAIL(top, "must be a JSON object");
    const json_t *schema = json_object_get(root, "schema");
    if (!json_is_integer(schema) || json_integer_value(schema) != 1)
        return FAIL(top, "'schema' must be 1, the version that this mcunet reads");
    int rc = check_keys(root, "schema name classes resolutions widths layers", top, arena);
    if (rc)
        return rc;
    const char *name = json_string_value(json_object_get(root, "name"));
    if (!name || !name_good(name))
        return FAIL(top, "'name' must be 1 to %d letters, digits or '_'", MAX_NAME);
    out->name = arena_strdup(arena, name);
    rc = read_int(&out->classes, json_object_get(root, "classes"), "classes", 1, MAX_CLASSES, top, arena);
    if (!rc)
        rc = read_choices(&out->resolutions, root, "resolutions", 8, MAX_RESOLUTION, top, arena);
    if (!rc)
        rc = read_widths(out, json_object_get(root, "widths"), top, arena);
    const json_t *layers = json_object_get(root, "layers");
    size_t n_layers = json_is_array(layers) ? json_array_size(layers) : 0;
    if (!rc && (n_layers < 1 || n_layers > SUPERNET_MAX_LAYERS))
        return FAIL(top, "'layers' must be an array of 3 to %d layers", SUPERNET_MAX_LAYERS);
    for (size_t i = 0; !rc && i < n_layers; i++)
        rc = read_layer(out, json_array_get(layers, i), top, arena);
    return rc ? rc : check_order(out, top, arena);
}

int supernet_parse(struct supernet *out, const char *text, const char *where, struct arena *arena)
{
    struct place top = {where, NULL};
    memset(out, 0, sizeof *out);
    out->sha256 = "";
    if (strlen(text) > MAX_JSON_BYTES)
        return FAIL(&top, "longer than %d bytes", MAX_JSON_BYTES);
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return FAIL(&top, "line %d: %s", error.line, error.text);
    int rc = read_document(out, root, &top, arena);
    json_decref(root);
    return rc;
}
