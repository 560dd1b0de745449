/*
 * flash.h - an ELF into a board's flash with the tool that its board file names.
 *
 *     openocd   flash_config is its scripts, blank-separated; writes the ELF, verifies, resets
 *     st-flash  writes a raw image (arm-none-eabi-objcopy) to the flash's origin, resets
 *     dfu-util  the same, over USB; flash_config is the device's id (0483:df11), or empty
 */
#ifndef BOARDS_FLASH_H
#define BOARDS_FLASH_H

#include <stdbool.h>

struct arena;
struct board;

enum { FLASH_MAX_COMMANDS = 2 };

/* Programs to run one after the other, each a NULL-terminated argv. */
struct flash_plan {
    const char *const *commands[FLASH_MAX_COMMANDS];
    int n;
};

/* What flashing takes. elf: a path; a raw image goes beside it (.bin). A method that is not listed above:
 * error_input. */
int flash_plan(struct flash_plan *out, const struct board *board, const char *elf, struct arena *arena);
/* A command as one can type it into a shell. */
const char *flash_command_text(const char *const *argv, struct arena *arena);

/* Runs the plan. A program that is not installed: error_tool (what to install). No board, or flashing failed:
 * error_tool with what the program said. */
int flash_run(const struct flash_plan *plan, const struct board *board, bool quiet, struct arena *arena);

#endif
