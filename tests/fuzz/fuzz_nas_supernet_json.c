/* Any text: supernet_parse() refuses it or describes a supernet whose largest and smallest subnets can be
 * planned. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "fuzz.h"
#include "nas/space.h"
#include "nas/subnet.h"
#include "nas/supernet.h"

static void plan(const struct supernet *supernet, const struct subnet *subnet)
{
    struct memory_region ram = {.name = "ram", .kind = "ram", .bytes = 1 << 18, .holds = "arena stack"};
    struct board board = {.name = "fuzz",
                          .core = "cortex-m7",
                          .regions = &ram,
                          .n_regions = 1,
                          .sram_bytes = 1 << 18,
                          .flash_bytes = 1 << 20};
    struct candidate_cost cost;
    if (!subnet_valid(subnet, supernet))
        die("an invalid subnet");
    if (candidate_evaluate(&cost, supernet, subnet, &board, &(struct limits){0}) == 0 &&
        (cost.macs <= 0 || cost.arena_bytes <= 0))
        die("a subnet that costs nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct supernet supernet;
    char *text = arena_alloc(&arena, size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)data[i];
    if (supernet_parse(&supernet, text, "fuzz.onnx", &arena) == 0) {
        struct subnet subnet;
        subnet_largest(&subnet, &supernet);
        plan(&supernet, &subnet);
        subnet_smallest(&subnet, &supernet);
        plan(&supernet, &subnet);
    }
    arena_release(&arena);
    return 0;
}
