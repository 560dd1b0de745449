/*
 * bench.h - counts the instructions of one call in QEMU. Run with -icount shift=0: one instruction is one
 * nanosecond of virtual time, SysTick counts at 25 MHz, so a tick is 40 instructions.
 */
#ifndef TESTS_BENCH_KERNELS_BENCH_H
#define TESTS_BENCH_KERNELS_BENCH_H

#include <stdint.h>

enum { BENCH_INSTRUCTIONS_PER_TICK = 40 };

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xe000e010)
#define SYSTICK_RELOAD  (*(volatile uint32_t *)0xe000e014)
#define SYSTICK_VALUE   (*(volatile uint32_t *)0xe000e018)

static inline void bench_init(void)
{
    SYSTICK_RELOAD = 0xffffff;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 5; /* on, processor clock */
    while (SYSTICK_VALUE < 0x1000)
        ;
}

static inline uint32_t bench_ticks(void)
{
    return 0xffffff - SYSTICK_VALUE;
}

/* Instructions between two bench_ticks(), at most 2^24 ticks apart. */
static inline uint32_t bench_instructions(uint32_t from, uint32_t to)
{
    return ((to - from) & 0xffffff) * BENCH_INSTRUCTIONS_PER_TICK;
}

/* Markers for a profiler: between them is one call. */
__attribute__((noinline, used)) static void bench_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline, used)) static void bench_end(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
