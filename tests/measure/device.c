#include "device.h"

#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MCU_MODEL_SHA256      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MCU_GENERATOR_VERSION "1.2.3"
#define MCU_BOARD_NAME        "stand-in"
#define main                  harness_main
#include "boards/arm/harness.c"
#include "boards/arm/selftest.c"
#undef main

struct device device = {.fd = -1};

static jmp_buf end;
static uint32_t ticks;
static int8_t arena[MCU_ARENA_BYTES];
volatile struct mcu_fault_record mcu_fault_record;

/* ---- the model --------------------------------------------------------------------------------------------
 */

int8_t *mcu_model_input(void)
{
    return arena;
}

const int8_t *mcu_model_output(void)
{
    return arena + MCU_INPUT_BYTES;
}

void mcu_model_run(void)
{
    device.runs++;
    if (device.fault) {
        mcu_fault_record.exception = 5;
        mcu_fault_record.address = 0x20050000;
        mcu_fault_stop();
    }
    for (uint32_t layer = 0; layer < MCU_LAYERS; layer++) {
        mcu_layer(layer);
        ticks += DEVICE_LAYER_TICKS + layer;
    }
    for (int i = 0; i < MCU_OUTPUT_BYTES; i++)
        arena[MCU_INPUT_BYTES + i] = (int8_t)~arena[i];
    if (device.wrong_output)
        arena[MCU_INPUT_BYTES + 7] ^= 1;
    memset(arena, 0x55, MCU_INPUT_BYTES);
}

/* ---- the rest of the board --------------------------------------------------------------------------------
 */

uint32_t mcu_stack_used(void)
{
    return 640;
}

uint32_t mcu_stack_reserved(void)
{
    return 2048;
}

void mcu_port_init(uint32_t baud)
{
    (void)baud;
}

uint32_t mcu_port_clock_hz(void)
{
    return DEVICE_CLOCK_HZ;
}

uint32_t mcu_port_tick_hz(void)
{
    return DEVICE_CLOCK_HZ;
}

enum mcu_port_counter mcu_port_counter(void)
{
    return MCU_COUNTER_CORE_CYCLES;
}

uint32_t mcu_port_ticks(void)
{
    return ticks += 5;
}

int mcu_port_get(void)
{
    struct pollfd fd = {.fd = device.fd, .events = POLLIN};
    unsigned char byte;
    if (device.stop)
        longjmp(end, 1);
    if (poll(&fd, 1, 5) <= 0)
        return -1;
    if (read(device.fd, &byte, 1) != 1)
        longjmp(end, 1);
    if (device.garbage) {
        const unsigned char noise[] = {0xA5, byte, 0x5A, 0xA5, 0x5A, 7, 7, 255};
        if (write(device.fd, noise, sizeof noise) < 0)
            longjmp(end, 1);
        return -1;
    }
    return device.silent ? -1 : byte;
}

/* Bytes of a reply, until it is whole: then it is spoilt as the flags say, and sent. */
static struct {
    uint8_t bytes[MCU_FRAME_MAX];
    size_t n;
} sent;

static void send_frame(void)
{
    if (device.lose_replies > 0) {
        device.lose_replies--;
        return;
    }
    if (device.spoil_replies > 0) {
        device.spoil_replies--;
        sent.bytes[sent.n / 2] ^= 0x10;
    }
    for (int i = 0; i < device.noise; i++) {
        const unsigned char noise = (unsigned char)(i * 89 + 3);
        if (write(device.fd, &noise, 1) != 1)
            longjmp(end, 1);
    }
    if (write(device.fd, sent.bytes, sent.n) != (ssize_t)sent.n)
        longjmp(end, 1);
}

/* The CRC is the frame's last four bytes: a changed payload needs a new one. */
static void change_payload(size_t at, uint8_t value)
{
    enum { HEAD = 6, CRC_BYTES = 4 };
    sent.bytes[HEAD + at] = value;
    uint32_t crc = mcu_crc32(0, sent.bytes + 2, (uint32_t)(sent.n - 2 - CRC_BYTES));
    for (int i = 0; i < CRC_BYTES; i++)
        sent.bytes[sent.n - CRC_BYTES + (size_t)i] = (uint8_t)(crc >> (8 * i));
}

void mcu_port_put(uint8_t byte)
{
    sent.bytes[sent.n++] = byte;
    if (sent.n < MCU_FRAME_OVERHEAD || sent.n < MCU_FRAME_OVERHEAD + mcu_frame_number(sent.bytes + 4, 2))
        return;
    if (device.other_version && sent.bytes[2] == (MCU_HELLO | MCU_REPLY))
        change_payload(1, 99);
    if (device.wrong_layers && sent.bytes[2] == (MCU_LAYER_TIMES | MCU_REPLY))
        change_payload(3, 0xFF);
    send_frame();
    sent.n = 0;
}

void device_run(void)
{
    memset(&harness, 0, sizeof harness);
    sent.n = 0;
    if (setjmp(end) == 0)
        harness_main();
}
