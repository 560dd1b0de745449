/*
 * synthetic.c - composes a scene (background, clutter, object, occluder) and then the camera: light, blur,
 * sensor noise.
 *
 * A scene is drawn once from (seed, split, index), in units that do not know the size: image i shows the same
 * scene at any size. Positions on the image are in 1/65536 of its side, colours in 1/16 level until the last
 * step.
 */
#include "datasets/synthetic.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/rng.h"
#include "datasets/synthetic_shape.h"

enum { SIDE = 65536, FULL = 256 * 16, CLUTTER = 5 };

struct colour {
    int32_t rgb[3]; /* 0..FULL - 1 */
};

enum pattern { PATTERN_NOISE, PATTERN_STRIPES, PATTERN_CHECKS, PATTERN_GRADIENT, PATTERNS };

struct texture {
    enum pattern pattern;
    struct colour a, b;
    uint32_t seed;
    int32_t cells;    /* noise cells or stripes over the side of the image */
    int32_t cos, sin; /* direction of stripes, checks, gradient */
    int32_t amount;   /* how far towards b, of 256 */
    int octaves;
};

/* A shape on the image. */
struct thing {
    struct shape shape;
    int32_t x, y, scale; /* centre and length of the object unit, of SIDE */
    int32_t cos, sin;
    bool mirrored;
    int32_t pivot_x, pivot_y; /* point of object space that lies on the centre */
    struct colour paints[PAINTS];
    struct texture texture; /* modulates every paint */
    int32_t shading;        /* brightness over the object, of 256 */
};

struct scene {
    struct texture background;
    struct thing clutter[CLUTTER];
    int n_clutter;
    struct thing object, occluder;
    bool occluded;
    int32_t light_cos, light_sin, light_amount, exposure; /* of 256 */
    int32_t blur;                                         /* radius, of SIDE */
    int32_t noise;                                        /* standard deviation, in 1/16 level */
    uint32_t noise_seed;
};

static uint32_t hash32(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    return x ^ (x >> 16);
}

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Smooth noise on a lattice, 0..255. u, v in 1/256 cell. */
static int32_t value_noise(uint32_t seed, int32_t u, int32_t v)
{
    const int32_t fu = u & 255, fv = v & 255;
    const uint32_t iu = (uint32_t)(u >> 8), iv = (uint32_t)(v >> 8);
    const int32_t su = (fu * fu * (768 - 2 * fu)) >> 16, sv = (fv * fv * (768 - 2 * fv)) >> 16;
    const uint32_t row = seed + iv * 0x9e3779b9U;
    const int32_t a = hash32(row + iu) & 255, b = hash32(row + iu + 1) & 255;
    const int32_t c = hash32(row + 0x9e3779b9U + iu) & 255, d = hash32(row + 0x9e3779b9U + iu + 1) & 255;
    const int32_t top = a * 256 + (b - a) * su, bottom = c * 256 + (d - c) * su;
    return (top * 256 + (bottom - top) * sv) >> 16;
}

/* Octaves of value noise, 0..255. x, y of SIDE. */
static int32_t octave_noise(uint32_t seed, int32_t x, int32_t y, int32_t cells, int octaves)
{
    int32_t sum = 0, weight = 0;
    for (int i = 0; i < octaves; i++) {
        const int32_t part = 128 >> i;
        const int64_t scale = (int64_t)cells << i;
        sum += part *
               value_noise(seed + (uint32_t)i * 101, (int32_t)(x * scale >> 8), (int32_t)(y * scale >> 8));
        weight += part;
    }
    return sum / weight;
}

