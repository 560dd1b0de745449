/*
 * subnet.c - drawing, varying and writing down points of the elastic space.
 */
#include "nas/subnet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "nas/supernet.h"

/* The n'th stage's layer, by walking: stages are few. */
static const struct supernet_layer *next_stage(const struct supernet *supernet, int *layer)
{
    while (supernet->layers[*layer].kind != LAYER_STAGE)
        ++*layer;
    return &supernet->layers[(*layer)++];
}

const char *subnet_text(const struct subnet *subnet, struct arena *arena)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "r%d w%d", subnet->resolution, subnet->width);
    for (int s = 0; s < subnet->n_stages; s++) {
        strbuf_adds(&text, " |");
        for (int b = 0; b < subnet->depth[s]; b++)
            strbuf_addf(&text, " %dx%d", subnet->kernel[s][b], subnet->expand[s][b]);
    }
    const char *copy = arena_strdup(arena, strbuf_text(&text));
    strbuf_release(&text);
    return copy;
}

/* ---- parsing ------------------------------------------------------------------------------------------- */

struct cursor {
    const char *text, *at;
};

static int fail(const struct cursor *cursor, const char *at, const char *expected)
{
    return error_input("subnet '%.200s', column %d: expected %s", cursor->text, (int)(at - cursor->text) + 1,
                       expected);
}

static int fail_choice(const struct cursor *cursor, const char *at, const char *what,
                       const struct choices *choices)
{
    char expected[256];
    size_t n = (size_t)snprintf(expected, sizeof expected, "%s, one of", what);
    for (int i = 0; i < choices->n && n < sizeof expected; i++)
        n += (size_t)snprintf(expected + n, sizeof expected - n, "%s %d", i ? "," : "", choices->value[i]);
    return fail(cursor, at, expected);
}

