#include "base/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/nearest.h"

enum { LINE_WIDTH = 80, MAX_OPTIONS = 64 };

/* "mcunet space" of "mcunet space RECIPE [options]", for the hint at the end of a message. */
static const char *command_of(const char *usage, struct arena *arena)
{
    size_t length = strcspn(usage, " \n");
    if (usage[length] == ' ') {
        const char *second = usage + length + 1;
        if (*second >= 'a' && *second <= 'z')
            length += 1 + strcspn(second, " \n");
    }
    return arena_printf(arena, "%.*s", (int)length, usage);
}

/* Words of text, wrapped at LINE_WIDTH; every line but the first is indented. */
static void print_wrapped(const char *text, int indent)
{
    int column = indent;
    const char *word = text;
    while (*word) {
        const int length = (int)strcspn(word, " ");
        if (column > indent && column + 1 + length > LINE_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", length, word);
        column += length;
        word += length;
        word += strspn(word, " ");
    }
    putchar('\n');
}

void options_print_help(const char *usage, const struct option_spec *options)
{
    enum { INDENT = 26 };
    printf("usage: %s\n\n", usage);
    const struct option_spec help = {.letter = 'h', .name = "help", .help = "print this help"};
    for (const struct option_spec *option = options;; option++) {
        const bool last = option->kind == OPTION_KIND_END;
        const struct option_spec *row = last ? &help : option;
        char head[128];
        int length = row->letter ? snprintf(head, sizeof head, "  -%c, --%s", row->letter, row->name)
                                 : snprintf(head, sizeof head, "      --%s", row->name);
        if (row->argument && length < (int)sizeof head)
            length += snprintf(head + length, sizeof head - (size_t)length, " %s", row->argument);
        if (length + 2 > INDENT)
            printf("%s\n%*s", head, INDENT, "");
        else
            printf("%-*s", INDENT, head);
        print_wrapped(row->help, INDENT);
        if (last)
            break;
    }
}

static int parse_integer(const char *flag, const char *text, int *out)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (end == text || *end)
        return error_usage("%s: expected a whole number, not '%s'", flag, text);
    if (errno || value > INT_MAX || value < INT_MIN)
        return error_usage("%s: '%s' is out of range", flag, text);
    *out = (int)value;
    return 0;
}

static int parse_u64(const char *flag, const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 0);
    /* strtoull takes "-1" for 2^64 - 1. */
    if (end == text || *end || strchr(text, '-'))
        return error_usage("%s: expected a whole number of 0 or more, not '%s'", flag, text);
    if (errno)
        return error_usage("%s: '%s' is out of range", flag, text);
    *out = value;
    return 0;
}

static int parse_double(const char *flag, const char *text, double *out)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return error_usage("%s: expected a number, not '%s'", flag, text);
    *out = value;
    return 0;
}

/* flag: as the user wrote it, for messages. text: its argument, NULL for flags. */
static int store(const struct option_spec *option, const char *flag, const char *text)
{
    switch (option->kind) {
    case OPTION_KIND_FLAG:
        *(bool *)option->value = true;
        return 0;
    case OPTION_KIND_STRING:
        *(const char **)option->value = text;
        return 0;
    case OPTION_KIND_INT:
        return parse_integer(flag, text, option->value);
    case OPTION_KIND_U64:
        return parse_u64(flag, text, option->value);
    case OPTION_KIND_DOUBLE:
        return parse_double(flag, text, option->value);
    case OPTION_KIND_LIST: {
        struct option_list *list = option->value;
        const int capacity = (int)(sizeof list->values / sizeof *list->values);
        if (list->n == capacity)
            return error_usage("%s: given more than %d times", flag, capacity);
        list->values[list->n++] = text;
        return 0;
    }
    case OPTION_KIND_END:
        break;
    }
    die("option '%s' has no kind", flag);
}

static const struct option_spec *find_long(const struct option_spec *options, const char *name, size_t length)
{
    for (; options->kind != OPTION_KIND_END; options++)
        if (strlen(options->name) == length && strncmp(options->name, name, length) == 0)
            return options;
    return NULL;
}

