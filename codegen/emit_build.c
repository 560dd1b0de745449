/*
 * emit_build.c - build.ninja and the linker scripts of a generated project.
 */
#include "codegen/emit_parts.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/emit_harness.h"
#include "codegen/kernels.h"
#include "codegen/names.h"

const char *const engine_files[] = {
    "engine/engine.h",
    "engine/requant.h",
    "engine/chain.h",
    "engine/chain.c",
    "engine/ref/ref.h",
    "engine/ref/conv2d_s8__ref.c",
    "engine/ref/depthwise_s8__ref.c",
    "engine/ref/fully_connected_s8__ref.c",
    "engine/ref/add_s8__ref.c",
    "engine/ref/add_constant_s8__ref.c",
    "engine/ref/mul_s8__ref.c",
    "engine/ref/average_pool_s8__ref.c",
    "engine/ref/global_average_pool_s8__ref.c",
    "engine/ref/max_pool_s8__ref.c",
    "engine/ref/mean_s8__ref.c",
    "engine/ref/table_s8__ref.c",
    "engine/ref/softmax_s8__ref.c",
    "engine/ref/copy_s8__ref.c",
    "engine/ref/fill_s8__ref.c",
    "engine/ref/resize_nearest_s8__ref.c",
    "engine/dsp/depthwise_asm.h",
    "engine/dsp/depthwise_row.h",
    "engine/dsp/dsp.h",
    "engine/dsp/fully_connected.h",
    "engine/dsp/intrinsics.h",
    "engine/dsp/panel.h",
    "engine/dsp/pool.h",
    "engine/dsp/pool_window.h",
    "engine/dsp/requant_dsp.h",
    "engine/dsp/sum_rows.h",
    "engine/dsp/tile_4x2.h",
    "engine/dsp/tile_groups.h",
    "engine/dsp/winograd.h",
    "engine/dsp/add_s8__dsp.c",
    "engine/dsp/average_pool_s8__dsp.c",
    "engine/dsp/conv2d_s8__dsp.c",
    "engine/dsp/conv2d_winograd_s8__dsp.c",
    "engine/dsp/depthwise_channel.c",
    "engine/dsp/depthwise_row.c",
    "engine/dsp/depthwise_row_3.c",
    "engine/dsp/depthwise_s8__dsp.c",
    "engine/dsp/depthwise_split.c",
    "engine/dsp/fully_connected_s8__dsp.c",
    "engine/dsp/global_average_pool_s8__dsp.c",
    "engine/dsp/max_pool_s8__dsp.c",
    "engine/dsp/mean_s8__dsp.c",
    "engine/dsp/panel.c",
    "engine/dsp/sum_rows.c",
    "engine/dsp/tile_4x2.c",
    "engine/dsp/tile_groups.c",
    NULL,
};

const char *const arm_files[] = {
    "arm/startup.h",     "arm/startup.c",     "arm/memory.c", "arm/selftest.h", "arm/selftest.c",
    "arm/semihosting.h", "arm/semihosting.c", "arm/main.c",   "arm/emulator.c", "arm/layer.h",
    "arm/protocol.h",    "arm/frame.h",       "arm/frame.c",  "arm/port.h",     "arm/port_mps2.c",
    "arm/harness.c",     "arm/mlperf.c",      NULL,
};

/* ---- build.ninja ------------------------------------------------------------------------------------------
 */

static const char *object_of(const char *source, struct arena *arena)
{
    return arena_printf(arena, "build/%.*s.o", (int)strlen(source) - 2, source);
}

static bool is_c(const char *file)
{
    return file[strlen(file) - 1] == 'c';
}

static void add_compile(struct strbuf *out, struct strbuf *objects, const char *source, struct arena *arena)
{
    const char *object = object_of(source, arena);
    strbuf_addf(out, "build %s: compile %s\n", object, source);
    if (objects)
        strbuf_addf(objects, " $\n    %s", object);
}

