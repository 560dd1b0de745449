/*
 * main.c - finds the command and runs it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/pipeline.h"

struct command {
    const char *name, *summary; /* of a command; NULL in a heading */
    int (*run)(int argc, char **argv);
    const char *heading;
};

static const struct command commands[] = {
#define COMMAND_GROUP(heading) {NULL, NULL, NULL, heading},
#define COMMAND(name, summary) {#name, summary, cmd_##name, NULL},
#include "cli/commands.inc"
#undef COMMAND
#undef COMMAND_GROUP
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static bool color_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static void print_heading(const char *heading)
{
    const bool color = color_wanted();
    printf("\n%s%s%s\n", color ? "\033[1m" : "", heading, color ? "\033[0m" : "");
}

static void print_help(void)
{
    printf("usage: mcunet COMMAND [options] [arguments]\n\n"
           "From a microcontroller board, a pretrained supernet and images to int8 firmware\n"
           "that classifies on that board. `mcunet help COMMAND` tells about one command.\n");
    for (int i = 0; i < N_COMMANDS; i++) {
        if (commands[i].heading)
            print_heading(commands[i].heading);
        else
            printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    print_heading("Exit codes");
    printf("  0  done\n");
#define PRINT_CODE(name, code, text) printf("  %d  %s\n", code, text);
    ERROR_CODES(PRINT_CODE)
#undef PRINT_CODE
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (commands[i].name && strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[N_COMMANDS + 1];
    int n = 0;
    for (int i = 0; i < N_COMMANDS; i++)
        if (commands[i].name)
            names[n++] = commands[i].name;
    names[n++] = "help";
    const char *near = nearest_name(name, names, n);
    return near ? error_usage("unknown command '%s'; did you mean '%s'?", name, near)
                : error_usage("unknown command '%s' (mcunet -h lists them)", name);
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return 0;
    }
    const struct command *command = find_command(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    char option[] = "-h";
    char *words[] = {argv[1], option, NULL};
    return command->run(2, words);
}

static int dispatch(int argc, char **argv)
{
    const char *name = argv[0];
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        printf("mcunet %s\n", MCUNET_VERSION);
        return 0;
    }
    if (strcmp(name, "help") == 0)
        return help(argc, argv);
    if (name[0] == '-')
        return error_usage("unknown option '%s' before the command (mcunet -h tells what there is)", name);
    const struct command *command = find_command(name);
    return command ? command->run(argc, argv) : unknown_command(name);
}

int main(int argc, char **argv)
{
    pipeline_stage_begin();
    int rc = argc < 2 ? error_usage("no command given (mcunet -h lists them)") : dispatch(argc - 1, argv + 1);
    /* Results that did not reach a full disk are no results. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        const int failed = errno;
        if (rc == 0)
            rc = error("cannot write to standard output: %s", strerror(failed));
    }
    pipeline_stage_end(rc);
    return rc;
}
