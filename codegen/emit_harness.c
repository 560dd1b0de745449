#include "codegen/emit_harness.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/emit_parts.h"

/* What the ports of STM32 share. */
static const char *const port_headers[] = {
    "arm/cortex_m.h",
    "arm/registers.h",
    "arm/cortex_port.h",
    "arm/stm32.h",
    "arm/stm32_usart.h",
};

bool harness_has_port(const struct board *board)
{
    return board->port && *board->port;
}

/* mcu_board_init() of arm/port_<port>.c and its tables, less the empty one of startup.c, as linked into
 * firmware.elf (arm-none-eabi-gcc 12.2.1; tests/board checks them). */
static const struct {
    const char *port;
    int bytes;
} port_sizes[] = {
    {"stm32f4", 480}, {"stm32f7", 728},   {"stm32h7", 812},
    {"stm32l4", 520}, {"stm32h7a3", 696}, {"stm32u5", 620},
};

int harness_port_code_bytes(const struct board *board)
{
    enum { USUAL_BYTES = 512 }; /* of a port that is not ours */
    if (!harness_has_port(board))
        return 0;
    for (size_t i = 0; i < sizeof port_sizes / sizeof *port_sizes; i++)
        if (strcmp(port_sizes[i].port, board->port) == 0)
            return port_sizes[i].bytes;
    return USUAL_BYTES;
}

const char *harness_port_object(const struct board *board, struct arena *arena)
{
    return harness_has_port(board) ? arena_printf(arena, "build/arm/port_%s.o", board->port) : NULL;
}

const char *const *harness_port_files(const struct board *board, struct arena *arena)
{
    enum { HEADERS = sizeof port_headers / sizeof *port_headers };
    const char **files = ARENA_ARRAY(arena, const char *, HEADERS + 2);
    int n = 0;
    if (harness_has_port(board)) {
        files[n++] = arena_printf(arena, "arm/port_%s.c", board->port);
        for (int i = 0; i < HEADERS; i++)
            files[n++] = port_headers[i];
    }
    files[n] = NULL;
    return files;
}

/* Letters, digits and what keep says; the rest becomes '_'. Goes into a command line of build.ninja. */
static const char *plain_word(const char *text, const char *keep, bool capitals, struct arena *arena)
{
    char *word = arena_strdup(arena, text);
    for (char *at = word; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (!(c < 128 && isalnum(c)) && !strchr(keep, c))
            *at = '_';
        else if (capitals)
            *at = (char)toupper(c);
    }
    return word;
}

/* "PD8 AF7" -> "PD8" */
static const char *first_word(const char *text, struct arena *arena)
{
    return plain_word(arena_printf(arena, "%.*s", (int)strcspn(text, " ,"), text), "", true, arena);
}

/* 64 hexadecimal digits, whatever the text: harness.c counts on them. */
static const char *sha256_digits(const char *text, struct arena *arena)
{
    enum { DIGITS = 64 };
    char *digits = arena_alloc(arena, DIGITS + 1);
    memset(digits, '0', DIGITS);
    for (int i = 0; i < DIGITS && text[i]; i++)
        if (strchr("0123456789abcdef", text[i]))
            digits[i] = text[i];
    return digits;
}

/* "PD8 AF7": the pin and its alternate function. */
static void add_pin_flags(struct strbuf *out, const char *which, const char *pin, struct arena *arena)
{
    const char *function = strstr(pin, " AF");
    strbuf_addf(out, " -DMCU_UART_%s=%s", which, first_word(pin, arena));
    if (function && isdigit((unsigned char)function[3]))
        strbuf_addf(out, " -DMCU_UART_%s_AF=%d", which, atoi(function + 3));
}

/* The macros that arm/port.h promises. */
static void add_board_flags(struct strbuf *out, const struct board *board, struct arena *arena)
{
    strbuf_addf(out,
                "board = -DMCU_BOARD_%s -DMCU_BOARD_NAME='\"%s\"' -DMCU_CLOCK_MHZ=%d "
                "-DMCU_FLASH_WAIT_STATES=%d",
                plain_word(board->name, "", true, arena), plain_word(board->name, "-.", false, arena),
                board->clock_mhz, board->flash_wait_states);
    if (board->uart.baud)
        strbuf_addf(out, " -DMCU_UART_BAUD=%d", board->uart.baud);
    if (harness_has_port(board) && board->uart.instance && *board->uart.instance) {
        strbuf_addf(out, " $\n    -DMCU_UART=%s", first_word(board->uart.instance, arena));
        add_pin_flags(out, "TX", board->uart.tx, arena);
        add_pin_flags(out, "RX", board->uart.rx, arena);
    }
    strbuf_adds(out, "\n");
}

static void add_object(struct strbuf *out, const char *name, const char *source, const char *flags)
{
    strbuf_addf(out, "build build/%s.o: compile %s\n  cflags = $cflags%s\n", name, source, flags);
}

static void add_program(struct strbuf *out, const char *elf, const char *main_objects, const char *port,
                        const char *objects, const char *script)
{
    strbuf_addf(out, "\nbuild %s: link %s %s%s | %s\n  script = %s\n", elf, main_objects, port, objects,
                script, script);
}

void emit_harness_build(struct strbuf *out, const struct emission *emission, const char *objects)
{
    static const char harness[] = "build/arm/harness.o build/arm/frame.o build/harness_model.o",
                      mlperf[] = "build/arm/mlperf.o build/model.o", emulated[] = "build/arm/port_mps2.o";
    struct arena *arena = emission->arena;
    const char *port = harness_port_object(emission->board, arena);

    strbuf_adds(out, "\n# Measuring (`mcunet flash --measure`): not built unless named.\n");
    add_board_flags(out, emission->board, arena);
    strbuf_addf(out, "identity = -DMCU_GENERATOR_VERSION='\"%s\"' $\n    -DMCU_MODEL_SHA256='\"%s\"'\n",
                MCUNET_VERSION, sha256_digits(emission->options->model_sha256, arena));
    add_object(out, "arm/frame", "arm/frame.c", "");
    add_object(out, "arm/harness", "arm/harness.c", " $board $identity");
    add_object(out, "arm/mlperf", "arm/mlperf.c", " $board");
    add_object(out, "arm/port_mps2", "arm/port_mps2.c", "");
    add_object(out, "harness_model", "model.c", " -include arm/layer.h");
    if (port) {
        const char *source = arena_printf(arena, "arm/port_%s.c", emission->board->port);
        add_object(out, arena_printf(arena, "arm/port_%s", emission->board->port), source, " $board");
        add_program(out, "harness.elf", harness, port, objects, "firmware.ld");
        add_program(out, "mlperf.elf", mlperf, port, objects, "firmware.ld");
    }
    add_program(out, "harness_emulator.elf", harness, emulated, objects, "emulator.ld");
    add_program(out, "mlperf_emulator.elf", mlperf, emulated, objects, "emulator.ld");
}