void emit_build_ninja(struct strbuf *out, const struct emission *emission)
{
    const struct board *board = emission->board;
    struct arena *arena = emission->arena;
    struct strbuf objects = STRBUF_INIT;

    strbuf_addf(out,
                "# build.ninja - firmware.elf for %s, emulator.elf for qemu-system-arm -M %s. Written by "
                "mcunet %s; do not edit.\n"
                "#\n"
                "# `ninja` builds both. No paths, dates or debug information: the same sources give the same "
                "bytes anywhere.\n"
                "ninja_required_version = 1.5\n"
                "builddir = build\n\n"
                "cc = arm-none-eabi-gcc\n"
                "target = -mcpu=%s -mthumb -mfpu=%s -mfloat-abi=hard\n"
                "cflags = $target -std=c11 -O2 -ffreestanding -ffunction-sections -fdata-sections $\n"
                "    -fno-unwind-tables -fno-asynchronous-unwind-tables -ffile-prefix-map=./= -Wall -Wextra "
                "-I. -Iarm%s\n"
                "ldflags = $target -nostdlib -Wl,--gc-sections -Wl,--build-id=none -Wl,--fatal-warnings\n\n",
                board->title, board->emulator.machine, MCUNET_VERSION, board->core, board->fpu,
                strcmp(board->core, "cortex-m7") ? "" : " -DMCU_CORTEX_M7=1");
    strbuf_adds(out, "rule compile\n"
                     "  command = $cc $cflags -MMD -MF $out.d -c $in -o $out\n"
                     "  depfile = $out.d\n"
                     "  deps = gcc\n"
                     "  description = CC $in\n\n"
                     "rule link\n"
                     "  command = $cc $ldflags -T $script $in -lgcc -o $out\n"
                     "  description = LINK $out\n\n");
    add_compile(out, NULL, "model.c", arena);
    add_compile(out, &objects, "weights.c", arena);
    for (int i = 0; engine_files[i]; i++)
        if (is_c(engine_files[i]))
            add_compile(out, &objects, engine_files[i], arena);
    static const char *const shared[] = {"arm/startup.c", "arm/memory.c", "arm/selftest.c"};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        add_compile(out, &objects, shared[i], arena);
    add_compile(out, NULL, "arm/main.c", arena);
    add_compile(out, NULL, "arm/emulator.c", arena);
    add_compile(out, NULL, "arm/semihosting.c", arena);

    const char *port = harness_port_object(board, arena); /* clock and caches: mcu_board_init() */
    strbuf_addf(out,
                "\nbuild firmware.elf: link build/arm/main.o build/model.o%s%s%s | firmware.ld\n"
                "  script = firmware.ld\n",
                port ? " " : "", port ? port : "", strbuf_text(&objects));
    strbuf_addf(out,
                "\nbuild emulator.elf: link build/arm/emulator.o build/arm/semihosting.o build/model.o%s | "
                "emulator.ld\n"
                "  script = emulator.ld\n",
                strbuf_text(&objects));
    strbuf_adds(out, "\ndefault firmware.elf emulator.elf\n");
    emit_harness_build(out, emission, strbuf_text(&objects));
    strbuf_release(&objects);
}

/* ---- linker scripts ---------------------------------------------------------------------------------------
 */

/* The template's @WORD@s and what replaces them. */
struct substitution {
    const char *word, *text;
};

static const char *memory_line(const char *name, const char *access, uint32_t origin, uint32_t bytes,
                               const char *comment, struct arena *arena)
{
    return arena_printf(arena, "    %s (%s) : ORIGIN = 0x%08x, LENGTH = %u /* %s */\n", name, access, origin,
                        bytes, comment);
}

/* The board's own memories. */
static const char *board_memory(const struct board *board, bool separate_stack, struct arena *arena)
{
    const struct memory_region *code = board_region(board, "code"), *ram = board_region(board, "arena"),
                               *stack = board_region(board, "stack");
    const char *text = memory_line("flash", "rx", code->origin, code->bytes, code->name, arena);
    text = arena_printf(arena, "%s%s", text,
                        memory_line("ram", "rw", ram->origin, ram->bytes, ram->name, arena));
    if (separate_stack)
        text = arena_printf(arena, "%s%s", text,
                            memory_line("stack_ram", "rw", stack->origin, stack->bytes, stack->name, arena));
    return text;
}

