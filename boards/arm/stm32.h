/*
 * stm32.h - what the ports of all STM32 families share: register sequences as tables, clock dividers, pins.
 */
#ifndef MCU_STM32_H
#define MCU_STM32_H

#include "registers.h"

#define STM32_BIT(n) (1u << (n))
#define STM32_BITS(high, low)                                                                                \
    (((2u << ((high) - (low))) - 1u) << (low)) /* as the manuals write [high:low]                            \
                                                */

/* The board's own words (port.h): STM32_OF(UART_, MCU_UART) is UART_USART3. */
#define STM32_OF(prefix, word)    STM32_PASTE(prefix, word)
#define STM32_PASTE(prefix, word) prefix##word

/* ---- register sequences -----------------------------------------------------------------------------------
 */

enum stm32_verb {
    STM32_SET,   /* the bits of mask become value; the others stay */
    STM32_AWAIT, /* until the bits of mask are value */
};

struct stm32_action {
    enum stm32_verb verb;
    uint32_t address, mask, value;
};

#define STM32_RUN(actions) stm32_run(actions, sizeof(actions) / sizeof *(actions))

/* The slowest of what is awaited, a PLL or a regulator, takes less than 2 ms; so many reads take from 10 ms
 * (at 480 MHz) to a second (at 4 MHz). */
enum { STM32_READS_MAX = 250000 };

static inline int stm32_await(uint32_t address, uint32_t mask, uint32_t value)
{
    for (int32_t reads = 0; reads < STM32_READS_MAX; reads++)
        if ((mcu_read32(address) & mask) == value)
            return 0;
    return -1;
}

/* A read follows the write: it has arrived before the next action begins, and a peripheral whose clock was
 * just enabled has had the two cycles that it needs. */
static inline void stm32_set(uint32_t address, uint32_t mask, uint32_t value)
{
    mcu_write32(address, (mcu_read32(address) & ~mask) | value);
    (void)mcu_read32(address);
}

/* 0, or -1 after an AWAIT in vain; the actions behind it were not done. Called several times by a port, and
 * never in a hurry: one copy. */
__attribute__((noinline)) static int stm32_run(const struct stm32_action *actions, uint32_t n)
{
    for (const struct stm32_action *action = actions; action < actions + n; action++)
        if (action->verb == STM32_SET)
            stm32_set(action->address, action->mask, action->value);
        else if (stm32_await(action->address, action->mask, action->value))
            return -1;
    return 0;
}

/* ---- clock dividers ---------------------------------------------------------------------------------------
 *
 * Division as a right shift. All families code HPRE (AHB, 4 bits) and PPRE (APB, 3 bits) the same way.
 */

static inline uint32_t stm32_hpre_shift(uint32_t field)
{
    return field < 8 ? 0 : field < 12 ? field - 7 : field - 6; /* 1; 2 4 8 16; 64 128 256 512 */
}

static inline uint32_t stm32_ppre_shift(uint32_t field)
{
    return field < 4 ? 0 : field - 3; /* 1; 2 4 8 16 */
}

/* ---- pins -------------------------------------------------------------------------------------------------
 */

#define STM32_PINS(port, index)                                                                              \
    port##0 = (index)*16, port##1, port##2, port##3, port##4, port##5, port##6, port##7, port##8, port##9,   \
    port##10, port##11, port##12, port##13, port##14, port##15

/* PIN_PD9 is port 3, pin 9: 3 * 16 + 9. */
enum stm32_pin {
    STM32_PINS(PIN_PA, 0),
    STM32_PINS(PIN_PB, 1),
    STM32_PINS(PIN_PC, 2),
    STM32_PINS(PIN_PD, 3),
    STM32_PINS(PIN_PE, 4),
    STM32_PINS(PIN_PF, 5),
    STM32_PINS(PIN_PG, 6),
    STM32_PINS(PIN_PH, 7),
    STM32_PINS(PIN_PI, 8),
    STM32_PINS(PIN_PJ, 9),
    STM32_PINS(PIN_PK, 10),
};

/* base of GPIOA; the other ports follow it at distances of 0x400. Bit n of enable_register clocks port n. */
struct stm32_gpio {
    uint32_t base, enable_register;
};

/* The pin gets its alternate function (the data sheet's AF table), with a pull-up: an input that nobody
 * drives reads as an idle line. Registers: chapter GPIO of every manual, the same in all families. */
static inline void stm32_pin_function(const struct stm32_gpio *gpio, enum stm32_pin pin, uint32_t function)
{
    uint32_t port = (uint32_t)pin / 16, n = (uint32_t)pin % 16, base = gpio->base + port * 0x400u;
    stm32_set(gpio->enable_register, STM32_BIT(port), STM32_BIT(port));
    stm32_set(base + 0x08u, 3u << 2 * n, 1u << 2 * n);                            /* OSPEEDR: medium */
    stm32_set(base + 0x0Cu, 3u << 2 * n, 1u << 2 * n);                            /* PUPDR: pull-up */
    stm32_set(base + 0x20u + n / 8 * 4, 15u << n % 8 * 4, function << n % 8 * 4); /* AFRL or AFRH */
    stm32_set(base + 0x00u, 3u << 2 * n,
              2u << 2 * n); /* MODER: alternate function; last, so that no other one shows */
}

/* ---- UARTs ------------------------------------------------------------------------------------------------
 */

/* One of a family's, as its port lists them. select: which clock makes the baud rate; unused where there is
 * no choice. */
struct stm32_uart {
    uint32_t base;
    uint32_t enable_register, enable_bit; /* clock of its registers */
    uint32_t select_register, select_mask, select;
};

#define STM32_UART(base, enable_register, bit, select_register, high, low, choice)                           \
    {                                                                                                        \
        base, enable_register, STM32_BIT(bit), select_register, STM32_BITS(high, low), (choice##u) << (low)  \
    }

/* The board's choice of pins; the numbers are of the data sheet's table of alternate functions. */
struct stm32_pins {
    enum stm32_pin tx, rx;
    uint32_t tx_function, rx_function;
};

#define STM32_UART_PINS                                                                                      \
    {                                                                                                        \
        STM32_OF(PIN_, MCU_UART_TX), STM32_OF(PIN_, MCU_UART_RX), MCU_UART_TX_AF, MCU_UART_RX_AF             \
    }

static inline void stm32_uart_pins(const struct stm32_gpio *gpio, const struct stm32_pins *pins)
{
    stm32_pin_function(gpio, pins->tx, pins->tx_function);
    stm32_pin_function(gpio, pins->rx, pins->rx_function);
}

/* Division rounded to the nearest. */
static inline uint32_t stm32_baud_divider(uint32_t clock_hz, uint32_t baud)
{
    return (clock_hz + baud / 2) / baud;
}

#endif
