/*
 * chip.c - the simulation: registers by address, reactions, and the rules that hold for every chip.
 */
#include "tests/ports/chip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

enum {
    MAX_REGISTERS = 256,
    MAX_REACTIONS = 32,
    REACTION_READS = 3,
    HSE_HZ = 8000000,
    FIFO_BYTES = 16,
    MAX_LINES = 4 * 128
};

/* Arm's own, chapters B2, B3 and C1 of DDI 0403. */
#define DWT_CTRL   0xE0001000u
#define DWT_CYCCNT 0xE0001004u
#define DWT_LAR    0xE0001FB0u
#define CCR        0xE000ED14u
#define CCSIDR     0xE000ED80u
#define CSSELR     0xE000ED84u
#define DEMCR      0xE000EDFCu
#define ICIALLU    0xE000EF50u
#define DCISW      0xE000EF60u

struct cell {
    struct chip_register what;
    uint32_t value;
};

static struct {
    const struct chip *chip;
    const struct chip_usart *usart;
    struct cell cells[MAX_REGISTERS];
    int n_cells;
    int waiting[MAX_REACTIONS]; /* reads until the reaction shows; 0: it shows */
    int broken;
    long accesses;
    uint8_t fifo[FIFO_BYTES];
    int n_fifo, busy, sent;
    uint32_t errors;
    bool state_was_read; /* SR of the old USART: reading it, then DR clears the errors */
    bool counter_unlocked, instructions_invalidated;
    bool line_invalidated[MAX_LINES];
} now;

/* ---- registers ---- */

static struct cell *find(uint32_t address)
{
    for (int i = 0; i < now.n_cells; i++)
        if (now.cells[i].what.address == address)
            return &now.cells[i];
    return NULL;
}

static struct cell *at(uint32_t address)
{
    struct cell *cell = find(address);
    if (!cell)
        fail_msg("%s has no register at 0x%08x", now.chip->name, (unsigned)address);
    return cell;
}

uint32_t chip_peek(uint32_t address)
{
    return at(address)->value;
}

uint32_t chip_field(uint32_t address, int high, int low)
{
    return (chip_peek(address) & BITS(high, low)) >> low;
}

static void add(const struct chip_register *what)
{
    assert_true(now.n_cells < MAX_REGISTERS);
    assert_null(find(what->address));
    now.cells[now.n_cells++] = (struct cell){*what, what->reset};
}

static void add_plain(const char *name, uint32_t address, uint32_t reset, uint32_t writable)
{
    add(&(struct chip_register){name, address, reset, writable, 0, 0, 0, 0, 0});
}

static void add_arm(void)
{
    add_plain("DEMCR", DEMCR, 0, BIT(24));
    add_plain("DWT_CTRL", DWT_CTRL, 0x40000000u, BIT(0));
    add_plain("DWT_CYCCNT", DWT_CYCCNT, 0x12345678u, UINT32_MAX);
    if (!now.chip->data_cache)
        return;
    add_plain("DWT_LAR", DWT_LAR, 0, UINT32_MAX);
    add_plain("CCR", CCR, 0x00040200u, BITS(17, 16));
    add_plain("CCSIDR", CCSIDR, 0, 0);
    add_plain("CSSELR", CSSELR, 1, BITS(3, 0)); /* unknown at reset: the instruction cache, to be mean */
    add_plain("ICIALLU", ICIALLU, 0, UINT32_MAX);
    add_plain("DCISW", DCISW, 0, UINT32_MAX);
}

static void add_gpio(void)
{
    for (uint32_t port = 0; port < 9; port++)
        for (uint32_t offset = 0; offset < 0x28; offset += 4)
            add(&(struct chip_register){"GPIO", now.chip->gpio_base + 0x400u * port + offset, 0, UINT32_MAX,
                                        now.chip->gpio_gate, BIT(port), 0, 0, 0});
}

static void add_usart(void)
{
    const struct chip_usart *usart = now.usart;
    bool old = usart->kind == CHIP_USART_SR_DR;
    uint32_t cr1 = usart->base + (old ? 0x0Cu : 0), enable = old ? BIT(13) : BIT(0);
    for (uint32_t offset = 0; offset <= 0x28; offset += 4) {
        uint32_t address = usart->base + offset,
                 locked = address == cr1 ? old ? BITS(12, 12) : BIT(29) | BITS(13, 12) : UINT32_MAX;
        bool data = old ? offset <= 4 : offset >= 0x1C;
        add(&(struct chip_register){"USART", address, 0, UINT32_MAX, usart->gate, usart->gate_bit,
                                    data ? 0 : cr1, data ? 0 : enable, data ? 0 : locked});
    }
}

