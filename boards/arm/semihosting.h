/*
 * semihosting.h - files, text and exit through the emulator (or a debugger). Arm "Semihosting for AArch32 and
 * AArch64", release 3.
 */
#ifndef MCU_SEMIHOSTING_H
#define MCU_SEMIHOSTING_H

#include <stdint.h>

enum { SEMIHOSTING_READ = 1, SEMIHOSTING_WRITE = 5 }; /* "rb", "wb" */

/* Handle, or -1. */
int32_t semihosting_open(const char *path, uint32_t mode);
void semihosting_close(int32_t handle);
/* Both return 0 only when all bytes were transferred. */
int semihosting_read(int32_t handle, void *data, uint32_t bytes);
int semihosting_write(int32_t handle, const void *data, uint32_t bytes);
/* Length of an open file in bytes, or -1. */
int32_t semihosting_length(int32_t handle);
void semihosting_print(const char *text);
void semihosting_print_number(uint32_t number);
void semihosting_print_hex(uint32_t number);
/* The arguments the emulator was started with, separated by blanks; 0 when they fit. */
int semihosting_command_line(char *text, uint32_t capacity);
_Noreturn void semihosting_exit(uint32_t status);

#endif
