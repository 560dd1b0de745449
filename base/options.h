/*
 * options.h - one table per command: it parses, prints -h, and is what the man page is tested against.
 *
 *     static const char usage[] = "mcunet space RECIPE|SUPERNET [options]";
 *     struct option_spec options[] = {
 *         OPTION_STRING('o', "output", "DIR", &output, "where artifacts go"),
 *         OPTION_INT(0, "samples", "N", &samples, "subnets drawn per space (default 1000)"),
 *         OPTION_FLAG(0, "json", &json, "print JSON on stdout"),
 *         OPTION_LIST(0, "set", "KEY=VALUE", &sets, "override a recipe key; may repeat"),
 *         OPTION_END,
 *     };
 *     int rc = options_parse(&argc, &argv, usage, options);
 *
 * On entry argv[0] is the command's name; afterwards argv[0..argc) are the operands, argv[argc] is NULL.
 * Options and operands mix freely, "--" ends options; "--key=value", "--key value", "-k value" and "-kvalue"
 * all work. -h / --help prints the help to stdout and makes options_parse return OPTIONS_HELP: the command
 * returns 0. An unknown option is error_usage, naming the nearest known one. The usage text may go on after
 * its first line: "\n\nWhat the command does."
 *
 *     if (rc) return rc == OPTIONS_HELP ? 0 : rc;
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
    OPTION_KIND_END,
    OPTION_KIND_FLAG,
    OPTION_KIND_STRING,
    OPTION_KIND_INT,
    OPTION_KIND_U64,
    OPTION_KIND_DOUBLE,
    OPTION_KIND_LIST
};

struct option_list {
    const char *values[64];
    int n;
};

struct option_spec {
    enum option_kind kind;
    char letter; /* 0: none */
    const char *name, *argument;
    void *value;
    const char *help;
};

/* clang-format off */
#define OPTION_FLAG(letter, name, ptr, help)        {OPTION_KIND_FLAG, letter, name, 0, (bool *){ptr}, help}
#define OPTION_STRING(letter, name, arg, ptr, help) {OPTION_KIND_STRING, letter, name, arg, (const char **){ptr}, help}
#define OPTION_INT(letter, name, arg, ptr, help)    {OPTION_KIND_INT, letter, name, arg, (int *){ptr}, help}
#define OPTION_U64(letter, name, arg, ptr, help)    {OPTION_KIND_U64, letter, name, arg, (uint64_t *){ptr}, help}
#define OPTION_DOUBLE(letter, name, arg, ptr, help) {OPTION_KIND_DOUBLE, letter, name, arg, (double *){ptr}, help}
#define OPTION_LIST(letter, name, arg, ptr, help)   {OPTION_KIND_LIST, letter, name, arg, (struct option_list *){ptr}, help}
#define OPTION_END                                  {OPTION_KIND_END, 0, 0, 0, 0, 0}
/* clang-format on */

enum { OPTIONS_HELP = -1 };

int options_parse(int *argc, char ***argv, const char *usage, const struct option_spec *options);
void options_print_help(const char *usage, const struct option_spec *options);

#endif
