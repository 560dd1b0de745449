/*
 * rng.h - seeded pseudo-random numbers, the same on every machine and compiler.
 *
 * xoshiro256** (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2018), seeded by
 * splitmix64. A struct rng is a value: copy it to fork a stream. rng_stream(seed, index) gives independent
 * streams, so that work item i draws the same numbers whichever thread takes it.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

struct rng rng_seeded(uint64_t seed);
struct rng rng_stream(uint64_t seed, uint64_t index);
uint64_t rng_u64(struct rng *rng);
/* Uniform in [0, n), unbiased; n >= 1. */
uint32_t rng_below(struct rng *rng, uint32_t n);
/* Uniform in [0, 1), 53 bits. */
double rng_uniform(struct rng *rng);
/* Standard normal (Box-Muller). */
double rng_normal(struct rng *rng);
/* Fisher-Yates over indices[0..n). */
void rng_shuffle(struct rng *rng, int *indices, int n);

#endif
