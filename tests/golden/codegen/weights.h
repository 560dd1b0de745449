/* weights.h - constant arrays of the network, by operator. Written by mcunet; do not edit. */
#ifndef MCU_WEIGHTS_H
#define MCU_WEIGHTS_H

#include <stdint.h>

extern const int8_t conv_0_weights[108]; /* (out 4, 3, 3, in 3) */
extern const int32_t conv_0_bias[4];
extern const int32_t conv_0_multiplier[4];
extern const int8_t conv_0_shift[4];

extern const int8_t conv_1_weights[32]; /* (out 8, 1, 1, in 4) */
extern const int32_t conv_1_bias[8];
extern const int32_t conv_1_multiplier[8];
extern const int8_t conv_1_shift[8];

extern const int8_t depthwise_2_weights[72]; /* (3, 3, channels 8) */
extern const int32_t depthwise_2_bias[8];
extern const int32_t depthwise_2_multiplier[8];
extern const int8_t depthwise_2_shift[8];

extern const int8_t conv_3_weights[32]; /* (out 4, 1, 1, in 8) */
extern const int32_t conv_3_bias[4];
extern const int32_t conv_3_multiplier[4];
extern const int8_t conv_3_shift[4];

extern const int8_t fully_connected_6_weights[20]; /* (out 5, in 4) */
extern const int32_t fully_connected_6_bias[5];
extern const int32_t fully_connected_6_multiplier[5];
extern const int8_t fully_connected_6_shift[5];

#endif
