#include "selftest.h"

#include "model.h"

volatile struct mcu_selftest_result mcu_selftest_result;

void mcu_selftest_input(void)
{
    int8_t *input = mcu_model_input();
    for (int32_t i = 0; i < MCU_INPUT_BYTES; i++)
        input[i] = (int8_t)((i * 37 + 11) % 256 - 128);
}

uint32_t mcu_selftest_crc(void)
{
    const int8_t *output = mcu_model_output();
    uint32_t crc = 0xFFFFFFFFu;
    for (int32_t i = 0; i < MCU_OUTPUT_BYTES; i++) {
        crc ^= (uint8_t)output[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
    mcu_selftest_result.crc = ~crc;
    mcu_selftest_result.done = 1;
    return ~crc;
}
