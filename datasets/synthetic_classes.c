/*
 * synthetic_classes.c - the ten classes, each a function that composes an instance from primitives.
 *
 * Lengths are in hundredths of the object unit. Everything that varies within a class is drawn by vary(), so
 * that no class has one silhouette (never two of them in one expression: C leaves the order of arguments
 * open); colours are the scene's business (synthetic.c) and never tell the class.
 */
#include "datasets/synthetic_shape.h"

#include <math.h>

#include "base/error.h"
#include "base/rng.h"
#include "datasets/synthetic.h"

static int32_t hundredths(int32_t value)
{
    return value * UNIT / 100;
}

static int32_t vary(struct rng *rng, int32_t low, int32_t high)
{
    return fixed_draw(rng, low, high);
}

static int chance(struct rng *rng, int percent)
{
    return fixed_draw(rng, 0, 99) < percent;
}

static struct primitive *add(struct shape *shape, enum primitive_kind kind, enum combine combine,
                             enum paint paint, int32_t x, int32_t y)
{
    if (shape->n == SHAPE_PRIMITIVES) {
        die("synthetic shape of more than %d primitives", SHAPE_PRIMITIVES);
    }
    struct primitive *p = &shape->primitives[shape->n++];
    *p = (struct primitive){
        .kind = kind, .combine = combine, .paint = paint, .x = hundredths(x), .y = hundredths(y)};
    return p;
}

static void disc(struct shape *s, enum combine combine, enum paint paint, int32_t x, int32_t y,
                 int32_t radius)
{
    add(s, PRIMITIVE_DISC, combine, paint, x, y)->ring.radius = hundredths(radius);
}

static void ring(struct shape *s, enum combine combine, enum paint paint, int32_t x, int32_t y,
                 int32_t radius, int32_t half_width)
{
    struct primitive *p = add(s, PRIMITIVE_RING, combine, paint, x, y);
    p->ring.radius = hundredths(radius);
    p->ring.half_width = hundredths(half_width);
}

static void ellipse(struct shape *s, enum combine combine, enum paint paint, int32_t x, int32_t y, int32_t rx,
                    int32_t ry, int32_t angle)
{
    struct primitive *p = add(s, PRIMITIVE_ELLIPSE, combine, paint, x, y);
    p->box.rx = hundredths(rx);
    p->box.ry = hundredths(ry);
    p->box.cos = fixed_cos(angle);
    p->box.sin = fixed_sin(angle);
}

/* The rectangle left, top, right, bottom with rounded corners. */
static void box(struct shape *s, enum combine combine, enum paint paint, int32_t left, int32_t top,
                int32_t right, int32_t bottom, int32_t round)
{
    struct primitive *p = add(s, PRIMITIVE_BOX, combine, paint, 0, 0);
    p->x = hundredths(left + right) / 2;
    p->y = hundredths(top + bottom) / 2;
    p->box.rx = hundredths(right - left) / 2;
    p->box.ry = hundredths(bottom - top) / 2;
    p->box.cos = UNIT;
    p->box.round = hundredths(round);
}

static void limb(struct shape *s, enum combine combine, enum paint paint, int32_t x0, int32_t y0, int32_t x1,
                 int32_t y1, int32_t r0, int32_t r1)
{
    struct primitive *p = add(s, PRIMITIVE_LIMB, combine, paint, x0, y0);
    p->limb.dx = hundredths(x1 - x0);
    p->limb.dy = hundredths(y1 - y0);
    p->limb.r0 = hundredths(r0);
    p->limb.r1 = hundredths(r1);
}

