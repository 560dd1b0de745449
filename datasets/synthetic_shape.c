/*
 * synthetic_shape.c - distances of the primitives. The classes are composed of them in synthetic_classes.c.
 */
#include "datasets/synthetic_shape.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

/* sqrt is correctly rounded by IEEE 754 wherever double is binary64, so its floor is the same everywhere. */
static int32_t root(int64_t square)
{
    return (int32_t)sqrt((double)square);
}

static int32_t length(int32_t x, int32_t y)
{
    return root((int64_t)x * x + (int64_t)y * y);
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Quarter wave by sin(z pi/2) = z/2 (pi - z^2 ((2 pi - 5) - z^2 (pi - 3))), z in Q14; within 0.02 %. */
int32_t fixed_sin(int32_t angle)
{
    const int32_t a = angle & (TURN - 1);
    const int32_t quarter = a & (TURN / 4 - 1);
    const int64_t z = (a & (TURN / 4)) ? TURN / 4 - quarter : quarter;
    const int64_t z2 = z * z >> 14;
    const int64_t inner = 21022 - (z2 * 2320 >> 14);             /* (2 pi - 5), (pi - 3) in Q14 */
    const int64_t sine = z * (51472 - (z2 * inner >> 14)) >> 15; /* pi in Q14; Q14 */
    const int32_t value = (int32_t)(sine >> 2);
    return a >= TURN / 2 ? -value : value;
}

int32_t fixed_cos(int32_t angle)
{
    return fixed_sin(angle + TURN / 4);
}

/* Multiply-high of 32 random bits: a bias below 2^-16 for our ranges, and no loop. */
int32_t fixed_draw(struct rng *rng, int32_t low, int32_t high)
{
    const uint64_t bits = rng_u64(rng) >> 32;
    return low + (int32_t)(bits * (uint64_t)(high - low + 1) >> 32);
}

static int32_t ellipse_distance(const struct primitive *p, int32_t x, int32_t y)
{
    const int32_t u = (int32_t)(((int64_t)x * p->box.cos + (int64_t)y * p->box.sin) / UNIT);
    const int32_t v = (int32_t)(((int64_t)y * p->box.cos - (int64_t)x * p->box.sin) / UNIT);
    const int32_t k =
        length((int32_t)((int64_t)u * UNIT / p->box.rx), (int32_t)((int64_t)v * UNIT / p->box.ry));
    return (int32_t)((int64_t)(k - UNIT) * smaller(p->box.rx, p->box.ry) / UNIT);
}

static int32_t box_distance(const struct primitive *p, int32_t x, int32_t y)
{
    const int32_t u = (int32_t)(((int64_t)x * p->box.cos + (int64_t)y * p->box.sin) / UNIT);
    const int32_t v = (int32_t)(((int64_t)y * p->box.cos - (int64_t)x * p->box.sin) / UNIT);
    const int32_t qx = abs(u) - p->box.rx + p->box.round, qy = abs(v) - p->box.ry + p->box.round;
    const int32_t inside = smaller(larger(qx, qy), 0);
    return inside + length(larger(qx, 0), larger(qy, 0)) - p->box.round;
}

static int32_t limb_distance(const struct primitive *p, int32_t x, int32_t y)
{
    const int64_t dot = (int64_t)x * p->limb.dx + (int64_t)y * p->limb.dy;
    const int64_t square = (int64_t)p->limb.dx * p->limb.dx + (int64_t)p->limb.dy * p->limb.dy + 1;
    int64_t t = dot * UNIT / square; /* position along the limb, Q12 */
    t = t < 0 ? 0 : t > UNIT ? UNIT : t;
    const int32_t ex = x - (int32_t)(t * p->limb.dx / UNIT), ey = y - (int32_t)(t * p->limb.dy / UNIT);
    return length(ex, ey) - p->limb.r0 - (int32_t)(t * (p->limb.r1 - p->limb.r0) / UNIT);
}

static int32_t polygon_distance(const struct primitive *p, int32_t x, int32_t y)
{
    int32_t distance = INT32_MIN;
    for (int i = 0; i < p->polygon.n; i++) {
        const int64_t along = (int64_t)(x - p->polygon.x[i]) * p->polygon.nx[i] +
                              (int64_t)(y - p->polygon.y[i]) * p->polygon.ny[i];
        distance = larger(distance, (int32_t)(along / UNIT));
    }
    return distance;
}

int32_t primitive_distance(const struct primitive *p, int32_t x, int32_t y)
{
    x -= p->x;
    y -= p->y;
    switch (p->kind) {
    case PRIMITIVE_DISC:
        return length(x, y) - p->ring.radius;
    case PRIMITIVE_RING:
        return abs(length(x, y) - p->ring.radius) - p->ring.half_width;
    case PRIMITIVE_ELLIPSE:
        return ellipse_distance(p, x, y);
    case PRIMITIVE_BOX:
        return box_distance(p, x, y);
    case PRIMITIVE_LIMB:
        return limb_distance(p, x, y);
    case PRIMITIVE_POLYGON:
        break;
    }
    return polygon_distance(p, x, y);
}

void shape_take_part(struct shape *out, const struct shape *shape, int index)
{
    int first = index;
    while (first > 0 && shape->primitives[first].combine >= COMBINE_CUT) {
        first--;
    }
    out->n = 0;
    do {
        out->primitives[out->n++] = shape->primitives[first++];
    } while (first < shape->n && shape->primitives[first].combine >= COMBINE_CUT);
    out->primitives[0].combine = COMBINE_NEW;
}
