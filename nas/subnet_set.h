/*
 * subnet_set.h - which subnets were seen: an open-addressing hash set that keeps values in order of arrival.
 * Life cycle: struct subnet_set set = {.arena = arena}; memory goes with the arena.
 */
#ifndef NAS_SUBNET_SET_H
#define NAS_SUBNET_SET_H

#include "nas/subnet.h"

struct arena;

struct subnet_set {
    struct arena *arena;
    struct subnet *subnets; /* in order of arrival */
    int n, capacity;
    int *slots; /* index + 1 into subnets, 0: free; power of two, at least twice n */
    int n_slots;
};

/* Index of the subnet, or -1. */
int subnet_set_find(const struct subnet_set *set, const struct subnet *subnet);
/* Adds it when it is new; false when it was there. */
bool subnet_set_add(struct subnet_set *set, const struct subnet *subnet);

#endif
