/*
 * cmd_doctor.c - mcunet doctor: which of the programs mcunet runs are installed, and whether cycles can be
 * estimated.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "base/process.h"
#include "boards/cycles/cycles.h"
#include "cli/commands.h"

/*
 * program, argument that prints its version, Debian package, required by `mcunet run`, what it is for
 */
#define TOOLS(X)                                                                                             \
    X("ninja", "--version", "ninja-build", true, "runs the stages of a recipe and the firmware build")       \
    X("arm-none-eabi-gcc", "--version", "gcc-arm-none-eabi", true, "compiles firmware")                      \
    X("qemu-system-arm", "--version", "qemu-system-arm", true, "emulates firmware")                          \
    X("openocd", "--version", "openocd", false, "flashes boards over SWD")                                   \
    X("st-flash", "--version", "stlink-tools", false, "flashes ST boards")                                   \
    X("dfu-util", "--version", "dfu-util", false, "flashes boards over USB")                                 \
    X("python3", "--version", "python3", false, "trains supernets (nas/train)")                              \
    X("node", "--version", "nodejs", false, "compares with ONNX Runtime in the tests")                       \
    X("npm", "--version", "npm", false, "installs ONNX Runtime for the tests")                               \
    X("cmake", "--version", "cmake", false, "builds mcunet")

struct tool {
    const char *name, *version_option, *package; /* package NULL: comes with mcunet */
    bool required;
    const char *purpose;
    /* found */
    const char *path, *version;
    const char *problem; /* why it is not usable, where that is not that its package is missing */
};

enum { PROBE_TIMEOUT_S = 20 };

/* The first word like 12.2.1 in a program's greeting; "" when there is none. */
static const char *find_version(const char *text, struct arena *arena)
{
    for (const char *at = text; *at; at++) {
        if (!isdigit((unsigned char)*at) || (at > text && (isalnum((unsigned char)at[-1]) && at[-1] != 'v')))
            continue;
        const size_t length = strspn(at, "0123456789.");
        if (memchr(at, '.', length))
            return arena_printf(arena, "%.*s", (int)(at[length - 1] == '.' ? length - 1 : length), at);
        at += length - 1;
    }
    return "";
}

static int probe(struct tool *tool, struct arena *arena)
{
    tool->path = process_find(tool->name, arena);
    if (!tool->path)
        return 0;
    const char *const argv[] = {tool->name, tool->version_option, NULL};
    struct process process = {.argv = argv, .timeout_s = PROBE_TIMEOUT_S, .capture = true};
    const int rc = process_run(&process, arena);
    if (rc)
        return rc;
    tool->version = find_version(*process.out ? process.out : process.err, arena);
    return 0;
}

/* The C library of the cross compiler is a package of its own, and the compiler starts without it. */
static int probe_newlib(struct tool *newlib, struct arena *arena)
{
    if (!process_find("arm-none-eabi-gcc", arena))
        return 0;
    const char *const argv[] = {"arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb",
                                "-print-file-name=libc_nano.a", NULL};
    struct process process = {.argv = argv, .timeout_s = PROBE_TIMEOUT_S, .capture = true};
    const int rc = process_run(&process, arena);
    if (rc)
        return rc;
    process.out[strcspn(process.out, "\n")] = '\0';
    /* gcc answers with the bare name when it has no such file. */
    if (strchr(process.out, '/') && file_exists(process.out)) {
        newlib->path = process.out;
        newlib->version = "";
    }
    return 0;
}

static int probe_estimator(struct tool *estimator, struct arena *arena)
{
    struct cycle_counter counter;
    const int rc = cycle_counter_probe(&counter, arena);
    if (rc)
        return rc;
    estimator->problem = counter.problem;
    if (!counter.problem) {
        estimator->path = counter.path;
        estimator->version = arena_printf(arena, "API %d", counter.interface);
    }
    return 0;
}

static json_t *tool_json(const struct tool *tool)
{
    return json_pack("{s:s, s:b, s:b, s:s, s:s?, s:s?, s:s?, s:s?}", "name", tool->name, "found",
                     tool->path != NULL, "required", tool->required, "purpose", tool->purpose, "path",
                     tool->path, "version", tool->version, "package", tool->package, "problem",
                     tool->problem);
}

static int print_json(const struct tool *tools, int n, bool complete)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, tool_json(&tools[i]));
    json_t *top = json_pack("{s:i, s:s, s:s, s:b, s:o}", "schema_version", 1, "tool_version", MCUNET_VERSION,
                            "kind", "doctor", "complete", complete, "tools", list);
    const int rc = json_print(top);
    json_decref(top);
    return rc;
}

static void print_table(const struct tool *tools, int n)
{
    printf("mcunet %s\n\n", MCUNET_VERSION);
    for (int i = 0; i < n; i++) {
        const struct tool *tool = &tools[i];
        const char *state = tool->path       ? (*tool->version ? tool->version : "found")
                            : tool->required ? "MISSING"
                                             : "-";
        printf("  %-20s %-10s %s\n", tool->name, state, tool->purpose);
        if (tool->problem)
            printf("  %-20s %-10s   %s\n", "", "", tool->problem);
        else if (!tool->path)
            printf("  %-20s %-10s   apt install %s\n", "", "", tool->package);
    }
}

int cmd_doctor(int argc, char **argv)
{
    static const char usage[] =
        "mcunet doctor [options]\n\n"
        "Says which programs that mcunet runs are installed, in which version, what each is for and\n"
        "how to install it. Exit code 7 when one that the pipeline needs is missing.";
    bool json = false;
    const struct option_spec options[] = {
        OPTION_FLAG(0, "json", &json, "print JSON on stdout"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc)
        return error_usage("doctor takes no operands, got '%s'", argv[0]);

#define TOOL_ENTRY(name, option, package, required, purpose)                                                 \
    {name, option, package, required, purpose, NULL, NULL, NULL},
    struct tool tools[] = {
        TOOLS(TOOL_ENTRY){"newlib", NULL, "libnewlib-arm-none-eabi", true, "the C library of firmware", NULL,
                          NULL, NULL},
        {"cycle estimator", NULL, NULL, false, "estimates cycles in QEMU (mcunet-cycles.so)", NULL, NULL,
         NULL},
    };
#undef TOOL_ENTRY
    const int n = (int)(sizeof tools / sizeof *tools), estimator = n - 1, newlib = n - 2;
    struct arena arena = ARENA_INIT;
    for (int i = 0; i < newlib && !rc; i++)
        rc = probe(&tools[i], &arena);
    if (!rc)
        rc = probe_newlib(&tools[newlib], &arena);
    if (!rc)
        rc = probe_estimator(&tools[estimator], &arena);

    if (!rc) {
        const char *missing = "", *packages = "";
        for (int i = 0; i < n; i++) {
            if (tools[i].path || !tools[i].required)
                continue;
            missing = arena_printf(&arena, "%s%s%s", missing, *missing ? ", " : "", tools[i].name);
            packages = arena_printf(&arena, "%s %s", packages, tools[i].package);
        }
        if (json)
            rc = print_json(tools, n, !*missing);
        else
            print_table(tools, n);
        if (!rc && *missing)
            rc = error_tool("missing: %s (apt install%s)", missing, packages);
    }
    arena_release(&arena);
    return rc;
}
