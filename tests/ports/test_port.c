/*
 * test_port.c - one port (PORT_SOURCE, compiled with the macros of one board) against a model of the board's
 * chip.
 *
 * chip.c fails by itself when the port breaks a rule of the manual: a clock above what voltage and wait
 * states allow at that moment, a PLL changed while it runs, a peripheral used without clock, reserved bits,
 * addresses where nothing is. The tests below ask for the results.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "boards/board.h"
#include "tests/ports/chip.h"

/* In place of boards/arm/registers.h. */
#define MCU_REGISTERS_H
static inline uint32_t mcu_read32(uint32_t address)
{
    return chip_read(address);
}

static inline void mcu_write32(uint32_t address, uint32_t value)
{
    chip_write(address, value);
}

static inline void mcu_barrier(void)
{
}

#include PORT_SOURCE

#define TEXT_OF(word) TEXT(word)
#define TEXT(word)    #word

enum { BAUD = 115200, ACCESSES_MAX = 1500000 };

static const struct chip *chip;

static void power_up(void)
{
    chip_reset(chip, TEXT_OF(MCU_UART));
}

static void check_baud(double wanted)
{
    double baud = chip_baud();
    if (fabs(baud - wanted) > 0.01 * wanted)
        fail_msg("%.0f baud were asked for, the line has %.0f", wanted, baud);
}

/* What was compiled in is what the board file says. */
static void macros_are_the_board_files(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct board *board;
    assert_int_equal(board_load(&board, BOARD, &arena), 0);
    assert_int_equal(board->clock_mhz, MCU_CLOCK_MHZ);
    assert_int_equal(board->flash_wait_states, MCU_FLASH_WAIT_STATES);
    arena_release(&arena);
}

static void check_started(void)
{
    chip_settle(); /* what was asked for last shows, too */
    struct chip_clocks clocks = chip->clocks();
    assert_int_equal(clocks.pll_hz, MCU_CLOCK_MHZ * 1000000);
    assert_int_equal(clocks.core_hz, MCU_CLOCK_MHZ * 1000000);
    assert_int_equal(mcu_port_clock_hz(), clocks.core_hz);
    if (chip->data_cache)
        assert_true(chip_caches_on());
    chip_check_wanted();
}

static void core_runs_at_the_boards_clock(void **state)
{
    (void)state;
    power_up();
    mcu_board_init();
    assert_true(chip_accesses() < 2000);
    check_started();
}

static void a_boot_loader_leaves_no_trace(void **state)
{
    (void)state;
    chip_reset_dirty(chip, TEXT_OF(MCU_UART));
    mcu_board_init();
    check_started();
}

/* When an application calls it again, the PLL drives the core already. */
static void a_second_start_is_as_good(void **state)
{
    (void)state;
    power_up();
    mcu_board_init();
    mcu_port_init(BAUD);
    mcu_board_init();
    mcu_port_init(2 * BAUD);
    check_started();
    check_baud(2 * BAUD);
}

static void uart_has_the_baud_rate(void **state)
{
    (void)state;
    static const uint32_t bauds[] = {115200, 230400, 460800, 921600};
    for (int i = 0; i < COUNT(bauds); i++) {
        power_up();
        mcu_board_init();
        mcu_port_init(bauds[i]);
        check_baud(bauds[i]);
        assert_int_equal(chip_pin_function(pins.tx / 16, pins.tx % 16), MCU_UART_TX_AF);
        assert_int_equal(chip_pin_function(pins.rx / 16, pins.rx % 16), MCU_UART_RX_AF);
    }
}

static void uart_sends(void **state)
{
    (void)state;
    power_up();
    mcu_board_init();
    mcu_port_init(BAUD);
    mcu_port_put(0xA5);
    assert_int_equal(chip_sent(), 0xA5);
    chip_transmitter_busy(20);
    long before = chip_accesses();
    mcu_port_put(0x5A);
    assert_int_equal(chip_sent(), 0x5A);
    assert_true(chip_accesses() - before >= 20);
    chip_transmitter_busy(-1); /* a UART without clock does not hold the firmware */
    before = chip_accesses();
    mcu_port_put(0);
    assert_true(chip_accesses() - before < ACCESSES_MAX);
}