/* Convex, corners in clockwise order as seen (y down). */
static void polygon(struct shape *s, enum combine combine, enum paint paint, int n,
                    const int32_t corners[][2])
{
    struct primitive *p = add(s, PRIMITIVE_POLYGON, combine, paint, 0, 0);
    int32_t sum_x = 0, sum_y = 0;
    for (int i = 0; i < n; i++) {
        sum_x += hundredths(corners[i][0]);
        sum_y += hundredths(corners[i][1]);
    }
    p->x = sum_x / n;
    p->y = sum_y / n;
    p->polygon.n = n;
    for (int i = 0; i < n; i++) {
        const int32_t *a = corners[i], *b = corners[(i + 1) % n];
        const int32_t dx = hundredths(b[0] - a[0]), dy = hundredths(b[1] - a[1]);
        const int32_t side = (int32_t)sqrt((double)((int64_t)dx * dx + (int64_t)dy * dy)) + 1;
        p->polygon.x[i] = hundredths(a[0]) - p->x;
        p->polygon.y[i] = hundredths(a[1]) - p->y;
        p->polygon.nx[i] = (int32_t)((int64_t)dy * UNIT / side);
        p->polygon.ny[i] = (int32_t)(-(int64_t)dx * UNIT / side);
    }
}

static void draw_cup(struct shape *s, struct rng *rng)
{
    const int32_t top = vary(rng, 42, 62), bottom = top * vary(rng, 60, 100) / 100,
                  height = vary(rng, 45, 72);
    const int32_t handle = vary(rng, 20, 32), handle_y = vary(rng, -8, 8);
    if (chance(rng, 25)) {
        ellipse(s, COMBINE_NEW, PAINT_ACCENT, 0, height, bottom + 30, vary(rng, 8, 14), 0);
    }
    ring(s, COMBINE_NEW, PAINT_SHADE, (top + bottom) / 2 + handle / 3, handle_y, handle, vary(rng, 5, 9));
    polygon(s, COMBINE_NEW, PAINT_MAIN, 4,
            (const int32_t[][2]){{-top, -height}, {top, -height}, {bottom, height}, {-bottom, height}});
    ellipse(s, COMBINE_JOIN, PAINT_MAIN, 0, height, bottom, 8, 0);
    if (chance(rng, 50)) {
        const int32_t y = vary(rng, -20, 10);
        box(s, COMBINE_NEW, PAINT_ACCENT, -bottom + 6, y, bottom - 6, y + vary(rng, 10, 28), 3);
    }
    ellipse(s, COMBINE_NEW, PAINT_TINT, 0, -height, top, vary(rng, 9, 15), 0);
    ellipse(s, COMBINE_NEW, PAINT_DARK, 0, -height, top - 7, 7, 0);
}

static void draw_key(struct shape *s, struct rng *rng)
{
    const int32_t bow = vary(rng, 26, 38), shaft = vary(rng, 6, 10), end = vary(rng, 84, 98);
    if (chance(rng, 65)) {
        ring(s, COMBINE_NEW, PAINT_MAIN, 0, -60, bow, vary(rng, 8, 13));
    } else {
        box(s, COMBINE_NEW, PAINT_MAIN, -bow, -60 - bow, bow, -60 + bow, vary(rng, 5, 20));
        disc(s, COMBINE_CUT, PAINT_MAIN, 0, -60 - bow / 4, bow / 2);
    }
    box(s, COMBINE_JOIN, PAINT_MAIN, -shaft, -62 + bow, shaft, end, 3);
    const int teeth = vary(rng, 2, 4), first = end - 5, step = vary(rng, 15, 20);
    for (int i = 0; i < teeth; i++) {
        const int32_t y = first - i * step;
        box(s, COMBINE_JOIN, PAINT_MAIN, 0, y - 10, shaft + vary(rng, 12, 26), y, 1);
    }
    if (chance(rng, 40)) {
        box(s, COMBINE_NEW, PAINT_ACCENT, -shaft - 4, -62 + bow + 6, shaft + 4, -62 + bow + 16, 2);
    }
}

