/*
 * weights.c - weights, biases, multipliers, shifts and tables of the network.
 *
 * Written by mcunet 0.1.0; do not edit. real weight = scale of its output channel * value; a bias has the scale
 * of input * weight; an accumulator becomes an output by multiplier * 2^(shift - 31).
 */
#include "weights.h"

/* CONV_2D "/conv_0": weights (out 4, 3, 3, in 3) */
_Alignas(4) const int8_t conv_0_weights[108] = {
    -65, -14, -106, -49, 3, 126, 34, -69, -111, -41, 90, -108, -32, 86, -122, -104, -77, 125, -81, 17, -54, 119, 125, -58,
    -106, -60, 96, 60, 46, 85, 92, -69, -81, -123, -63, 104, -34, 37, 37, 69, 0, -61, 95, 22, -37, 57, 106, -84,
    30, 45, 44, 7, 41, 29, 32, 49, -116, -127, 90, -43, -54, 0, -93, 3, 38, 99, 40, 42, 87, 27, 15, -19,
    -43, -9, -127, -72, -38, 58, -92, 112, -121, -93, 0, 43, -106, -75, 2, -106, 56, -108, 54, -37, 93, 20, 66, 66,
    69, 20, 61, 114, -2, 57, -35, 109, -44, 45, 32, 47,
};
const int32_t conv_0_bias[4] = {
    -1656, -373, 332, -276,
};
const int32_t conv_0_multiplier[4] = {
    1383172829, 1114006581, 1741173369, 1963274799,
};
_Alignas(4) const int8_t conv_0_shift[4] = {
    -9, -9, -10, -10,
};

/* CONV_2D "/conv_1": weights (out 8, 1, 1, in 4) */
_Alignas(4) const int8_t conv_1_weights[32] = {
    106, 124, 0, -94, -11, 5, 23, 112, 85, -97, -76, 74, -36, -69, -22, 85, 86, 46, 118, 127, -36, -107, -41, -8,
    -59, -1, -92, 22, -60, -99, 19, -114,
};
const int32_t conv_1_bias[8] = {
    -862, -1277, -801, -1119, -442, 1049, -325, 1801,
};
const int32_t conv_1_multiplier[8] = {
    1227732089, 1656548362, 1959106987, 1112548704, 1607253148, 1131690394, 1968994612, 1771956920,
};
_Alignas(4) const int8_t conv_1_shift[8] = {
    -6, -7, -7, -6, -7, -6, -7, -7,
};

/* DEPTHWISE_CONV_2D "/depthwise_2": weights (3, 3, channels 8) */
_Alignas(4) const int8_t depthwise_2_weights[72] = {
    -77, 96, 89, -58, 43, 4, -79, -71, -18, 6, -55, 19, 84, -82, 7, 45, 87, 100, 60, -24, -51, -111, -65, -73,
    39, 86, 76, -57, 105, -99, 33, -38, -7, 117, 108, 60, 59, 11, 88, -61, -101, 62, 19, 58, 113, -36, 90, 75,
    38, 126, -40, 59, -81, 92, -52, -111, -71, 77, -16, 30, 79, 4, 69, 124, -54, 93, 88, -94, -15, 57, 99, 99,
};
const int32_t depthwise_2_bias[8] = {
    -1095, -1016, -1341, 807, -1961, 1677, -471, 253,
};
const int32_t depthwise_2_multiplier[8] = {
    2055194584, 1508650381, 1092291129, 1642088606, 2029939623, 1235260452, 1848173384, 1457133046,
};
_Alignas(4) const int8_t depthwise_2_shift[8] = {
    -8, -8, -7, -8, -8, -7, -8, -7,
};

/* CONV_2D "/conv_3": weights (out 4, 1, 1, in 8) */
_Alignas(4) const int8_t conv_3_weights[32] = {
    -100, -48, 85, -23, 114, -80, 41, 74, 105, 4, 116, -103, -126, -10, -122, -33, 126, -13, -74, 113, -94, -79, -29, -9,
    78, 1, 94, -85, 0, 9, -85, 4,
};
const int32_t conv_3_bias[4] = {
    -1268, -1599, -1543, 864,
};
const int32_t conv_3_multiplier[4] = {
    2061878552, 1080529504, 1279403697, 1166173045,
};
_Alignas(4) const int8_t conv_3_shift[4] = {
    -7, -6, -7, -7,
};

/* FULLY_CONNECTED "/classifier_6": weights (out 5, in 4) */
_Alignas(4) const int8_t fully_connected_6_weights[20] = {
    96, 4, 85, 48, -8, -93, 15, 37, -6, -4, -83, 5, -121, 35, -20, -91, 24, 67, 108, 99,
};
const int32_t fully_connected_6_bias[5] = {
    441, -1961, -246, 1626, 497,
};
const int32_t fully_connected_6_multiplier[5] = {
    1405341271, 1620442557, 1352039150, 1441852714, 1745484365,
};
_Alignas(4) const int8_t fully_connected_6_shift[5] = {
    -6, -6, -6, -6, -7,
};