void chip_reset(const struct chip *chip, const char *usart)
{
    memset(&now, 0, sizeof now);
    now.chip = chip;
    now.broken = -1;
    now.sent = -1;
    for (int i = 0; i < chip->n_usarts && !now.usart; i++)
        if (strcmp(chip->usarts[i].name, usart) == 0)
            now.usart = &chip->usarts[i];
    if (!now.usart)
        fail_msg("the tables of %s have no %s", chip->name, usart);
    for (int i = 0; i < chip->n_registers; i++)
        add(&chip->registers[i]);
    add_arm();
    add_gpio();
    add_usart();
    assert_true(chip->n_reactions <= MAX_REACTIONS);
    assert_int_equal(chip->clocks().core_hz, chip->reset_hz); /* the tables agree with themselves */
}

void chip_reset_dirty(const struct chip *chip, const char *usart)
{
    chip_reset(chip, usart);
    for (int i = 0; i < chip->n_dirt; i++) {
        struct cell *cell = at(chip->dirt[i].address);
        assert_int_equal(chip->dirt[i].value & ~chip->dirt[i].mask, 0);
        cell->value = (cell->value & ~chip->dirt[i].mask) | chip->dirt[i].value;
    }
    assert_int_equal(chip->clocks().core_hz, HSE_HZ);
}

/* ---- reactions ---- */

void chip_break(int reaction)
{
    now.broken = reaction;
}

static uint32_t lowest_bit(uint32_t mask)
{
    return mask & (0u - mask);
}

/* What the reacting bits are to become. */
static uint32_t reaction_target(const struct chip_reaction *reaction)
{
    uint32_t cause = chip_peek(reaction->cause) & reaction->cause_mask;
    bool holds = cause == reaction->cause_value;
    if (reaction->kind == CHIP_FOLLOWS)
        return cause / lowest_bit(reaction->cause_mask) * lowest_bit(reaction->mask);
    if (reaction->also)
        holds = holds && (chip_peek(reaction->also) & reaction->also_mask) == reaction->also_mask;
    return holds == (reaction->kind == CHIP_FLAG) ? reaction->mask : 0;
}

/* One read of `address` passes. */
static void react(uint32_t address)
{
    for (int i = 0; i < now.chip->n_reactions; i++) {
        const struct chip_reaction *reaction = &now.chip->reactions[i];
        struct cell *cell = at(reaction->address);
        uint32_t target = reaction_target(reaction);
        if ((cell->value & reaction->mask) == target)
            now.waiting[i] = REACTION_READS;
        else if (reaction->address == address && i != now.broken && --now.waiting[i] <= 0)
            cell->value = (cell->value & ~reaction->mask) | target;
    }
}

void chip_settle(void)
{
    for (int round = 0; round < 2 * REACTION_READS; round++)
        for (int i = 0; i < now.chip->n_reactions; i++)
            react(now.chip->reactions[i].address);
}

/* ---- rules ---- */

static void check_gate(const struct cell *cell)
{
    if (cell->what.gate && !(chip_peek(cell->what.gate) & cell->what.gate_bit))
        fail_msg("%s at 0x%08x is used before it has a clock", cell->what.name, (unsigned)cell->what.address);
}

static void check_below(const char *what, uint32_t hz, uint32_t limit)
{
    if (hz > limit)
        fail_msg("%s: %s runs at %u Hz, allowed are %u", now.chip->name, what, (unsigned)hz, (unsigned)limit);
}

static void check_clocks(void)
{
    const struct chip_limits *limits = &now.chip->limits;
    struct chip_clocks clocks = now.chip->clocks();
    if (!clocks.core_hz)
        fail_msg("%s: the core has no clock", now.chip->name);
    check_below("the core", clocks.core_hz, now.chip->core_limit_hz());
    check_below("HCLK", clocks.hclk_hz, limits->hclk);
    check_below("PCLK1", clocks.pclk1_hz, limits->pclk1);
    check_below("PCLK2", clocks.pclk2_hz, limits->pclk);
    check_below("PCLK3", clocks.pclk3_hz, limits->pclk);
    check_below("PCLK4", clocks.pclk4_hz, limits->pclk);
    if (!clocks.vco_hz)
        return;
    check_below("the PLL's input", clocks.pll_in_hz, limits->pll_in_max);
    check_below("the VCO", clocks.vco_hz, limits->vco_max);
    if (clocks.pll_in_hz < limits->pll_in_min || clocks.vco_hz < limits->vco_min)
        fail_msg("%s: PLL input %u Hz or VCO %u Hz is too low", now.chip->name, (unsigned)clocks.pll_in_hz,
                 (unsigned)clocks.vco_hz);
}

