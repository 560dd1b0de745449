/*
 * port.h - what the measuring firmware (harness.c) needs from a board: full clock, caches, one UART and a cycle
 * counter. Plain registers from the vendor's reference manual, cited at each address; no vendor HAL.
 *
 * One file per board or family implements it: arm/port_<port>.c, where <port> is the board file's `port:`
 * (stm32f746.yml: `port: stm32f7`). What differs inside a family is told by the macros that the generated
 * build.ninja passes to every file under arm/:
 *
 *     MCU_BOARD_<NAME>         e.g. MCU_BOARD_STM32F746: the board file's name in capitals
 *     MCU_BOARD_NAME           e.g. "stm32f746"
 *     MCU_CLOCK_MHZ            the board file's clock_mhz
 *     MCU_FLASH_WAIT_STATES    the board file's flash_wait_states
 *     MCU_UART                 the board file's UART (struct uart_spec), as bare words: USART3,
 *     MCU_UART_TX, _TX_AF      its pins and their alternate functions: PD8, 7
 *     MCU_UART_RX, _RX_AF      PD9, 7
 *
 * The ports of STM32 need no more than these: one port serves every chip of its family, and a new board of a
 * family is a board file alone.
 *
 * The port also implements mcu_board_init() of startup.h, which otherwise does nothing: it is called before
 * main() and makes the core run as the board file says - clock at clock_mhz from an internal oscillator, so that
 * no crystal is assumed (within 1 % at room temperature; cycle counts do not depend on it), flash wait states,
 * prefetch and ART or ICACHE, I-cache and D-cache on. An application that replaces main.c gets that too. It must
 * not hang for ever: what does not get ready (count loops, not time) leaves the core at the oscillator itself,
 * and mcu_port_clock_hz() tells. UART and counter are for mcu_port_init(), so that an application
 * that does not call it has neither.
 *
 * No interrupts: everything is polled. No functions of a C library. Everything may run from flash; nothing may
 * use more than 64 B of stack, or RAM beyond 16 B of .bss. The files compile with -std=c11 -O2 -ffreestanding -Wall
 * -Wextra -Werror in arm-none-eabi-gcc 12 for the board's core.
 */
#ifndef MCU_PORT_H
#define MCU_PORT_H

#include <stdint.h>

/* What mcu_port_ticks() counts. */
enum mcu_port_counter {
    MCU_COUNTER_NONE = 0,        /* ticks are always 0: nothing can be timed */
    MCU_COUNTER_CORE_CYCLES = 1, /* DWT CYCCNT: cycles of the core */
    MCU_COUNTER_TIMER = 2,       /* a timer of another clock (emulated machines): not cycles */
};

/* UART at 8N1 and that many baud (115200, 230400, 460800, 921600) on the pins that the board's debug probe
 * forwards (or the header pins that the board file names), and the counter started. Called once by main(). */
void mcu_port_init(uint32_t baud);

/* Core clock in Hz as it was really set up (after mcu_board_init()); 0: unknown (an emulator). */
uint32_t mcu_port_clock_hz(void);

/* Sends one byte; waits while the transmitter is full. The UART drains by itself, so that this ends, whether or not
 * somebody listens; no flow control. */
void mcu_port_put(uint8_t byte);

/* The oldest received byte (0 to 255), or -1 when there is none now. Never waits. Clears overrun, framing
 * and noise errors as it meets them, so that reception goes on (a byte may be lost: the protocol has a
 * checksum). */
int mcu_port_get(void);

/* Free-running up-counter that wraps at 2^32: a difference of two readings, as uint32_t, is right for up to
 * 2^32 - 1 ticks (8.9 s at 480 MHz). Same order as the instructions around it: the port puts a compiler barrier
 * (`__asm volatile("" ::: "memory")`) or volatile access there. */
uint32_t mcu_port_ticks(void);
/* Ticks a second: mcu_port_clock_hz() for MCU_COUNTER_CORE_CYCLES; 0 for MCU_COUNTER_NONE. */
uint32_t mcu_port_tick_hz(void);
enum mcu_port_counter mcu_port_counter(void);

#endif