/* The stand-in's memories, each cut to the board's size, so that what fits here fits the board; the harness,
 * which the board does not have, lies at the far end of them. The stack comes first: below it nothing is
 * mapped. */
static const char *emulator_memory(const struct board *board, bool separate_stack, struct arena *arena)
{
    const struct memory_region *code = board_region(board, "code"), *ram = board_region(board, "arena"),
                               *stack = board_region(board, "stack");
    const struct memory_region *flash_here = &board->emulator.flash, *ram_here = &board->emulator.ram;
    uint32_t origin = ram_here->origin;
    const char *text = memory_line("flash", "rx", flash_here->origin, code->bytes, code->name, arena);
    if (separate_stack) {
        text = arena_printf(arena, "%s%s", text,
                            memory_line("stack_ram", "rw", origin, stack->bytes, stack->name, arena));
        origin += stack->bytes;
    }
    text = arena_printf(arena, "%s%s", text, memory_line("ram", "rw", origin, ram->bytes, ram->name, arena));
    text = arena_printf(arena, "%s%s", text,
                        memory_line("harness_flash", "rx",
                                    flash_here->origin + flash_here->bytes - EMULATOR_HARNESS_BYTES,
                                    EMULATOR_HARNESS_BYTES, "semihosting", arena));
    return arena_printf(arena, "%s%s", text,
                        memory_line("harness_ram", "rw",
                                    ram_here->origin + ram_here->bytes - EMULATOR_HARNESS_BYTES,
                                    EMULATOR_HARNESS_BYTES, "semihosting", arena));
}

static const char harness_sections[] = "    /* Not on the board: main() of the emulator and semihosting. */\n"
                                       "    .harness_code :\n"
                                       "    {\n"
                                       "        *emulator.o(.text* .rodata*)\n"
                                       "        *semihosting.o(.text* .rodata*)\n"
                                       "        . = ALIGN(4);\n"
                                       "    } > harness_flash\n\n"
                                       "    .harness_data (NOLOAD) :\n"
                                       "    {\n"
                                       "        *emulator.o(.bss*)\n"
                                       "    } > harness_ram\n\n";

void emit_linker_script(struct strbuf *out, const struct emission *emission, const char *template,
                        bool emulator)
{
    const struct board *board = emission->board;
    struct arena *arena = emission->arena;
    bool separate_stack = board_region(board, "stack") != board_region(board, "arena");
    const struct substitution words[] = {
        {"OUTPUT", emulator ? "emulator.ld" : "firmware.ld"},
        {"BOARD", board->title},
        {"PURPOSE", emulator ? arena_printf(arena, "the program that runs in qemu-system-arm -M %s",
                                            board->emulator.machine)
                             : "the program that is flashed"},
        {"MEMORY", emulator ? emulator_memory(board, separate_stack, arena)
                            : board_memory(board, separate_stack, arena)},
        {"HARNESS", emulator ? harness_sections : ""},
        {"STACK_BYTES", arena_printf(arena, "%d", FIRMWARE_STACK_BYTES)},
        {"STACK_REGION", separate_stack ? "stack_ram" : "ram"},
        {"ARENA_REGION", "ram"},
    };
    for (const char *at = template; *at;) {
        const char *open = strchr(at, '@'), *close = open ? strchr(open + 1, '@') : NULL;
        if (!close) {
            strbuf_adds(out, at);
            return;
        }
        strbuf_add(out, at, (size_t)(open - at));
        size_t length = (size_t)(close - open - 1), w = 0;
        while (w < sizeof words / sizeof *words &&
               (strlen(words[w].word) != length || strncmp(words[w].word, open + 1, length) != 0))
            w++;
        if (w == sizeof words / sizeof *words)
            die("linker template: unknown word '%.*s'", (int)length, open + 1);
        strbuf_adds(out, words[w].text);
        at = close + 1;
    }
}
