#include "model/resize.h"

#include <math.h>
#include <stdbool.h>

/* TensorFlow Lite's arithmetic, in float throughout. */
static int tensorflow_source(enum resize_coordinates coordinates, int x, int in, int out)
{
    const bool align = coordinates == RESIZE_ALIGN_CORNERS;
    const float scale = align && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    const float offset = coordinates == RESIZE_HALF_PIXEL ? 0.5f : 0.0f;
    const float at = ((float)x + offset) * scale;
    return (int)(align ? roundf(at) : floorf(at));
}

static int rounded(double at, enum resize_rounding rounding)
{
    switch (rounding) {
    case RESIZE_FLOOR:
        return (int)floor(at);
    case RESIZE_CEIL:
        return (int)ceil(at);
    case RESIZE_HALVES_DOWN:
        return (int)ceil(at - 0.5);
    case RESIZE_HALVES_UP:
        break;
    }
    return (int)floor(at + 0.5);
}

static double coordinate(enum resize_coordinates coordinates, int x, int in, int out)
{
    switch (coordinates) {
    case RESIZE_HALF_PIXEL:
        return (x + 0.5) * in / out - 0.5;
    case RESIZE_ALIGN_CORNERS:
        return out > 1 ? (double)x * (in - 1) / (out - 1) : 0;
    case RESIZE_ASYMMETRIC:
        break;
    }
    return (double)x * in / out;
}

int resize_source(enum resize_coordinates coordinates, enum resize_rounding rounding, int x, int in, int out)
{
    const enum resize_rounding theirs = coordinates == RESIZE_ASYMMETRIC ? RESIZE_FLOOR : RESIZE_HALVES_UP;
    const int source = rounding == theirs ? tensorflow_source(coordinates, x, in, out)
                                          : rounded(coordinate(coordinates, x, in, out), rounding);
    return source < 0 ? 0 : source >= in ? in - 1 : source;
}