static void uart_receives(void **state)
{
    (void)state;
    power_up();
    mcu_board_init();
    mcu_port_init(BAUD);
    assert_int_equal(mcu_port_get(), -1);
    for (int byte = 0; byte < 256; byte += 17) {
        chip_receive((uint8_t)byte);
        assert_int_equal(mcu_port_get(), byte);
        assert_int_equal(mcu_port_get(), -1);
    }
    /* Overrun with a byte waiting, then errors alone: both are cleared. */
    chip_receive(1);
    chip_receive(2);
    chip_line_errors(8);
    assert_int_equal(mcu_port_get(), 1);
    assert_int_equal(chip_line_errors_left(), 0);
    assert_int_equal(mcu_port_get(), 2);
    chip_line_errors(15);
    assert_int_equal(mcu_port_get(), -1);
    assert_int_equal(chip_line_errors_left(), 0);
    chip_receive(3);
    assert_int_equal(mcu_port_get(), 3);
}

static void counter_counts_core_cycles(void **state)
{
    (void)state;
    power_up();
    mcu_board_init();
    assert_int_equal(mcu_port_counter(), MCU_COUNTER_NONE); /* nobody started it */
    assert_int_equal(mcu_port_tick_hz(), 0);
    mcu_port_init(BAUD);
    assert_true(chip_counter_on());
    assert_int_equal(mcu_port_counter(), MCU_COUNTER_CORE_CYCLES);
    assert_int_equal(mcu_port_tick_hz(), MCU_CLOCK_MHZ * 1000000);
    assert_int_equal(mcu_port_ticks(), 0);
    chip_cycles(0xFFFFFFF0u);
    assert_int_equal(mcu_port_ticks(), 0xFFFFFFF0u);
}

/* Whatever does not get ready: the firmware starts, within bounds, and tells the clock that it really has. */
static void waiting_ends(void **state)
{
    (void)state;
    int slower = 0;
    for (int i = 0; i < chip->n_reactions; i++) {
        power_up();
        chip_break(i);
        mcu_board_init();
        assert_true(chip_accesses() < ACCESSES_MAX);
        chip_settle();
        uint32_t core_hz = chip->clocks().core_hz;
        if (mcu_port_clock_hz() != core_hz)
            fail_msg("without %s the core runs at %u Hz, the port says %u", chip->reactions[i].name,
                     (unsigned)core_hz, (unsigned)mcu_port_clock_hz());
        slower += core_hz < MCU_CLOCK_MHZ * 1000000u;
        mcu_port_init(BAUD);
        check_baud(BAUD);
        assert_int_equal(mcu_port_tick_hz(), core_hz);
        if (chip->data_cache)
            assert_true(chip_caches_on());
    }
    assert_true(slower >= 3); /* PLL, its switch, the voltage */
}

/* STM32H743 before revision V: no voltage scale 0, so 400 MHz, and that is what is told. */
static void old_revision_runs_slower(void **state)
{
    (void)state;
    if (strcmp(BOARD, "stm32h743") != 0)
        return;
    chip = &chip_stm32h743_revision_y;
    power_up();
    mcu_board_init();
    assert_int_equal(chip->clocks().core_hz, 400000000);
    assert_int_equal(mcu_port_clock_hz(), 400000000);
    assert_int_equal(chip_peek(0x51008108u), 1); /* ES0392: AXI SRAM reads */
    mcu_port_init(BAUD);
    check_baud(BAUD);
    chip = chip_find(BOARD);
}

int main(void)
{
    setenv("MCUNET_HOME", ".", 0);
    chip = chip_find(BOARD);
    if (!chip) {
        print_message("no model of the chip of board " BOARD "\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macros_are_the_board_files),
        cmocka_unit_test(core_runs_at_the_boards_clock),
        cmocka_unit_test(a_boot_loader_leaves_no_trace),
        cmocka_unit_test(a_second_start_is_as_good),
        cmocka_unit_test(uart_has_the_baud_rate),
        cmocka_unit_test(uart_sends),
        cmocka_unit_test(uart_receives),
        cmocka_unit_test(counter_counts_core_cycles),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(old_revision_runs_slower),
    };
    return cmocka_run_group_tests_name("port of " BOARD, tests, NULL, NULL);
}