static struct colour texture_at(const struct texture *t, int32_t x, int32_t y)
{
    const int32_t along = (int32_t)(((int64_t)x * t->cos + (int64_t)y * t->sin) / UNIT);
    const int32_t noise = octave_noise(t->seed, x, y, t->cells, t->octaves);
    int32_t mix = noise;
    switch (t->pattern) {
    case PATTERN_STRIPES: {
        const int32_t phase = (int32_t)((int64_t)along * t->cells * 2 + noise * 128) & (SIDE - 1);
        mix = clamp((abs(phase - SIDE / 2) - SIDE / 4) / 24 + 128, 0, 255) * 3 / 4 + noise / 4;
        break;
    }
    case PATTERN_CHECKS: {
        const int32_t across = (int32_t)(((int64_t)y * t->cos - (int64_t)x * t->sin) / UNIT);
        const int32_t p = (int32_t)((int64_t)along * t->cells) & (SIDE - 1),
                      q = (int32_t)((int64_t)across * t->cells) & (SIDE - 1);
        mix = (((p ^ q) & (SIDE / 2)) ? 192 : 0) + noise / 4;
        break;
    }
    case PATTERN_GRADIENT:
        mix = clamp(along / 256, 0, 255) * 3 / 4 + noise / 4;
        break;
    case PATTERN_NOISE:
    case PATTERNS:
        mix = clamp((noise - 128) * 2 + 128, 0, 255);
        break;
    }
    struct colour out;
    for (int c = 0; c < 3; c++) {
        out.rgb[c] = t->a.rgb[c] + (((t->b.rgb[c] - t->a.rgb[c]) * mix >> 8) * t->amount >> 8);
    }
    return out;
}

static struct colour draw_colour(struct rng *rng)
{
    struct colour colour;
    for (int c = 0; c < 3; c++) {
        colour.rgb[c] = fixed_draw(rng, 20 * 16, 235 * 16);
    }
    return colour;
}

static int32_t colour_distance(const struct colour *a, const struct colour *b)
{
    return (2 * abs(a->rgb[0] - b->rgb[0]) + 4 * abs(a->rgb[1] - b->rgb[1]) + abs(a->rgb[2] - b->rgb[2])) / 7;
}

/* `percent` of the way from a to b. */
static struct colour colour_mix(const struct colour *a, const struct colour *b, int32_t percent)
{
    struct colour out;
    for (int c = 0; c < 3; c++) {
        out.rgb[c] = a->rgb[c] + (b->rgb[c] - a->rgb[c]) * percent / 100;
    }
    return out;
}

static struct texture draw_texture(struct rng *rng, int32_t cells_low, int32_t cells_high)
{
    struct texture t = {.pattern = (enum pattern)fixed_draw(rng, 0, PATTERNS - 1)};
    const int32_t angle = fixed_draw(rng, 0, TURN - 1);
    t.a = draw_colour(rng);
    t.b = draw_colour(rng);
    t.seed = (uint32_t)rng_u64(rng);
    t.cells = fixed_draw(rng, cells_low, cells_high);
    t.cos = fixed_cos(angle);
    t.sin = fixed_sin(angle);
    t.amount = fixed_draw(rng, 60, 256);
    t.octaves = fixed_draw(rng, 2, 4);
    return t;
}

/* Paints that stand apart from `against` at least a little; black and white only as shares of the main
 * colour. */
static void draw_paints(struct thing *thing, const struct colour *against, struct rng *rng)
{
    static const struct colour black = {{0, 0, 0}}, white = {{FULL - 1, FULL - 1, FULL - 1}};
    struct colour main = draw_colour(rng);
    for (int tries = 0; tries < 8 && colour_distance(&main, against) < 48 * 16; tries++) {
        main = draw_colour(rng);
    }
    const struct colour accent = draw_colour(rng);
    thing->paints[PAINT_MAIN] = main;
    thing->paints[PAINT_SHADE] = colour_mix(&main, &black, fixed_draw(rng, 12, 35));
    thing->paints[PAINT_TINT] = colour_mix(&main, &white, fixed_draw(rng, 15, 40));
    thing->paints[PAINT_ACCENT] = colour_mix(&main, &accent, fixed_draw(rng, 20, 100));
    thing->paints[PAINT_DARK] = colour_mix(&main, &black, fixed_draw(rng, 40, 85));
    thing->paints[PAINT_LIGHT] = colour_mix(&main, &white, fixed_draw(rng, 35, 85));
    thing->texture = draw_texture(rng, 6, 24);
    thing->texture.amount = fixed_draw(rng, 0, 70);
    thing->shading = fixed_draw(rng, -70, 70);
}

