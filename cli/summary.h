/*
 * summary.h - the few numbers of a run folder that a user wants to see, gathered from its artifacts.
 */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>

struct arena;

/*
 * {"schema_version", "subnet", "macs", "params", "float_top1", "int8_top1", "int8_top5", "images", "sram_bytes", "arena_bytes", "flash_bytes", "board",
 *  "board_sram_bytes", "board_flash_bytes", "emulated_images", "emulated_identical", "expected_top1",
 *  "expected_sram_bytes", "expected_flash_bytes"}: keys whose artifact is missing are left out. New reference.
 */
json_t *summary_collect(const char *folder, struct arena *arena);
/* On stdout, as a table or JSON. */
int summary_print(const char *folder, bool json, struct arena *arena);

#endif
