/*
 * stm32_usart.h - the USART and LPUART of STM32F7, H7, L4+ and U5: 8 data bits, no parity, 1 stop bit.
 *
 * Registers: chapters USART and LPUART of RM0385, RM0410, RM0433, RM0455, RM0432, RM0456; the same in all of
 * them.
 */
#ifndef MCU_STM32_USART_H
#define MCU_STM32_USART_H

#include "stm32.h"

enum {
    USART_CR1 = 0x00,
    USART_CR2 = 0x04,
    USART_CR3 = 0x08,
    USART_BRR = 0x0C,
    USART_ISR = 0x1C,
    USART_ICR = 0x20,
    USART_RDR = 0x24,
    USART_TDR = 0x28,
};

/* FIFOs of 8 or 16 bytes; chips without them (STM32F7) want USART_PLAIN. */
enum stm32_usart_mode { USART_PLAIN = 0, USART_FIFO = 1 };

/* Clocks, pins, line. divider: what BRR takes. */
static inline void stm32_usart_start(const struct stm32_uart *uart, const struct stm32_gpio *gpio,
                                     const struct stm32_pins *pins, uint32_t divider,
                                     enum stm32_usart_mode mode)
{
    enum { CR1_UE = 1 << 0, CR1_RE = 1 << 2, CR1_TE = 1 << 3, CR1_FIFOEN = 1 << 29 };
    uint32_t control = mode == USART_FIFO ? CR1_FIFOEN : 0;
    stm32_set(uart->select_register, uart->select_mask, uart->select);    /* RCC: kernel clock */
    stm32_set(uart->enable_register, uart->enable_bit, uart->enable_bit); /* RCC: clock of the registers */
    stm32_uart_pins(gpio, pins);
    mcu_write32(uart->base + USART_CR1,
                0); /* UE = 0: the settings below may be written; 8 bits, no parity, 16 samples */
    mcu_write32(uart->base + USART_CR2, 0); /* 1 stop bit, nothing inverted or swapped */
    mcu_write32(uart->base + USART_CR3, 0); /* no flow control, no DMA, overrun is reported */
    mcu_write32(uart->base + USART_BRR, divider);
    mcu_write32(uart->base + USART_CR1, control);                            /* FIFOEN is for UE = 0 only */
    mcu_write32(uart->base + USART_CR1, control | CR1_UE);                   /* on, */
    mcu_write32(uart->base + USART_CR1, control | CR1_UE | CR1_TE | CR1_RE); /* transmitter and receiver */
}

static inline void stm32_usart_put(const struct stm32_uart *uart, uint8_t byte)
{
    enum { ISR_TXE = 1 << 7 };                                   /* room for one */
    (void)stm32_await(uart->base + USART_ISR, ISR_TXE, ISR_TXE); /* gives up on a UART without clock */
    mcu_write32(uart->base + USART_TDR, byte);
}

static inline int stm32_usart_get(const struct stm32_uart *uart)
{
    enum {
        ERRORS = 15,
        ISR_RXNE = 1 << 5
    }; /* parity, framing, noise, overrun: the same bits in ISR and ICR */
    uint32_t state = mcu_read32(uart->base + USART_ISR);
    if (state & ERRORS)
        mcu_write32(uart->base + USART_ICR, ERRORS); /* written ones clear */
    return state & ISR_RXNE ? (int)(mcu_read32(uart->base + USART_RDR) & 0xFFu) : -1;
}

#endif