static void draw_bottle(struct shape *s, struct rng *rng)
{
    const int32_t body = vary(rng, 24, 40), neck = vary(rng, 8, 13), shoulder = vary(rng, -40, -5),
                  rise = vary(rng, 12, 34);
    const int32_t top = vary(rng, -92, -80);
    box(s, COMBINE_NEW, PAINT_MAIN, -body, shoulder, body, 95, vary(rng, 3, 10));
    polygon(
        s, COMBINE_JOIN, PAINT_MAIN, 4,
        (const int32_t[][2]){
            {-neck, shoulder - rise}, {neck, shoulder - rise}, {body, shoulder + 6}, {-body, shoulder + 6}});
    box(s, COMBINE_JOIN, PAINT_MAIN, -neck, top, neck, shoulder, 2);
    box(s, COMBINE_NEW, PAINT_ACCENT, -neck - 3, top - 6, neck + 3, top + vary(rng, 8, 14), 3);
    if (chance(rng, 70)) {
        const int32_t y = vary(rng, shoulder + 18, 40);
        box(s, COMBINE_NEW, PAINT_LIGHT, -body + 1, y, body - 1, y + vary(rng, 20, 45), 0);
    }
    if (chance(rng, 60)) {
        limb(s, COMBINE_NEW, PAINT_TINT, -body * 6 / 10, shoulder + 10, -body * 6 / 10, 80, 3, 3);
    }
}

static void draw_leaf(struct shape *s, struct rng *rng)
{
    const int lobed = chance(rng, 35);
    const int32_t width = vary(rng, 28, 50);
    if (lobed) {
        const int lobes = vary(rng, 3, 4);
        ellipse(s, COMBINE_NEW, PAINT_MAIN, 0, -5, width * 6 / 10, 78, 0);
        for (int i = 0; i < lobes; i++) {
            const int32_t y = -45 + i * 100 / lobes, reach = width - i % 2 * 6;
            limb(s, COMBINE_JOIN, PAINT_MAIN, 0, y + 14, reach, y - 8, 15, 10);
            limb(s, COMBINE_JOIN, PAINT_MAIN, 0, y + 14, -reach, y - 8, 15, 10);
        }
    } else {
        /* The lens of two discs whose arcs meet at (0, +-88) and bulge to +-width. */
        const int32_t radius = (88 * 88 + width * width) / (2 * width);
        disc(s, COMBINE_NEW, PAINT_MAIN, radius - width, 0, radius);
        disc(s, COMBINE_AND, PAINT_MAIN, width - radius, 0, radius);
    }
    limb(s, COMBINE_JOIN, PAINT_MAIN, 0, 70, vary(rng, -14, 14), 100, 4, 3);
    const enum paint vein = chance(rng, 50) ? PAINT_SHADE : PAINT_TINT;
    limb(s, COMBINE_NEW, vein, 0, 80, 0, -70, 4, 1);
    const int veins = vary(rng, 2, 4);
    const int32_t lift = vary(rng, 10, 24);
    for (int i = 0; i < veins; i++) {
        const int32_t y = 45 - i * 90 / veins, reach = width * 62 / 100;
        limb(s, COMBINE_JOIN, vein, 0, y, reach, y - lift, 2, 1);
        limb(s, COMBINE_JOIN, vein, 0, y, -reach, y - lift, 2, 1);
    }
}

static void draw_shoe(struct shape *s, struct rng *rng)
{
    const int32_t collar = vary(rng, -62, -20), toe = vary(rng, 14, 22), ankle = vary(rng, -34, -22);
    polygon(s, COMBINE_NEW, PAINT_MAIN, 5,
            (const int32_t[][2]){{-88, collar}, {ankle, collar}, {12, 12}, {12, 50}, {-86, 50}});
    limb(s, COMBINE_JOIN, PAINT_MAIN, -10, 30, 70, 46 - toe / 3, 28, toe);
    if (chance(rng, 35)) {
        polygon(s, COMBINE_NEW, PAINT_ACCENT, 4,
                (const int32_t[][2]){{-88, 46}, {-50, 46}, {-58, 92}, {-80, 92}});
        limb(s, COMBINE_JOIN, PAINT_ACCENT, -60, 50, 80, 60, 6, 5);
    } else {
        box(s, COMBINE_NEW, PAINT_ACCENT, -92, 46, 93, 46 + vary(rng, 12, 22), 6);
    }
    ellipse(s, COMBINE_NEW, PAINT_DARK, (ankle - 88) / 2, collar, (ankle + 88) / 2, 6, 0);
    const int laces = vary(rng, 0, 3);
    for (int i = 0; i < laces; i++) {
        const int32_t x = ankle + 12 + i * 15, y = collar / 2 + 8 + i * 10;
        limb(s, COMBINE_NEW, PAINT_LIGHT, x - 12, y + 12, x + 5, y - 4, 3, 3);
    }
}

