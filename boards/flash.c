#include "boards/flash.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "boards/board.h"

enum { MAX_ARGUMENTS = 16 };

static const double flash_timeout_s = 180;

/* Programs, and where Debian has them. */
static const struct {
    const char *program, *package;
} tools[] = {
    {"openocd", "openocd"},
    {"st-flash", "stlink-tools"},
    {"dfu-util", "dfu-util"},
    {"arm-none-eabi-objcopy", "binutils-arm-none-eabi"},
};

static const char **add_command(struct flash_plan *plan, struct arena *arena)
{
    const char **argv = ARENA_ARRAY(arena, const char *, MAX_ARGUMENTS);
    plan->commands[plan->n++] = argv;
    return argv;
}

static void plan_openocd(struct flash_plan *plan, const struct board *board, const char *elf,
                         struct arena *arena)
{
    const char **argv = add_command(plan, arena);
    int n = 0;
    argv[n++] = "openocd";
    const char *at = board->flash_config + strspn(board->flash_config, " ");
    for (; *at && n < MAX_ARGUMENTS - 4; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        argv[n++] = "-f";
        argv[n++] = arena_printf(arena, "%.*s", (int)length, at);
        at += length;
    }
    argv[n++] = "-c";
    argv[n++] = arena_printf(arena, "program {%s} verify reset exit", elf); /* Tcl: braces keep blanks */
}

/* elf -> raw image; returns its path. */
static const char *plan_image(struct flash_plan *plan, const char *elf, struct arena *arena)
{
    const char **argv = add_command(plan, arena);
    size_t length = strlen(elf);
    if (length > 4 && strcmp(elf + length - 4, ".elf") == 0)
        length -= 4;
    const char *image = arena_printf(arena, "%.*s.bin", (int)length, elf);
    int n = 0;
    argv[n++] = "arm-none-eabi-objcopy";
    argv[n++] = "-O";
    argv[n++] = "binary";
    argv[n++] = elf;
    argv[n++] = image;
    return image;
}

static void plan_st_flash(struct flash_plan *plan, const struct board *board, const char *elf,
                          struct arena *arena)
{
    const char *image = plan_image(plan, elf, arena);
    const char **argv = add_command(plan, arena);
    int n = 0;
    argv[n++] = "st-flash";
    argv[n++] = "--reset";
    argv[n++] = "write";
    argv[n++] = image;
    argv[n++] = arena_printf(arena, "0x%08x", board_region(board, "code")->origin);
}

static void plan_dfu_util(struct flash_plan *plan, const struct board *board, const char *elf,
                          struct arena *arena)
{
    const char *image = plan_image(plan, elf, arena);
    const char **argv = add_command(plan, arena);
    int n = 0;
    argv[n++] = "dfu-util";
    if (board->flash_config && *board->flash_config) {
        argv[n++] = "-d";
        argv[n++] = board->flash_config;
    }
    argv[n++] = "-a";
    argv[n++] = "0";
    argv[n++] = "-s";
    argv[n++] = arena_printf(arena, "0x%08x:leave", board_region(board, "code")->origin);
    argv[n++] = "-D";
    argv[n++] = image;
}

int flash_plan(struct flash_plan *out, const struct board *board, const char *elf, struct arena *arena)
{
    *out = (struct flash_plan){.n = 0};
    if (strcmp(board->flash_method, "openocd") == 0)
        plan_openocd(out, board, elf, arena);
    else if (strcmp(board->flash_method, "st-flash") == 0)
        plan_st_flash(out, board, elf, arena);
    else if (strcmp(board->flash_method, "dfu-util") == 0)
        plan_dfu_util(out, board, elf, arena);
    else
        return error_input("board '%s': 'flash_method' is '%s'; known are: openocd, st-flash, dfu-util",
                           board->name, board->flash_method);
    return 0;
}

const char *flash_command_text(const char *const *argv, struct arena *arena)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    struct strbuf text = STRBUF_INIT;
    for (int i = 0; argv[i]; i++) {
        strbuf_adds(&text, i ? " " : "");
        if (*argv[i] && strspn(argv[i], plain) == strlen(argv[i])) {
            strbuf_adds(&text, argv[i]);
            continue;
        }
        strbuf_adds(&text, "'");
        for (const char *at = argv[i]; *at; at++)
            strbuf_adds(&text, *at == '\'' ? "'\\''" : (const char[]){*at, '\0'});
        strbuf_adds(&text, "'");
    }
    const char *copy = arena_strdup(arena, strbuf_text(&text));
    strbuf_release(&text);
    return copy;
}

static int check_tool(const char *program, const struct board *board, struct arena *arena)
{
    if (process_find(program, arena))
        return 0;
    const char *package = program;
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (strcmp(tools[i].program, program) == 0)
            package = tools[i].package;
    return error_tool("'%s' is not installed, and %s cannot be flashed without it: apt install %s", program,
                      board->name, package);
}

/* The last line that says something. */
static const char *last_line(const char *text, struct arena *arena)
{
    const char *last = "", *line = text;
    while (line && *line) {
        size_t length = strcspn(line, "\n");
        if (strspn(line, " \t\r") < length)
            last = arena_printf(arena, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    return last;
}

int flash_run(const struct flash_plan *plan, const struct board *board, bool quiet, struct arena *arena)
{
    int rc = 0;
    for (int i = 0; i < plan->n && !rc; i++)
        rc = check_tool(plan->commands[i][0], board, arena);
    for (int i = 0; i < plan->n && !rc; i++) {
        struct process process = {.argv = plan->commands[i], .timeout_s = flash_timeout_s, .capture = true};
        if (!quiet)
            fprintf(stderr, "flash: %s\n", flash_command_text(plan->commands[i], arena));
        rc = process_run(&process, arena);
        if (!rc && process.timed_out)
            rc = error_tool("%s did not finish within %.0f s: is %s plugged in?", plan->commands[i][0],
                            flash_timeout_s, board->title);
        else if (!rc && process.exit_code != 0)
            rc = error_tool("%s could not flash %s (is it plugged in?): %s", plan->commands[i][0],
                            board->title, last_line(*process.err ? process.err : process.out, arena));
    }
    return rc;
}
