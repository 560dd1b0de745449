#include "datasets/preprocess.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "datasets/image.h"

enum { RESOLUTION_MAX = 4096 };

static const struct {
    const char *name;
    struct preprocess preprocess;
} presets[] = {
    {"mcunet", PREPROCESS_MCUNET},
    {"vww",
     {.resize = RESIZE_SQUASH, .crop_ratio = 1, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}}},
    {"squash",
     {.resize = RESIZE_SQUASH, .crop_ratio = 1, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}}},
    {"imagenet",
     {.resize = RESIZE_SHORT_CROP,
      .crop_ratio = 0.875,
      .mean = {0.485f, 0.456f, 0.406f},
      .std = {0.229f, 0.224f, 0.225f}}},
};

static const char *const resize_names[] = {[RESIZE_SQUASH] = "squash", [RESIZE_SHORT_CROP] = "short_crop"};

static int parse_triple(float out[3], const json_t *value, const char *key, double low, double high,
                        const char *subject)
{
    bool good = json_is_array(value) && json_array_size(value) == 3;
    for (size_t c = 0; good && c < 3; c++) {
        const double number = json_number_value(json_array_get(value, c));
        good = json_is_number(json_array_get(value, c)) && number >= low && number <= high;
        out[c] = (float)number;
    }
    return good ? 0 : error_input("%s: '%s' must be three numbers from %g to %g", subject, key, low, high);
}

static int parse_object(struct preprocess *out, const json_t *object, const char *subject)
{
    if (!json_is_object(object)) {
        return error_input("%s: expected a JSON object", subject);
    }
    *out = (struct preprocess)PREPROCESS_MCUNET;
    bool resize_known = false;
    const char *key;
    json_t *value;
    int rc = 0;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!strcmp(key, "schema")) {
            rc = json_integer_value(value) == 1 ? 0 : error_input("%s: 'schema' must be 1", subject);
        } else if (!strcmp(key, "resize")) {
            const char *name = json_string_value(value);
            for (int i = 0; name && i < 2; i++) {
                if (!strcmp(name, resize_names[i])) {
                    out->resize = (enum resize)i;
                    resize_known = true;
                }
            }
            rc = resize_known ? 0 : error_input("%s: 'resize' must be \"squash\" or \"short_crop\"", subject);
        } else if (!strcmp(key, "crop_ratio")) {
            out->crop_ratio = json_number_value(value);
            const bool good = json_is_number(value) && out->crop_ratio >= 0.1 && out->crop_ratio <= 1;
            rc = good ? 0 : error_input("%s: 'crop_ratio' must be a number from 0.1 to 1", subject);
        } else if (!strcmp(key, "mean")) {
            rc = parse_triple(out->mean, value, key, -10, 10, subject);
        } else if (!strcmp(key, "std")) {
            rc = parse_triple(out->std, value, key, 1e-4, 10, subject);
        } else {
            rc = error_input("%s: unknown key '%s'; expected schema, resize, crop_ratio, mean, std", subject,
                             key);
        }
        if (rc) {
            return rc;
        }
    }
    if (!resize_known) {
        return error_input("%s: lacks 'resize'", subject);
    }
    if (out->resize == RESIZE_SQUASH) {
        out->crop_ratio = 1;
    }
    return 0;
}

int preprocess_parse(struct preprocess *out, const char *text)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (!strcmp(text, presets[i].name)) {
            *out = presets[i].preprocess;
            return 0;
        }
    }
    json_t *json = NULL;
    const bool inline_text = text[strspn(text, " \t\r\n")] == '{';
    if (inline_text) {
        json_error_t where;
        json = json_loads(text, JSON_REJECT_DUPLICATES, &where);
        if (!json) {
            return error_input("preprocess JSON, line %d: %s", where.line, where.text);
        }
    } else {
        if (!strchr(text, '/') && !strchr(text, '.')) {
            return error_input("unknown preprocess '%s'; expected mcunet, vww, imagenet, squash, a JSON "
                               "object or a file of one",
                               text);
        }
        const int rc = json_read(&json, text);
        if (rc) {
            return rc;
        }
    }
    const int rc = parse_object(out, json, inline_text ? "preprocess JSON" : text);
    json_decref(json);
    return rc;
}

/* The double with the fewest digits that is this float: 0.485f becomes 0.485. */
static double shortest(float value)
{
    for (int digits = 1; digits < 9; digits++) {
        char text[32];
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            return strtod(text, NULL);
        }
    }
    return value;
}

const char *preprocess_text(const struct preprocess *p, struct arena *arena)
{
    json_t *json =
        json_pack("{s:i, s:s, s:f, s:[f,f,f], s:[f,f,f]}", "schema", 1, "resize", resize_names[p->resize],
                  "crop_ratio", p->crop_ratio, "mean", shortest(p->mean[0]), shortest(p->mean[1]),
                  shortest(p->mean[2]), "std", shortest(p->std[0]), shortest(p->std[1]), shortest(p->std[2]));
    char *text = json_text(json);
    const char *kept = arena_strdup(arena, text);
    free(text);
    json_decref(json);
    return kept;
}

/* Half to even, as torchvision's CenterCrop takes the corner. */
static int crop_corner(int whole, int part)
{
    const int spare = whole - part;
    return spare % 2 == 0 ? spare / 2 : spare / 2 + (spare / 2) % 2;
}

int preprocess_image(const struct preprocess *p, const unsigned char *rgb, int width, int height, int r,
                     float *out)
{
    if (r < 1 || r > RESOLUTION_MAX) {
        return error_input("resolution %d is not within 1..%d", r, RESOLUTION_MAX);
    }
    int out_width = r, out_height = r;
    if (p->resize == RESIZE_SHORT_CROP) {
        const int shorter = (int)(r / p->crop_ratio);
        const int64_t longer =
            (int64_t)shorter * (width < height ? height : width) / (width < height ? width : height);
        if (longer > INT32_MAX / 4) {
            return error_input("an image of %d x %d pixels is too narrow to crop a square from", width,
                               height);
        }
        out_width = width < height ? shorter : (int)longer;
        out_height = width < height ? (int)longer : shorter;
    }
    unsigned char *pixels = malloc((size_t)r * r * 3);
    if (!pixels) {
        die("out of memory for an image of %d x %d", r, r);
    }
    image_resize_window(rgb, width, height, out_width, out_height, crop_corner(out_width, r),
                        crop_corner(out_height, r), r, r, pixels);
    float value[3][256];
    for (int c = 0; c < 3; c++) {
        for (int v = 0; v < 256; v++) {
            value[c][v] = ((float)v / 255.0f - p->mean[c]) / p->std[c];
        }
    }
    for (size_t i = 0; i < (size_t)r * r; i++) {
        for (int c = 0; c < 3; c++) {
            out[i * 3 + c] = value[c][pixels[i * 3 + c]];
        }
    }
    free(pixels);
    return 0;
}
