/*
 * device.h - the measuring firmware on the host: boards/arm/harness.c itself, compiled against a stand-in
 * model and port. Its UART is a file descriptor; what can go wrong on the way is switched on by flags.
 */
#ifndef TESTS_MEASURE_DEVICE_H
#define TESTS_MEASURE_DEVICE_H

#include <stdint.h>

enum { DEVICE_IO_BYTES = 300, DEVICE_LAYERS = 35, DEVICE_LAYER_TICKS = 1000, DEVICE_CLOCK_HZ = 216000000 };

struct device {
    int fd; /* of the UART; -1: there is none */
    /* faults */
    int silent;        /* takes everything, says nothing */
    int garbage;       /* answers each byte with noise */
    int lose_replies;  /* so many are not sent */
    int spoil_replies; /* one bit of so many is wrong */
    int fault;         /* the next inference ends in a bus fault */
    int other_version; /* speaks another version of the protocol */
    int wrong_layers;  /* claims an impossible number of layers */
    int noise;         /* so many bytes of noise before each reply */
    int wrong_output;  /* one bit of the output */
    volatile int stop; /* ends device_run() */
    int runs;          /* inferences so far */
};

extern struct device device;

/* main() of the firmware, until device.stop or the end of the UART. */
void device_run(void);

#endif