static void skip_spaces(struct cursor *cursor)
{
    while (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\n' || *cursor->at == '\r')
        cursor->at++;
}

static bool take(struct cursor *cursor, char c)
{
    if (*cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* A decimal number of at most six digits, or -1. */
static int take_number(struct cursor *cursor)
{
    int value = 0, digits = 0;
    while (isdigit((unsigned char)*cursor->at) && digits < 6) {
        value = value * 10 + (*cursor->at++ - '0');
        digits++;
    }
    return digits == 0 || isdigit((unsigned char)*cursor->at) ? -1 : value;
}

static int parse_stage(struct subnet *out, int stage, const struct supernet_layer *layer,
                       struct cursor *cursor)
{
    char expected[128];
    const char *start = cursor->at;
    if (!take(cursor, '|')) {
        snprintf(expected, sizeof expected, "'|' and the blocks of stage '%s'", layer->name);
        return fail(cursor, start, expected);
    }
    int depth = 0;
    for (;; depth++) {
        skip_spaces(cursor);
        const char *at = cursor->at;
        if (*at == '|' || *at == '\0')
            break;
        int kernel = take_number(cursor);
        if (!choices_have(&layer->kernels, kernel))
            return fail_choice(cursor, at, "a kernel size", &layer->kernels);
        at = cursor->at;
        if (!take(cursor, 'x'))
            return fail(cursor, at, "'x' between kernel and expand ratio");
        at = cursor->at;
        int expand = take_number(cursor);
        if (!choices_have(&layer->expands, expand))
            return fail_choice(cursor, at, "an expand ratio", &layer->expands);
        if (depth == choices_max(&layer->depths))
            return fail_choice(cursor, start, "a number of blocks", &layer->depths);
        out->kernel[stage][depth] = (int8_t)kernel;
        out->expand[stage][depth] = (int8_t)expand;
    }
    if (!choices_have(&layer->depths, depth))
        return fail_choice(cursor, start, "a number of blocks", &layer->depths);
    out->depth[stage] = depth;
    return 0;
}

/* "largest", "smallest", with "@resolution" or without. Returns -1 when text is neither. */
static int parse_named(struct subnet *out, struct cursor *cursor, const struct supernet *supernet)
{
    if (strncmp(cursor->at, "largest", 7) == 0) {
        subnet_largest(out, supernet);
        cursor->at += 7;
    } else if (strncmp(cursor->at, "smallest", 8) == 0) {
        subnet_smallest(out, supernet);
        cursor->at += 8;
    } else {
        return -1;
    }
    if (take(cursor, '@')) {
        const char *at = cursor->at;
        out->resolution = take_number(cursor);
        if (!choices_have(&supernet->resolutions, out->resolution))
            return fail_choice(cursor, at, "a resolution", &supernet->resolutions);
    }
    skip_spaces(cursor);
    return *cursor->at ? fail(cursor, cursor->at, "the end, or '@' and a resolution") : 0;
}

int subnet_parse(struct subnet *out, const char *text, const struct supernet *supernet)
{
    struct cursor cursor = {text, text};
    skip_spaces(&cursor);
    int rc = parse_named(out, &cursor, supernet);
    if (rc >= 0)
        return rc;

    memset(out, 0, sizeof *out);
    const char *at = cursor.at;
    if (!take(&cursor, 'r'))
        return fail(&cursor, at, "'largest', 'smallest', or 'r' and a resolution");
    out->resolution = take_number(&cursor);
    if (!choices_have(&supernet->resolutions, out->resolution))
        return fail_choice(&cursor, at + 1, "a resolution", &supernet->resolutions);
    skip_spaces(&cursor);
    at = cursor.at;
    out->width = take(&cursor, 'w') ? take_number(&cursor) : -1;
    if (out->width < 0 || out->width >= supernet->n_widths) {
        char expected[64];
        snprintf(expected, sizeof expected, "'w' and a width index, 0 to %d", supernet->n_widths - 1);
        return fail(&cursor, at, expected);
    }
    out->n_stages = supernet->n_stages;
    for (int s = 0, layer = 0; s < supernet->n_stages; s++) {
        skip_spaces(&cursor);
        rc = parse_stage(out, s, next_stage(supernet, &layer), &cursor);
        if (rc)
            return rc;
    }
    skip_spaces(&cursor);
    return *cursor.at ? fail(&cursor, cursor.at, "the end: the supernet has no more stages") : 0;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

bool subnet_valid(const struct subnet *subnet, const struct supernet *supernet)
{
    if (!choices_have(&supernet->resolutions, subnet->resolution) || subnet->width < 0 ||
        subnet->width >= supernet->n_widths || subnet->n_stages != supernet->n_stages)
        return false;
    for (int s = 0, layer = 0; s < supernet->n_stages; s++) {
        const struct supernet_layer *stage = next_stage(supernet, &layer);
        if (!choices_have(&stage->depths, subnet->depth[s]))
            return false;
        for (int b = 0; b < SUBNET_MAX_DEPTH; b++) {
            int kernel = subnet->kernel[s][b], expand = subnet->expand[s][b];
            if (b < subnet->depth[s]
                    ? !choices_have(&stage->kernels, kernel) || !choices_have(&stage->expands, expand)
                    : kernel || expand)
                return false;
        }
    }
    return true;
}

bool subnet_equal(const struct subnet *a, const struct subnet *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static uint64_t hash_mix(uint64_t hash, int value)
{
    return (hash ^ (uint64_t)(uint32_t)value) * 0x100000001b3u; /* FNV-1a, a value at a time */
}

uint64_t subnet_hash(const struct subnet *subnet)
{
    uint64_t hash = 0xcbf29ce484222325u;
    hash = hash_mix(hash_mix(hash, subnet->resolution), subnet->width);
    for (int s = 0; s < subnet->n_stages; s++) {
        hash = hash_mix(hash, subnet->depth[s]);
        for (int b = 0; b < subnet->depth[s]; b++)
            hash = hash_mix(hash_mix(hash, subnet->kernel[s][b]), subnet->expand[s][b]);
    }
    return hash ^ hash >> 32; /* low bits alone see little of the high ones */
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

static int draw(const struct choices *choices, struct rng *rng)
{
    return choices->value[rng_below(rng, (uint32_t)choices->n)];
}

static void fill(struct subnet *out, const struct supernet *supernet, bool largest)
{
    memset(out, 0, sizeof *out);
    const struct choices *resolutions = &supernet->resolutions;
    out->resolution = largest ? choices_max(resolutions) : resolutions->value[0];
    out->width = largest ? supernet->n_widths - 1 : 0;
    out->n_stages = supernet->n_stages;
    for (int s = 0, layer = 0; s < supernet->n_stages; s++) {
        const struct supernet_layer *stage = next_stage(supernet, &layer);
        out->depth[s] = largest ? choices_max(&stage->depths) : stage->depths.value[0];
        for (int b = 0; b < out->depth[s]; b++) {
            out->kernel[s][b] = (int8_t)(largest ? choices_max(&stage->kernels) : stage->kernels.value[0]);
            out->expand[s][b] = (int8_t)(largest ? choices_max(&stage->expands) : stage->expands.value[0]);
        }
    }
}

void subnet_largest(struct subnet *out, const struct supernet *supernet)
{
    fill(out, supernet, true);
}

void subnet_smallest(struct subnet *out, const struct supernet *supernet)
{
    fill(out, supernet, false);
}

void subnet_random(struct subnet *out, const struct supernet *supernet, int resolution, int width,
                   struct rng *rng)
{
    memset(out, 0, sizeof *out);
    out->resolution = resolution >= 0 ? resolution : draw(&supernet->resolutions, rng);
    out->width = width >= 0 ? width : (int)rng_below(rng, (uint32_t)supernet->n_widths);
    out->n_stages = supernet->n_stages;
    for (int s = 0, layer = 0; s < supernet->n_stages; s++) {
        const struct supernet_layer *stage = next_stage(supernet, &layer);
        out->depth[s] = draw(&stage->depths, rng);
        for (int b = 0; b < out->depth[s]; b++) {
            out->kernel[s][b] = (int8_t)draw(&stage->kernels, rng);
            out->expand[s][b] = (int8_t)draw(&stage->expands, rng);
        }
    }
}

void subnet_mutate(struct subnet *subnet, const struct supernet *supernet, double p, bool fixed_space,
                   struct rng *rng)
{
    if (!fixed_space) {
        if (rng_uniform(rng) < p)
            subnet->resolution = draw(&supernet->resolutions, rng);
        if (rng_uniform(rng) < p)
            subnet->width = (int)rng_below(rng, (uint32_t)supernet->n_widths);
    }
    for (int s = 0, layer = 0; s < supernet->n_stages; s++) {
        const struct supernet_layer *stage = next_stage(supernet, &layer);
        int depth = rng_uniform(rng) < p ? draw(&stage->depths, rng) : subnet->depth[s];
        for (int b = 0; b < SUBNET_MAX_DEPTH; b++) {
            if (b >= depth) {
                subnet->kernel[s][b] = subnet->expand[s][b] = 0;
                continue;
            }
            bool added = b >= subnet->depth[s];
            if (added || rng_uniform(rng) < p)
                subnet->kernel[s][b] = (int8_t)draw(&stage->kernels, rng);
            if (added || rng_uniform(rng) < p)
                subnet->expand[s][b] = (int8_t)draw(&stage->expands, rng);
        }
        subnet->depth[s] = depth;
    }
}

void subnet_crossover(struct subnet *out, const struct subnet *a, const struct subnet *b, struct rng *rng)
{
    const struct subnet *parents[2] = {a, b};
    struct subnet child = {0};
    child.n_stages = a->n_stages;
    child.resolution = parents[rng_below(rng, 2)]->resolution;
    child.width = parents[rng_below(rng, 2)]->width;
    for (int s = 0; s < a->n_stages; s++) {
        int deep = (int)rng_below(rng, 2);
        child.depth[s] = parents[deep]->depth[s];
        for (int i = 0; i < child.depth[s]; i++) {
            bool both = i < parents[!deep]->depth[s];
            const struct subnet *kernel = parents[both ? (int)rng_below(rng, 2) : deep];
            const struct subnet *expand = parents[both ? (int)rng_below(rng, 2) : deep];
            child.kernel[s][i] = kernel->kernel[s][i];
            child.expand[s][i] = expand->expand[s][i];
        }
    }
    *out = child;
}
