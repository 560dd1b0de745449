/*
 * synthetic_shape.h - the ten classes as signed-distance shapes in fixed point.
 *
 * Object space: 4096 (UNIT) is 1.0, x to the right, y down, every object within about [-1, 1]. A shape is a
 * list of groups painted one over the other; a group is primitives joined, cut or intersected, and one paint:
 *
 *     shape:  [NEW disc, JOIN box, CUT disc] paint main   ->   [NEW ellipse] paint accent   -> ...
 *
 * Only integers and correctly rounded square roots: the same distances on every machine.
 */
#ifndef DATASETS_SYNTHETIC_SHAPE_H
#define DATASETS_SYNTHETIC_SHAPE_H

#include <stdint.h>

struct rng;

enum { UNIT = 4096, TURN = 65536, SHAPE_PRIMITIVES = 40, POLYGON_SIDES = 6 };

enum paint { PAINT_MAIN, PAINT_SHADE, PAINT_TINT, PAINT_ACCENT, PAINT_DARK, PAINT_LIGHT, PAINTS };
enum combine { COMBINE_NEW, COMBINE_JOIN, COMBINE_CUT, COMBINE_AND };
enum primitive_kind {
    PRIMITIVE_DISC,
    PRIMITIVE_ELLIPSE,
    PRIMITIVE_BOX,
    PRIMITIVE_LIMB,
    PRIMITIVE_RING,
    PRIMITIVE_POLYGON
};

struct primitive {
    enum primitive_kind kind;
    enum combine combine;
    enum paint paint; /* read at COMBINE_NEW */
    int32_t x, y;     /* centre */
    union {
        struct {
            int32_t radius, half_width;
        } ring; /* a disc reads radius */
        struct {
            int32_t rx, ry, cos, sin, round;
        } box; /* also the ellipse */
        struct {
            int32_t dx, dy, r0, r1; /* from the centre to the far end, radii of both ends */
        } limb;
        struct {
            int n;
            int32_t x[POLYGON_SIDES], y[POLYGON_SIDES];   /* a point on each side, relative to the centre */
            int32_t nx[POLYGON_SIDES], ny[POLYGON_SIDES]; /* outward unit normals */
        } polygon;                                        /* convex */
    };
};

struct shape {
    struct primitive primitives[SHAPE_PRIMITIVES];
    int n;
};

/* sin and cos of angle / 65536 turns, scaled by UNIT. */
int32_t fixed_sin(int32_t angle);
int32_t fixed_cos(int32_t angle);
/* Uniform integer in [low, high]. */
int32_t fixed_draw(struct rng *rng, int32_t low, int32_t high);

/* One instance of a class, varied by rng. */
void shape_draw_class(struct shape *shape, int label, struct rng *rng);
/* One primitive of a shape with what is cut from it: a part that does not make the class. */
void shape_take_part(struct shape *out, const struct shape *shape, int index);
/* Signed distance of (x, y) to a primitive, object units; negative inside. */
int32_t primitive_distance(const struct primitive *primitive, int32_t x, int32_t y);

#endif