static void place(struct thing *thing, int32_t x, int32_t y, int32_t scale, int32_t angle, struct rng *rng)
{
    thing->x = x;
    thing->y = y;
    thing->scale = scale;
    thing->cos = fixed_cos(angle);
    thing->sin = fixed_sin(angle);
    thing->mirrored = fixed_draw(rng, 0, 1) == 1;
}

/* A part of another class, drawn alone, its centre on (x, y): a distractor, or what hides the object. */
static void draw_part(struct thing *thing, int label, int32_t x, int32_t y, int32_t scale,
                      const struct colour *against, struct rng *rng)
{
    struct shape whole;
    const int other = (label + fixed_draw(rng, 1, SYNTHETIC_CLASSES - 1)) % SYNTHETIC_CLASSES;
    shape_draw_class(&whole, other, rng);
    shape_take_part(&thing->shape, &whole, fixed_draw(rng, 0, whole.n - 1));
    place(thing, x, y, scale, fixed_draw(rng, 0, TURN - 1), rng);
    thing->pivot_x = thing->shape.primitives[0].x;
    thing->pivot_y = thing->shape.primitives[0].y;
    draw_paints(thing, against, rng);
}

static void draw_scene(struct scene *scene, uint64_t seed, int split, int index)
{
    struct rng state =
        rng_seeded(seed * 0xbf58476d1ce4e5b9U + (uint64_t)split * 0xd1b54a32d192ed03U + (uint64_t)index);
    struct rng *rng = &state;
    const int label = index % SYNTHETIC_CLASSES;
    *scene = (struct scene){.n_clutter = fixed_draw(rng, 1, CLUTTER)};
    scene->background = draw_texture(rng, 2, 14);
    const struct colour ground =
        colour_mix(&scene->background.a, &scene->background.b, 50 * scene->background.amount / 256);

    struct thing *object = &scene->object;
    const int32_t scale = fixed_draw(rng, SIDE * 27 / 100, SIDE * 45 / 100), room = SIDE * 54 / 100 - scale;
    const int32_t x = SIDE / 2 + fixed_draw(rng, -room, room), y = SIDE / 2 + fixed_draw(rng, -room, room);
    shape_draw_class(&object->shape, label, rng);
    place(object, x, y, scale, fixed_draw(rng, -TURN / 8, TURN / 8), rng);
    draw_paints(object, &ground, rng);

    for (int i = 0; i < scene->n_clutter; i++) {
        const int32_t cx = fixed_draw(rng, 0, SIDE), cy = fixed_draw(rng, 0, SIDE);
        const int32_t size = fixed_draw(rng, SIDE * 10 / 100, SIDE * 32 / 100);
        draw_part(&scene->clutter[i], label, cx, cy, size, &ground, rng);
    }
    scene->occluded = fixed_draw(rng, 0, 99) < 40;
    if (scene->occluded) {
        const int32_t reach = scale * 8 / 10;
        const int32_t ox = x + fixed_draw(rng, -reach, reach), oy = y + fixed_draw(rng, -reach, reach);
        const int32_t size = fixed_draw(rng, scale * 30 / 100, scale * 75 / 100);
        draw_part(&scene->occluder, label, ox, oy, size, &object->paints[PAINT_MAIN], rng);
    }
    const int32_t angle = fixed_draw(rng, 0, TURN - 1);
    scene->light_cos = fixed_cos(angle);
    scene->light_sin = fixed_sin(angle);
    scene->light_amount = fixed_draw(rng, 0, 120);
    scene->exposure = fixed_draw(rng, 180, 300);
    scene->blur = fixed_draw(rng, 0, SIDE * 20 / 1000);
    scene->noise = fixed_draw(rng, 2 * 16, 11 * 16);
    scene->noise_seed = (uint32_t)rng_u64(rng);
}