static void draw_fish(struct shape *s, struct rng *rng)
{
    const int32_t rx = vary(rng, 54, 72), ry = vary(rng, 24, 42), tail = vary(rng, 22, 42), root = 40 - rx;
    polygon(s, COMBINE_NEW, PAINT_SHADE, 3, (const int32_t[][2]){{root - 10, 0}, {-88, tail}, {-96, -tail}});
    disc(s, COMBINE_CUT, PAINT_SHADE, -104, 0, vary(rng, 10, 20));
    const int32_t fin = vary(rng, 14, 30);
    polygon(s, COMBINE_NEW, PAINT_ACCENT, 3,
            (const int32_t[][2]){{-10, -ry - fin}, {45, -ry + 10}, {-20, -ry + 12}});
    ellipse(s, COMBINE_NEW, PAINT_MAIN, 20, 0, rx, ry, 0);
    const int stripes = chance(rng, 45) ? vary(rng, 1, 3) : 0;
    for (int i = 0; i < stripes; i++) {
        const int32_t x = -14 + i * 22;
        box(s, COMBINE_NEW, PAINT_ACCENT, x, -ry, x + 10, ry, 0);
        ellipse(s, COMBINE_AND, PAINT_ACCENT, 20, 0, rx, ry, 0);
    }
    const int32_t gill = vary(rng, 12, 20);
    ellipse(s, COMBINE_NEW, PAINT_TINT, 18, vary(rng, 4, 12), gill, 7, TURN / 16);
    disc(s, COMBINE_NEW, PAINT_LIGHT, rx - 2, -ry / 4, 8);
    disc(s, COMBINE_NEW, PAINT_DARK, rx, -ry / 4, 4);
}

static void draw_house(struct shape *s, struct rng *rng)
{
    const int32_t wall = vary(rng, 48, 74), eaves = vary(rng, -25, 5), ridge = vary(rng, -92, -62),
                  over = vary(rng, 6, 18);
    const int32_t peak = vary(rng, -20, 20), base = vary(rng, 65, 85);
    if (chance(rng, 55)) {
        const int32_t x = vary(rng, 20, 34);
        box(s, COMBINE_NEW, PAINT_SHADE, x, ridge, x + 16, eaves, 0);
    }
    box(s, COMBINE_NEW, PAINT_MAIN, -wall, eaves - 3, wall, base, 0);
    polygon(s, COMBINE_NEW, PAINT_ACCENT, 3,
            (const int32_t[][2]){{-wall - over, eaves}, {peak, ridge}, {wall + over, eaves}});
    const int32_t door = vary(rng, -35, 8), width = vary(rng, 18, 28);
    box(s, COMBINE_NEW, PAINT_DARK, door, base - vary(rng, 38, 50), door + width, base, 0);
    const int32_t y = eaves + vary(rng, 8, 16), window = vary(rng, 15, 22);
    box(s, COMBINE_NEW, PAINT_LIGHT, wall - 12 - window, y, wall - 12, y + window, 0);
    if (chance(rng, 60)) {
        box(s, COMBINE_JOIN, PAINT_LIGHT, -wall + 10, y, -wall + 10 + window, y + window, 0);
    }
}

static void draw_hammer(struct shape *s, struct rng *rng)
{
    const int32_t grip = vary(rng, 7, 11), head = vary(rng, 38, 56), half = vary(rng, 13, 20),
                  y = vary(rng, -70, -55);
    limb(s, COMBINE_NEW, PAINT_ACCENT, 0, y, 0, 88, grip - 2, grip);
    if (chance(rng, 60)) {
        limb(s, COMBINE_NEW, PAINT_SHADE, 0, vary(rng, 20, 45), 0, 88, grip + 2, grip + 2);
    }
    const int mallet = chance(rng, 30);
    box(s, COMBINE_NEW, PAINT_MAIN, mallet ? -head : -10, y - half, head, y + half, 4);
    if (!mallet) {
        box(s, COMBINE_JOIN, PAINT_MAIN, head - 12, y - half - 5, head + 4, y + half + 5, 3);
        polygon(s, COMBINE_JOIN, PAINT_MAIN, 3,
                (const int32_t[][2]){{-head - 14, y + vary(rng, 0, 26)}, {-8, y - half}, {-6, y + half}});
    }
}

