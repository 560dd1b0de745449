/*
 * serial.h - a serial port, raw 8N1, every wait bounded. A pty serves as well.
 */
#ifndef BOARDS_SERIAL_H
#define BOARDS_SERIAL_H

#include <stddef.h>
#include <stdint.h>

struct serial {
    int fd;           /* -1: closed */
    const char *path; /* the caller's */
};

/* No such port, no permission, taken by someone else, not a serial port, a speed it does not have:
 * error_tool. */
int serial_open(struct serial *out, const char *path, int baud);
void serial_close(struct serial *serial);

/* Writes all. The connection is lost, or nothing moves for timeout_s: error_tool. */
int serial_write(struct serial *serial, const uint8_t *data, size_t bytes, double timeout_s);
/* Waits up to timeout_s for the first byte, then takes what is there, at most `capacity`. *bytes 0: nothing
 * came. The connection is lost: error_tool. */
int serial_read(struct serial *serial, uint8_t *data, size_t capacity, double timeout_s, size_t *bytes);

#endif