/* Lays colour over canvas, coverage of 256. */
static void blend(uint16_t *canvas, const struct colour *colour, int32_t coverage)
{
    for (int c = 0; c < 3; c++) {
        canvas[c] = (uint16_t)(canvas[c] + (colour->rgb[c] - canvas[c]) * coverage / 256);
    }
}

static struct colour thing_colour(const struct thing *t, enum paint paint, int32_t u, int32_t v, int32_t x,
                                  int32_t y)
{
    const struct colour grain = texture_at(&t->texture, x, y);
    const int32_t shade = 256 + (int32_t)((int64_t)t->shading * (u + v) / (2 * UNIT));
    struct colour out;
    for (int c = 0; c < 3; c++) {
        const int32_t plain = t->paints[paint].rgb[c] + (grain.rgb[c] - t->texture.a.rgb[c]);
        out.rgb[c] = clamp(plain * shade / 256, 0, FULL - 1);
    }
    return out;
}

static void paint_pixel(uint16_t *canvas, const struct thing *t, int size, int32_t u, int32_t v, int32_t x,
                        int32_t y)
{
    const struct shape *s = &t->shape;
    for (int i = 0; i < s->n;) {
        const enum paint paint = s->primitives[i].paint;
        int32_t distance = primitive_distance(&s->primitives[i], u, v);
        for (i++; i < s->n && s->primitives[i].combine != COMBINE_NEW; i++) {
            const int32_t other = primitive_distance(&s->primitives[i], u, v);
            const enum combine combine = s->primitives[i].combine;
            if (combine == COMBINE_JOIN) {
                distance = other < distance ? other : distance;
            } else {
                const int32_t limit = combine == COMBINE_CUT ? -other : other;
                distance = limit > distance ? limit : distance;
            }
        }
        /* distance in 1/256 pixel: half a pixel of ramp to each side of the edge */
        const int64_t pixels = (int64_t)distance * t->scale / UNIT * size / (SIDE / 256);
        const int32_t coverage = (int32_t)(pixels < -128 ? 256 : pixels > 128 ? 0 : 128 - pixels);
        if (coverage > 0) {
            const struct colour colour = thing_colour(t, paint, u, v, x, y);
            blend(canvas, &colour, coverage);
        }
    }
}

static void paint_thing(uint16_t *canvas, const struct thing *t, int size)
{
    const int32_t reach = (int32_t)((int64_t)t->scale * 5 / 2); /* parts off their pivot stay within */
    const int left = clamp((int32_t)((int64_t)(t->x - reach) * size / SIDE), 0, size);
    const int right = clamp((int32_t)((int64_t)(t->x + reach) * size / SIDE) + 1, 0, size);
    const int top = clamp((int32_t)((int64_t)(t->y - reach) * size / SIDE), 0, size);
    const int bottom = clamp((int32_t)((int64_t)(t->y + reach) * size / SIDE) + 1, 0, size);
    for (int row = top; row < bottom; row++) {
        for (int column = left; column < right; column++) {
            const int32_t x = (int32_t)((int64_t)(2 * column + 1) * SIDE / (2 * size));
            const int32_t y = (int32_t)((int64_t)(2 * row + 1) * SIDE / (2 * size));
            const int64_t dx = x - t->x, dy = y - t->y;
            const int32_t u = (int32_t)((dx * t->cos + dy * t->sin) / t->scale),
                          v = (int32_t)((dy * t->cos - dx * t->sin) / t->scale);
            const int32_t object_u = (t->mirrored ? -u : u) + t->pivot_x, object_v = v + t->pivot_y;
            if (abs(object_u) < UNIT * 3 / 2 && abs(object_v) < UNIT * 3 / 2) {
                paint_pixel(canvas + ((size_t)row * size + column) * 3, t, size, object_u, object_v, x, y);
            }
        }
    }
}

