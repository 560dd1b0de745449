/*
 * subnet.h - one point of a supernet's elastic dimensions.
 *
 * Text form, one line:   r64 w1 | 3x1 | 5x4 3x3 | 7x6 3x3 5x4 | ...
 * resolution, width INDEX, then per stage of the supernet its active blocks as kernel x expand. Depth is the
 * number of blocks listed.
 */
#ifndef NAS_SUBNET_H
#define NAS_SUBNET_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct rng;
struct supernet;

enum { SUBNET_MAX_STAGES = 12, SUBNET_MAX_DEPTH = 8 };

struct subnet {
    int resolution, width; /* width: index */
    int n_stages;
    int depth[SUBNET_MAX_STAGES];
    int8_t kernel[SUBNET_MAX_STAGES][SUBNET_MAX_DEPTH], expand[SUBNET_MAX_STAGES][SUBNET_MAX_DEPTH];
};

/* Unused slots of kernel and expand are 0, so that equal subnets are equal bytes. */
const char *subnet_text(const struct subnet *subnet, struct arena *arena);
/* error_input says at which column and what was expected. Validated against the supernet. "largest" and
 * "smallest" are known, also "largest@64". */
int subnet_parse(struct subnet *out, const char *text, const struct supernet *supernet);
/* True when every dimension is one of the supernet's choices. */
bool subnet_valid(const struct subnet *subnet, const struct supernet *supernet);
bool subnet_equal(const struct subnet *a, const struct subnet *b);
/* Equal subnets have equal hashes, on every machine. */
uint64_t subnet_hash(const struct subnet *subnet);
void subnet_largest(struct subnet *out, const struct supernet *supernet);
void subnet_smallest(struct subnet *out, const struct supernet *supernet);
/* Uniform over each dimension; resolution and width as given (-1: drawn too). */
void subnet_random(struct subnet *out, const struct supernet *supernet, int resolution, int width,
                   struct rng *rng);
/* Each dimension redrawn with probability p (resolution and width kept when fixed). */
void subnet_mutate(struct subnet *subnet, const struct supernet *supernet, double p, bool fixed_space,
                   struct rng *rng);
/* Each dimension from one parent or the other (blocks that only one parent has come from that one). */
void subnet_crossover(struct subnet *out, const struct subnet *a, const struct subnet *b, struct rng *rng);

#endif
