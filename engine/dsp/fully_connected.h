/*
 * fully_connected.h - what packing and kernel share. Private to engine/dsp/.
 */
#ifndef MCU_DSP_FULLY_CONNECTED_H
#define MCU_DSP_FULLY_CONNECTED_H

/* Inputs whose sum is exact in one go: fully_connected_s8__dsp.c. A multiple of 8. */
enum { MCU_FULLY_CONNECTED_CHUNK = 320 };

/* Taken off the b of a block of MCU_REQUANT_EXACT whose weights are as they are, as one of them is an odd
 * -128: fully_connected_s8__dsp.c. */
enum { MCU_FULLY_CONNECTED_PLAIN_OFFSET = 128 };

#endif
