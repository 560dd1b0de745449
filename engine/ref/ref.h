/*
 * ref.h - what the reference kernels share. Private to engine/ref/.
 *
 * The same plain C runs on the microcontroller and, on thousands of images, on the host. There the compiler
 * vectorises the inner loops: MCU_HOST_CLONES makes it emit each kernel twice on x86-64 Linux (AVX2 and
 * baseline, chosen when the program starts). It is empty on every other target, and under sanitizers, whose
 * start-up does not mix with such dispatch. Integer arithmetic: both give the same bytes.
 */
#ifndef MCU_REF_H
#define MCU_REF_H

#include "../engine.h"
#include "../requant.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MCU_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MCU_SANITIZED 1
#endif

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) &&             \
    !defined(MCU_SANITIZED)
#define MCU_HOST_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define MCU_HOST_CLONES
#endif

/* Helpers must be part of the function that uses them, so that they are compiled for its instruction set. */
#define MCU_INLINE static inline __attribute__((always_inline))

/* One row of a kernel: a function of its own, so that the stack holds one variant's locals only. */
#define MCU_ROW MCU_HOST_CLONES __attribute__((noinline))

/* The taps [*first, *last) of a window that fall inside [0, size) when it starts at origin (may be negative).
 */
MCU_INLINE void mcu_taps(int32_t origin, int32_t kernel, int32_t dilation, int32_t size, int32_t *first,
                         int32_t *last)
{
    int32_t begin = 0, end = kernel;
    while (begin < end && origin + begin * dilation < 0)
        begin++;
    while (end > begin && origin + (end - 1) * dilation >= size)
        end--;
    *first = begin;
    *last = end;
}

/* out[i] = clamp(requantize(acc[i]) + zero_point), per channel. */
MCU_INLINE void mcu_requantize_channels(const int32_t *acc, const int32_t *multiplier, const int8_t *shift,
                                        int32_t n, int32_t zero_point, int32_t act_min, int32_t act_max,
                                        int8_t *out)
{
    for (int32_t i = 0; i < n; i++)
        out[i] =
            (int8_t)mcu_clamp(mcu_requantize(acc[i], multiplier[i], shift[i]) + zero_point, act_min, act_max);
}

#endif
