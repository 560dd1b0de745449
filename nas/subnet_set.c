#include "nas/subnet_set.h"

#include <string.h>

#include "base/arena.h"

/* The slot that holds the subnet, or the free one where it belongs. */
static int slot_of(const struct subnet_set *set, const struct subnet *subnet)
{
    int slot = (int)(subnet_hash(subnet) & (uint64_t)(set->n_slots - 1));
    while (set->slots[slot] && !subnet_equal(&set->subnets[set->slots[slot] - 1], subnet))
        slot = (slot + 1) & (set->n_slots - 1);
    return slot;
}

int subnet_set_find(const struct subnet_set *set, const struct subnet *subnet)
{
    return set->n ? set->slots[slot_of(set, subnet)] - 1 : -1;
}

static void grow(struct subnet_set *set)
{
    set->capacity = set->capacity ? 2 * set->capacity : 64;
    struct subnet *subnets = ARENA_ARRAY(set->arena, struct subnet, (size_t)set->capacity);
    if (set->n)
        memcpy(subnets, set->subnets, (size_t)set->n * sizeof *subnets);
    set->subnets = subnets;
    set->n_slots = 2 * set->capacity;
    set->slots = ARENA_ARRAY(set->arena, int, (size_t)set->n_slots);
    for (int i = 0; i < set->n; i++)
        set->slots[slot_of(set, &set->subnets[i])] = i + 1;
}

bool subnet_set_add(struct subnet_set *set, const struct subnet *subnet)
{
    if (set->n == set->capacity)
        grow(set);
    int slot = slot_of(set, subnet);
    if (set->slots[slot])
        return false;
    set->subnets[set->n] = *subnet;
    set->slots[slot] = ++set->n;
    return true;
}
