/*
 * chip.h - a chip as a port sees it: registers that answer, ready bits that come later, and rules of the
 * reference manual that fail the test when a write breaks them.
 *
 * A chip is tables (chip_*.c, written from the manuals, not from the ports). After each write the clock tree
 * is computed from the registers and must be within what voltage and wait states allow at that moment.
 */
#ifndef TESTS_PORTS_CHIP_H
#define TESTS_PORTS_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#define BIT(n)          (UINT32_C(1) << (n))
#define BITS(high, low) (((UINT32_C(2) << ((high) - (low))) - 1) << (low))
#define COUNT(array)    (int)(sizeof(array) / sizeof *(array))

struct chip_register {
    const char *name;
    uint32_t address, reset;
    uint32_t writable;       /* others keep their value; a port that changes one fails */
    uint32_t gate, gate_bit; /* accesses fail unless this bit is set; 0: always clocked */
    uint32_t lock, lock_bit; /* writable only while this bit is clear; 0: always */
    uint32_t lock_mask;      /* the bits of which that is true */
};

/* What the hardware does by itself, some reads after its cause. */
enum chip_reaction_kind {
    CHIP_FLAG,    /* bits are 1 while the cause holds */
    CHIP_BUSY,    /* bits are 0 while the cause holds, else 1 */
    CHIP_FOLLOWS, /* field shows the cause's field: same width, another place */
};

struct chip_reaction {
    const char *name;
    enum chip_reaction_kind kind;
    uint32_t cause, cause_mask, cause_value; /* FOLLOWS: cause_value unused */
    uint32_t address, mask;                  /* what reacts; read-only for software */
    uint32_t also, also_mask;                /* FLAG: and these bits must be 1; 0: nothing more */
};

/* A write that makes (address & mask) == value is wrong unless (needs & needs_mask) == needs_value. */
struct chip_order {
    const char *text;
    uint32_t address, mask, value, needs, needs_mask, needs_value;
};

/* A register's value. */
struct chip_state {
    uint32_t address, mask, value;
};

struct chip_clocks {
    uint32_t pll_in_hz, vco_hz, pll_hz; /* 0 while the PLL is off */
    uint32_t core_hz, hclk_hz, pclk1_hz, pclk2_hz, pclk3_hz, pclk4_hz;
    uint32_t uart_hz; /* what the baud rate is made of */
};

/* Hz, inclusive. */
struct chip_limits {
    uint32_t pll_in_min, pll_in_max, vco_min, vco_max, hclk, pclk;
    uint32_t pclk1; /* lower than pclk on some chips, else the same */
};

enum chip_usart_kind { CHIP_USART_SR_DR, CHIP_USART_ISR_ICR, CHIP_LPUART };

struct chip_usart {
    const char *name;
    enum chip_usart_kind kind;
    uint32_t base, gate, gate_bit;
};

struct chip {
    const char *name;
    const struct chip_register *registers;
    int n_registers;
    const struct chip_reaction *reactions;
    int n_reactions;
    const struct chip_order *orders;
    int n_orders;
    const struct chip_usart *usarts;
    int n_usarts;
    /* As a boot loader may leave it: the core on an external 8 MHz clock, HSI off, the PLL running for
     * nobody, other dividers, voltages, sources than the port wants. The masked bits differ from reset. */
    const struct chip_state *dirt;
    int n_dirt;
    /* What must be so in the end, beside the clock. */
    const struct chip_state *wanted;
    int n_wanted;
    uint32_t gpio_base, gpio_gate;
    uint32_t reset_hz;   /* core after reset */
    uint32_t data_cache; /* CCSIDR; 0: not a Cortex-M7 */
    struct chip_limits limits;
    /* The clock tree as the registers have it now. */
    struct chip_clocks (*clocks)(void);
    /* Highest core clock that voltage and wait states allow now. */
    uint32_t (*core_limit_hz)(void);
};

/* One of the chips below, by the name of its board file (stm32f746); NULL: none. */
const struct chip *chip_find(const char *board);

extern const struct chip chip_stm32f412, chip_stm32f746, chip_stm32f765, chip_stm32h743,
    chip_stm32h743_revision_y, chip_stm32h7a3, chip_stm32l4r5, chip_stm32u575;

/* ---- simulation (one chip at a time) ----------------------------------------------------------------------
 */

/* Power-up. usart: the one that is wired. */
void chip_reset(const struct chip *chip, const char *usart);
/* Power-up, and then what a boot loader did. */
void chip_reset_dirty(const struct chip *chip, const char *usart);
/* Time passes: all reactions happen. */
void chip_settle(void);
/* From now on this reaction does not happen: its bits stay as they are. -1: all happen. */
void chip_break(int reaction);

uint32_t chip_read(uint32_t address);
void chip_write(uint32_t address, uint32_t value);

/* For clocks() and core_limit_hz(): a register without any effect of reading. */
uint32_t chip_peek(uint32_t address);
/* Its field [high:low]. */
uint32_t chip_field(uint32_t address, int high, int low);

/* ---- what the test asks -----------------------------------------------------------------------------------
 */

long chip_accesses(void);
/* Fails where chip->wanted is not so. */
void chip_check_wanted(void);
/* Bits per second of the wired USART; 0 unless transmitter and receiver are on. */
double chip_baud(void);
/* Function that a pin has: AF number; -1 unless it is in alternate-function mode. */
int chip_pin_function(int port, int pin);
void chip_receive(uint8_t byte);
/* Errors (bits of SR or ISR: parity 1, framing 2, noise 4, overrun 8) appear in the USART. */
void chip_line_errors(uint32_t errors);
/* Errors that are still shown. */
uint32_t chip_line_errors_left(void);
/* The transmitter has no room for the next `reads` reads of its state; negative: for ever. */
void chip_transmitter_busy(int reads);
/* Last byte sent; -1: none. */
int chip_sent(void);
void chip_cycles(uint32_t cycles);
/* Caches, after all lines were invalidated. */
bool chip_caches_on(void);
bool chip_counter_on(void);

#endif
