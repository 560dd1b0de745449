#include "boards/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

static const struct {
    int baud;
    speed_t speed;
} speeds[] = {
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},     {115200, B115200},
    {230400, B230400}, {460800, B460800}, {921600, B921600}, {1000000, B1000000}, {2000000, B2000000},
};

static int find_speed(speed_t *speed, int baud)
{
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        if (speeds[i].baud == baud) {
            *speed = speeds[i].speed;
            return 0;
        }
    return error_usage("no serial port runs at %d baud; 115200 is usual", baud);
}

static int lost(const struct serial *serial)
{
    return error_tool("the connection to the board at '%s' was lost: is it still plugged in?", serial->path);
}

int serial_open(struct serial *out, const char *path, int baud)
{
    speed_t speed = B115200;
    int rc = find_speed(&speed, baud);
    *out = (struct serial){-1, path};
    if (rc)
        return rc;
    /* O_NONBLOCK: without it open() waits for a carrier that USB serial ports do not have. */
    out->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (out->fd < 0 && errno == ENOENT)
        return error_tool("there is no serial port '%s': is the board plugged in?", path);
    if (out->fd < 0 && errno == EACCES)
        return error_tool("cannot open serial port '%s': %s (group 'dialout' may, on Debian)", path,
                          strerror(EACCES));
    if (out->fd < 0)
        return error_tool("cannot open serial port '%s': %s", path, strerror(errno));
    struct termios settings;
    if (tcgetattr(out->fd, &settings) != 0) {
        serial_close(out);
        return error_tool("'%s' is not a serial port", path);
    }
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
    cfsetispeed(&settings, speed);
    cfsetospeed(&settings, speed);
    if (tcsetattr(out->fd, TCSANOW, &settings) != 0) {
        const int failed = errno;
        serial_close(out);
        return error_tool("cannot set serial port '%s' to %d baud: %s", path, baud, strerror(failed));
    }
    ioctl(out->fd, TIOCEXCL); /* nobody else shall read half of the answers; not all drivers have it */
    tcflush(out->fd, TCIOFLUSH);
    return 0;
}

void serial_close(struct serial *serial)
{
    if (serial->fd >= 0)
        close(serial->fd);
    serial->fd = -1;
}

/* 1: ready, 0: time is over, -1: lost. */
static int wait_for(const struct serial *serial, short events, double timeout_s)
{
    const double deadline = clock_now_s() + timeout_s;
    for (;;) {
        struct pollfd fd = {.fd = serial->fd, .events = events};
        const double left = deadline - clock_now_s();
        const int ready = poll(&fd, 1, left > 0 ? (int)(left * 1000) + 1 : 0);
        if (ready > 0) /* what came before the end is read first */
            return fd.revents & events ? 1 : -1;
        if (ready < 0 && errno != EINTR)
            return -1;
        if (left <= 0)
            return 0;
    }
}

int serial_write(struct serial *serial, const uint8_t *data, size_t bytes, double timeout_s)
{
    while (bytes > 0) {
        const int ready = wait_for(serial, POLLOUT, timeout_s);
        if (ready < 0)
            return lost(serial);
        if (ready == 0)
            return error_tool("the board at '%s' took no bytes for %.0f s", serial->path, timeout_s);
        const ssize_t n = write(serial->fd, data, bytes);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return lost(serial);
        data += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int serial_read(struct serial *serial, uint8_t *data, size_t capacity, double timeout_s, size_t *bytes)
{
    *bytes = 0;
    const int ready = wait_for(serial, POLLIN, timeout_s);
    if (ready < 0)
        return lost(serial);
    if (ready == 0)
        return 0;
    const ssize_t n = read(serial->fd, data, capacity);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return lost(serial);
    *bytes = (size_t)n;
    return 0;
}