static void check_write(const struct cell *cell, uint32_t value)
{
    const struct chip_register *what = &cell->what;
    uint32_t changed = cell->value ^ value;
    for (int i = 0; i < now.chip->n_reactions; i++) /* writing back what was read is no change of a flag */
        if (now.chip->reactions[i].address == what->address)
            changed &= ~now.chip->reactions[i].mask;
    for (int i = 0; i < now.chip->n_orders; i++) {
        const struct chip_order *order = &now.chip->orders[i];
        if (order->address == what->address && (changed & order->mask) &&
            (value & order->mask) == order->value &&
            (chip_peek(order->needs) & order->needs_mask) != order->needs_value)
            fail_msg("%s: %s", now.chip->name, order->text);
    }
    if (changed & ~what->writable)
        fail_msg("%s: reserved bits 0x%08x are changed", what->name, (unsigned)(changed & ~what->writable));
    if (what->lock && (chip_peek(what->lock) & what->lock_bit) && (changed & what->lock_mask)) {
        bool unlocks = what->lock == what->address && !(value & what->lock_bit); /* in the same write */
        if (!unlocks)
            fail_msg("%s: bits 0x%08x are changed while that is forbidden", what->name,
                     (unsigned)(changed & what->lock_mask));
    }
}

/* ---- Arm's registers ---- */

static bool counter_writable(void)
{
    return (chip_peek(DEMCR) & BIT(24)) && (now.counter_unlocked || !now.chip->data_cache);
}

static bool lines_invalidated(void)
{
    uint32_t sets = (now.chip->data_cache >> 13 & 0x7FFF) + 1;
    for (uint32_t set = 0; set < sets; set++)
        for (uint32_t way = 0; way < 4; way++)
            if (!now.line_invalidated[set * 4 + way])
                return false;
    return true;
}

/* true: the write was Arm's and is done. */
static bool write_arm(uint32_t address, uint32_t value)
{
    uint32_t set = value >> 5 & 0x1FF, way = value >> 30;
    switch (address) {
    case DWT_LAR:
        now.counter_unlocked = value == 0xC5ACCE55u && (chip_peek(DEMCR) & BIT(24));
        return true;
    case DWT_CTRL:
    case DWT_CYCCNT:
        return !counter_writable(); /* ignored */
    case ICIALLU:
        now.instructions_invalidated = true;
        return true;
    case DCISW:
        assert_false(chip_peek(CCR) & BIT(16)); /* would lose data */
        assert_true(set * 4 + way < MAX_LINES);
        now.line_invalidated[set * 4 + way] = true;
        return true;
    case CCR:
        if (value & BIT(17))
            assert_true(now.instructions_invalidated);
        if (value & BIT(16))
            assert_true(lines_invalidated());
        return false;
    default:
        return false;
    }
}

/* ---- the wired USART ---- */

static uint32_t usart_state(void)
{
    bool room = now.busy == 0;
    if (now.busy > 0)
        now.busy--;
    return now.errors | (now.n_fifo ? BIT(5) : 0) | (room ? BIT(7) : 0);
}

static uint32_t usart_data(void)
{
    uint32_t byte = now.n_fifo ? now.fifo[0] : 0;
    if (now.n_fifo) {
        now.n_fifo--;
        memmove(now.fifo, now.fifo + 1, (size_t)now.n_fifo);
    }
    return byte;
}

static bool read_usart(uint32_t address, uint32_t *value)
{
    uint32_t offset = address - now.usart->base;
    if (now.usart->kind == CHIP_USART_SR_DR && offset == 0) {
        now.state_was_read = true;
        *value = usart_state();
    } else if (now.usart->kind == CHIP_USART_SR_DR && offset == 4) {
        if (now.state_was_read)
            now.errors = 0;
        *value = usart_data();
    } else if (now.usart->kind != CHIP_USART_SR_DR && offset == 0x1C) {
        *value = usart_state();
    } else if (now.usart->kind != CHIP_USART_SR_DR && offset == 0x24) {
        *value = usart_data();
    } else {
        return false;
    }
    return true;
}