static const struct option_spec *find_letter(const struct option_spec *options, char letter)
{
    for (; options->kind != OPTION_KIND_END; options++)
        if (options->letter && options->letter == letter)
            return options;
    return NULL;
}

static int unknown_long(const char *usage, const struct option_spec *options, const char *name, size_t length)
{
    struct arena arena = ARENA_INIT;
    const char *names[MAX_OPTIONS + 1];
    int n = 0;
    for (; options[n].kind != OPTION_KIND_END && n < MAX_OPTIONS; n++)
        names[n] = options[n].name;
    names[n++] = "help";
    const char *word = arena_printf(&arena, "%.*s", (int)length, name);
    const char *near = nearest_name(word, names, n), *command = command_of(usage, &arena);
    const int rc =
        near ? error_usage("unknown option '--%s'; did you mean '--%s'? (see %s -h)", word, near, command)
             : error_usage("unknown option '--%s' (see %s -h)", word, command);
    arena_release(&arena);
    return rc;
}

/* Where parsing stands. */
struct cursor {
    int argc, next;
    char **argv;
};

/* The argument of an option: attached to it, or the next word. */
static int take_argument(struct cursor *at, const struct option_spec *option, const char *flag,
                         const char *attached)
{
    if (!attached && at->next >= at->argc)
        return error_usage("%s needs an argument: %s", flag, option->argument);
    return store(option, flag, attached ? attached : at->argv[at->next++]);
}

static int parse_long(struct cursor *at, const char *word, const char *usage,
                      const struct option_spec *options)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    if (strcmp(name, "help") == 0) {
        options_print_help(usage, options);
        return OPTIONS_HELP;
    }
    const struct option_spec *option = find_long(options, name, length);
    if (!option)
        return unknown_long(usage, options, name, length);
    char flag[80];
    snprintf(flag, sizeof flag, "--%s", option->name);
    if (option->kind != OPTION_KIND_FLAG)
        return take_argument(at, option, flag, equals ? equals + 1 : NULL);
    if (equals)
        return error_usage("%s takes no argument", flag);
    return store(option, flag, NULL);
}

/* "-j4", "-j 4", "-qj4" */
static int parse_letters(struct cursor *at, const char *word, const char *usage,
                         const struct option_spec *options)
{
    for (const char *letter = word + 1; *letter; letter++) {
        if (*letter == 'h') {
            options_print_help(usage, options);
            return OPTIONS_HELP;
        }
        const struct option_spec *option = find_letter(options, *letter);
        if (!option) {
            struct arena arena = ARENA_INIT;
            const int rc =
                error_usage("unknown option '-%c' (see %s -h)", *letter, command_of(usage, &arena));
            arena_release(&arena);
            return rc;
        }
        const char flag[] = {'-', *letter, '\0'};
        if (option->kind != OPTION_KIND_FLAG)
            return take_argument(at, option, flag, letter[1] ? letter + 1 : NULL);
        const int rc = store(option, flag, NULL);
        if (rc)
            return rc;
    }
    return 0;
}

/* A name or letter listed twice could never be reached the second time. */
static void check_table(const struct option_spec *options)
{
    for (const struct option_spec *option = options; option->kind != OPTION_KIND_END; option++)
        if (find_long(options, option->name, strlen(option->name)) != option ||
            (option->letter && find_letter(options, option->letter) != option))
            die("option '--%s' is listed twice", option->name);
}

int options_parse(int *argc, char ***argv, const char *usage, const struct option_spec *options)
{
    check_table(options);
    struct cursor at = {.argc = *argc, .next = 1, .argv = *argv};
    int operands = 0;
    bool only_operands = false;
    while (at.next < at.argc) {
        char *word = at.argv[at.next++];
        int rc = 0;
        if (only_operands || word[0] != '-' || word[1] == '\0')
            at.argv[operands++] = word; /* overwrites words already read */
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else if (word[1] == '-')
            rc = parse_long(&at, word, usage, options);
        else
            rc = parse_letters(&at, word, usage, options);
        if (rc)
            return rc;
    }
    at.argv[operands] = NULL;
    *argc = operands;
    return 0;
}
