/* weights.h - constant arrays of the network, by operator. Written by mcunet; do not edit. */
#ifndef MCU_WEIGHTS_H
#define MCU_WEIGHTS_H

#include <stdint.h>

extern const int8_t conv_0_weights[112]; /* (out 4, 3, 3, in 3), laid out for the kernel: narrow */
extern const int32_t conv_0_requant[12];

extern const int8_t conv_1_weights[32]; /* (out 8, 1, 1, in 4), laid out for the kernel: narrow */
extern const int32_t conv_1_requant[24];

extern const int8_t depthwise_2_weights[96]; /* (3, 3, channels 8), laid out for the kernel: narrow */
extern const int32_t depthwise_2_requant[24];

extern const int8_t conv_3_weights[32]; /* (out 4, 1, 1, in 8), laid out for the kernel: narrow */
extern const int32_t conv_3_requant[12];

extern const int32_t add_4_table[256]; /* of input, as unsigned */

extern const int8_t fully_connected_6_weights[64]; /* (out 5, in 4), laid out for the kernel: narrow */
extern const int32_t fully_connected_6_requant[24];

#endif