static void write_usart(uint32_t address, uint32_t value)
{
    uint32_t offset = address - now.usart->base;
    if (offset == (now.usart->kind == CHIP_USART_SR_DR ? 4u : 0x28u))
        now.sent = (int)(value & 0xFF);
    if (now.usart->kind != CHIP_USART_SR_DR && offset == 0x20)
        now.errors &= ~value;
}

/* ---- accesses ---- */

uint32_t chip_read(uint32_t address)
{
    uint32_t value;
    struct cell *cell = at(address);
    now.accesses++;
    check_gate(cell);
    if (read_usart(address, &value))
        return value;
    react(address);
    check_clocks();
    if (address == CCSIDR)
        return chip_peek(CSSELR) == 0 ? now.chip->data_cache : 0xF00FE009u;
    return cell->value;
}

void chip_write(uint32_t address, uint32_t value)
{
    struct cell *cell = at(address);
    now.accesses++;
    check_gate(cell);
    if (write_arm(address, value))
        return;
    check_write(cell, value);
    for (int i = 0; i < now.chip->n_reactions; i++) /* what the hardware shows is not written */
        if (now.chip->reactions[i].address == address)
            value = (value & ~now.chip->reactions[i].mask) | (cell->value & now.chip->reactions[i].mask);
    cell->value = value;
    write_usart(address, value);
    check_clocks();
}

/* ---- what the test asks ---- */

long chip_accesses(void)
{
    return now.accesses;
}

void chip_check_wanted(void)
{
    for (int i = 0; i < now.chip->n_wanted; i++) {
        const struct chip_state *wanted = &now.chip->wanted[i];
        const struct cell *cell = at(wanted->address);
        if ((cell->value & wanted->mask) != wanted->value)
            fail_msg("%s: %s is 0x%08x in the end", now.chip->name, cell->what.name, (unsigned)cell->value);
    }
}

double chip_baud(void)
{
    const struct chip_usart *usart = now.usart;
    uint32_t base = usart->base, hz = now.chip->clocks().uart_hz;
    bool old = usart->kind == CHIP_USART_SR_DR;
    uint32_t on = old ? BIT(13) | BIT(3) | BIT(2) : BIT(0) | BIT(3) | BIT(2);
    uint32_t control = chip_peek(base + (old ? 0x0C : 0)), divider = chip_peek(base + (old ? 8 : 0x0C));
    if ((control & on) != on || divider == 0)
        return 0;
    assert_int_equal(control & (BIT(15) | BIT(12) | BIT(10)), 0); /* 16 samples, 8 bits, no parity */
    if (usart->kind == CHIP_LPUART) {
        assert_in_range(divider, 0x300, 0xFFFFF);
        return 256.0 * hz / divider;
    }
    assert_in_range(divider, 16, 0xFFFF);
    return (double)hz / divider;
}

int chip_pin_function(int port, int pin)
{
    uint32_t base = now.chip->gpio_base + 0x400u * (uint32_t)port;
    if (chip_field(base, 2 * pin + 1, 2 * pin) != 2)
        return -1;
    int low = pin % 8 * 4;
    return (int)chip_field(base + (pin < 8 ? 0x20 : 0x24), low + 3, low);
}

void chip_receive(uint8_t byte)
{
    assert_true(now.n_fifo < FIFO_BYTES);
    now.fifo[now.n_fifo++] = byte;
}

void chip_line_errors(uint32_t errors)
{
    now.errors = errors;
    now.state_was_read = false;
}

uint32_t chip_line_errors_left(void)
{
    return now.errors;
}

void chip_transmitter_busy(int reads)
{
    now.busy = reads;
}

int chip_sent(void)
{
    return now.sent;
}

void chip_cycles(uint32_t cycles)
{
    at(DWT_CYCCNT)->value = cycles;
}

bool chip_caches_on(void)
{
    return (chip_peek(CCR) & BITS(17, 16)) == BITS(17, 16);
}

bool chip_counter_on(void)
{
    return chip_peek(DWT_CTRL) & BIT(0);
}

const struct chip *chip_find(const char *board)
{
    static const struct chip *const chips[] = {&chip_stm32f412, &chip_stm32f746, &chip_stm32f765,
                                               &chip_stm32h743, &chip_stm32h7a3, &chip_stm32l4r5,
                                               &chip_stm32u575};
    for (int i = 0; i < COUNT(chips); i++)
        if (strcmp(chips[i]->name, board) == 0)
            return chips[i];
    return NULL;
}
