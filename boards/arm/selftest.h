/*
 * selftest.h - one inference on a fixed pattern: the CRC-32 of its output is the same on the host, in the
 * emulator and on the board.
 */
#ifndef MCU_SELFTEST_H
#define MCU_SELFTEST_H

#include <stdint.h>

struct mcu_selftest_result {
    uint32_t done; /* 1 when crc is valid */
    uint32_t crc;
};
/* Where a debugger finds the CRC on the board. */
extern volatile struct mcu_selftest_result mcu_selftest_result;

/* input[i] = (i * 37 + 11) mod 256 - 128 */
void mcu_selftest_input(void);
/* CRC-32 (zlib's) of the model's output; also stored in mcu_selftest_result. */
uint32_t mcu_selftest_crc(void);

#endif
