#include "semihosting.h"

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_FLEN = 0x0C,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
};

static const uint32_t application_exit = 0x20026; /* ADP_Stopped_ApplicationExit */

static int32_t call(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static uint32_t text_length(const char *text)
{
    uint32_t n = 0;
    while (text[n])
        n++;
    return n;
}

int32_t semihosting_open(const char *path, uint32_t mode)
{
    const uint32_t block[3] = {(uint32_t)path, mode, text_length(path)};
    return call(SYS_OPEN, block);
}

void semihosting_close(int32_t handle)
{
    const uint32_t block[1] = {(uint32_t)handle};
    call(SYS_CLOSE, block);
}

int semihosting_read(int32_t handle, void *data, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)handle, (uint32_t)data, bytes};
    return call(SYS_READ, block) == 0 ? 0 : -1; /* the result counts the bytes that are missing */
}

int semihosting_write(int32_t handle, const void *data, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)handle, (uint32_t)data, bytes};
    return call(SYS_WRITE, block) == 0 ? 0 : -1;
}

int32_t semihosting_length(int32_t handle)
{
    const uint32_t block[1] = {(uint32_t)handle};
    return call(SYS_FLEN, block);
}

void semihosting_print(const char *text)
{
    call(SYS_WRITE0, text);
}

void semihosting_print_number(uint32_t number)
{
    char text[11], *at = text + sizeof text - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    semihosting_print(at);
}

void semihosting_print_hex(uint32_t number)
{
    char text[11] = "0x";
    for (int i = 0; i < 8; i++)
        text[2 + i] = "0123456789abcdef"[number >> (28 - 4 * i) & 15];
    text[10] = '\0';
    semihosting_print(text);
}

int semihosting_command_line(char *text, uint32_t capacity)
{
    uint32_t block[2] = {(uint32_t)text, capacity};
    return call(SYS_GET_CMDLINE, block) == 0 ? 0 : -1;
}

_Noreturn void semihosting_exit(uint32_t status)
{
    const uint32_t block[2] = {application_exit, status};
    for (;;)
        call(SYS_EXIT_EXTENDED, block);
}
