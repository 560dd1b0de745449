/*
 * toolchain.h - what a generated project is compiled with, for reports.
 */
#ifndef BOARDS_TOOLCHAIN_H
#define BOARDS_TOOLCHAIN_H

struct arena;

struct toolchain {
    const char *compiler; /* "arm-none-eabi-gcc 12.2.1" */
    const char
        *flags; /* those that decide about the code: "-mcpu=cortex-m7 ... -O2 ..."; no warnings, paths */
};

/* From folder/build.ninja, and the compiler's own word on its version. error_input: no project of ours;
 * error_tool: no compiler. */
int toolchain_of_project(struct toolchain *out, const char *folder, struct arena *arena);

#endif