static void draw_flower(struct shape *s, struct rng *rng)
{
    const int petals = vary(rng, 5, 9);
    const int32_t from = vary(rng, 0, TURN - 1), out = vary(rng, 48, 56), reach = 96 - out;
    const int32_t width = petals < 7 ? vary(rng, 18, 27) : vary(rng, 12, 18);
    const int pointed = chance(rng, 40);
    for (int i = 0; i < petals; i++) {
        const int32_t angle = from + i * TURN / petals, c = fixed_cos(angle), n = fixed_sin(angle);
        const enum combine combine = i == 0 ? COMBINE_NEW : COMBINE_JOIN;
        if (pointed) {
            limb(s, combine, PAINT_MAIN, 25 * c / UNIT, 25 * n / UNIT, 94 * c / UNIT, 94 * n / UNIT, width,
                 2);
        } else {
            ellipse(s, combine, PAINT_MAIN, out * c / UNIT, out * n / UNIT, reach, width, angle);
        }
    }
    const int32_t centre = vary(rng, 17, 29);
    disc(s, COMBINE_NEW, PAINT_ACCENT, 0, 0, centre);
    if (chance(rng, 50)) {
        disc(s, COMBINE_NEW, PAINT_DARK, 0, 0, centre / 2);
    }
}

static void draw_car(struct shape *s, struct rng *rng)
{
    const int32_t half = vary(rng, 80, 96), belt = vary(rng, -8, 4), floor = belt + vary(rng, 32, 44),
                  roof = belt - vary(rng, 30, 46);
    const int32_t front = vary(rng, 12, 40), rear = vary(rng, -70, -45), slope = vary(rng, 8, 30);
    const int32_t wheel = vary(rng, 16, 23), axle = half * vary(rng, 52, 64) / 100;
    polygon(s, COMBINE_NEW, PAINT_MAIN, 4,
            (const int32_t[][2]){{rear + slope / 2, roof},
                                 {front - slope / 2, roof},
                                 {front + slope, belt + 4},
                                 {rear - 8, belt + 4}});
    box(s, COMBINE_JOIN, PAINT_MAIN, -half, belt, half, floor, vary(rng, 6, 14));
    polygon(s, COMBINE_NEW, PAINT_LIGHT, 4,
            (const int32_t[][2]){{rear + slope / 2 + 5, roof + 7},
                                 {front - slope / 2 - 4, roof + 7},
                                 {front + slope - 10, belt},
                                 {rear + 3, belt}});
    const int32_t pillar = (front + rear) / 2;
    box(s, COMBINE_NEW, PAINT_MAIN, pillar - 3, roof, pillar + 3, belt, 0);
    box(s, COMBINE_NEW, PAINT_ACCENT, half - 12, belt + 6, half - 1, belt + 15, 3);
    for (int side = -1; side <= 1; side += 2) {
        disc(s, COMBINE_NEW, PAINT_DARK, side * axle, floor, wheel);
        disc(s, COMBINE_NEW, PAINT_TINT, side * axle, floor, wheel * 45 / 100);
    }
}

/* Label order, which is also that of sorted folder names: an exported set keeps its labels. */
#define CLASSES(X) X(bottle) X(car) X(cup) X(fish) X(flower) X(hammer) X(house) X(key) X(leaf) X(shoe)

static const struct {
    const char *name;
    void (*draw)(struct shape *shape, struct rng *rng);
} classes[SYNTHETIC_CLASSES] = {
#define CLASS_ENTRY(name) {#name, draw_##name},
    CLASSES(CLASS_ENTRY)
#undef CLASS_ENTRY
};

const char *synthetic_class_name(int label)
{
    return classes[label].name;
}

void shape_draw_class(struct shape *shape, int label, struct rng *rng)
{
    shape->n = 0;
    classes[label].draw(shape, rng);
}
