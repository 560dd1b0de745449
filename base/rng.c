#include "base/rng.h"

#include <math.h>

#include "base/error.h"

/* splitmix64 (Steele, Lea, Flood 2014): the authors' recommended way to fill xoshiro's state. */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

struct rng rng_seeded(uint64_t seed)
{
    struct rng rng;
    for (int i = 0; i < 4; i++)
        rng.state[i] = splitmix64(&seed);
    return rng;
}

struct rng rng_stream(uint64_t seed, uint64_t index)
{
    /* Hash both words before they meet: seed + index alone would make stream (s, i + 1) equal (s + 1, i). */
    uint64_t a = seed, b = index ^ 0x6a09e667f3bcc909u;
    return rng_seeded(splitmix64(&a) ^ rotate_left(splitmix64(&b), 32));
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t *s = rng->state;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
    if (n == 0)
        die("rng_below(0)");
    /* Lemire's multiply-and-reject. */
    uint64_t product = (rng_u64(rng) >> 32) * n;
    if ((uint32_t)product < n) {
        const uint32_t threshold = -n % n;
        while ((uint32_t)product < threshold)
            product = (rng_u64(rng) >> 32) * n;
    }
    return (uint32_t)(product >> 32);
}

double rng_uniform(struct rng *rng)
{
    return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

double rng_normal(struct rng *rng)
{
    /* Draws two uniforms each time and drops the second normal: the state stays the whole story. */
    const double u = 1.0 - rng_uniform(rng), v = rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
}

void rng_shuffle(struct rng *rng, int *indices, int n)
{
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)rng_below(rng, (uint32_t)i + 1);
        const int swap = indices[i];
        indices[i] = indices[j];
        indices[j] = swap;
    }
}
