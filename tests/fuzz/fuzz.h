/*
 * fuzz.h - what a fuzz target defines: libFuzzer calls it with -DMCUNET_FUZZ=ON, replay.c calls it for every
 * file of its corpus otherwise.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