static void paint_background(uint16_t *canvas, const struct texture *texture, int size)
{
    for (int row = 0; row < size; row++) {
        for (int column = 0; column < size; column++) {
            const int32_t x = (int32_t)((int64_t)(2 * column + 1) * SIDE / (2 * size));
            const int32_t y = (int32_t)((int64_t)(2 * row + 1) * SIDE / (2 * size));
            const struct colour colour = texture_at(texture, x, y);
            for (int c = 0; c < 3; c++) {
                canvas[((size_t)row * size + column) * 3 + c] = (uint16_t)clamp(colour.rgb[c], 0, FULL - 1);
            }
        }
    }
}

static void apply_light(uint16_t *canvas, const struct scene *scene, int size)
{
    for (int row = 0; row < size; row++) {
        for (int column = 0; column < size; column++) {
            const int32_t x = (2 * column + 1 - size) * 128 / size,
                          y = (2 * row + 1 - size) * 128 / size; /* -128..127 */
            const int32_t along = (x * scene->light_cos + y * scene->light_sin) / UNIT;
            const int32_t gain = scene->exposure * (256 + along * scene->light_amount / 128) / 256;
            uint16_t *pixel = canvas + ((size_t)row * size + column) * 3;
            for (int c = 0; c < 3; c++) {
                pixel[c] = (uint16_t)clamp(pixel[c] * gain / 256, 0, FULL - 1);
            }
        }
    }
}

/* Triangle-weighted mean along n samples `stride` apart, radius in 1/256 sample (above 256). */
static void blur_line(uint16_t *line, uint16_t *copy, int n, size_t stride, int32_t radius)
{
    for (int i = 0; i < n; i++) {
        copy[i] = line[(size_t)i * stride];
    }
    const int reach = (radius - 1) / 256;
    for (int i = 0; i < n; i++) {
        int64_t sum = 0, weight = 0;
        for (int k = -reach; k <= reach; k++) {
            const int32_t w = radius - 256 * abs(k);
            sum += (int64_t)w * copy[clamp(i + k, 0, n - 1)];
            weight += w;
        }
        line[(size_t)i * stride] = (uint16_t)(sum / weight);
    }
}

static void apply_blur(uint16_t *canvas, uint16_t *line, int size, int32_t radius)
{
    for (int i = 0; i < size && radius > 256; i++) {
        for (int c = 0; c < 3; c++) {
            blur_line(canvas + (size_t)i * size * 3 + c, line, size, 3, radius);
        }
    }
    for (int i = 0; i < size && radius > 256; i++) {
        for (int c = 0; c < 3; c++) {
            blur_line(canvas + (size_t)i * 3 + c, line, size, (size_t)size * 3, radius);
        }
    }
}

/* Sum of four bytes: near normal, standard deviation 148. */
static int32_t noise_at(uint32_t seed, size_t position)
{
    const uint32_t bits = hash32(seed ^ hash32((uint32_t)position));
    return (int32_t)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24)) - 510;
}

void synthetic_render(uint64_t seed, int split, int index, int size, unsigned char *rgb)
{
    const size_t samples = (size_t)size * size * 3;
    struct scene *scene = malloc(sizeof *scene);
    uint16_t *canvas = malloc((samples + (size_t)size) * sizeof *canvas);
    if (!scene || !canvas) {
        die("out of memory for a synthetic image of %d x %d", size, size);
    }
    draw_scene(scene, seed, split, index);
    paint_background(canvas, &scene->background, size);
    for (int i = 0; i < scene->n_clutter; i++) {
        paint_thing(canvas, &scene->clutter[i], size);
    }
    paint_thing(canvas, &scene->object, size);
    if (scene->occluded) {
        paint_thing(canvas, &scene->occluder, size);
    }
    apply_light(canvas, scene, size);
    apply_blur(canvas, canvas + samples, size, (int32_t)((int64_t)scene->blur * size / 256));
    for (size_t i = 0; i < samples; i++) {
        const int32_t noisy = canvas[i] + noise_at(scene->noise_seed, i) * scene->noise / 148;
        rgb[i] = (unsigned char)clamp((noisy + 8) / 16, 0, 255);
    }
    free(canvas);
    free(scene);
}
