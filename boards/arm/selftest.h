/*
 * selftest.h - one inference on a fixed pattern: the CRC-32 of its output is the same on the host, in the
 * emulator and on the board.
 */
#ifndef MCU_SELFTEST_H
#define MCU_SELFTEST_H

#include <stdint.h>

/* input[i] = (i * 37 + 11) mod 256 - 128 */
void mcu_selftest_input(void);
/* CRC-32 (zlib's) of the model's output. */
uint32_t mcu_selftest_crc(void);

#endif
