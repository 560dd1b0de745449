/*
 * port_mps2.c - the emulated machines of qemu-system-arm: mps2-an386, mps2-an500 (Cortex-M4, M7) and
 * mps2-an505 (Cortex-M33, secure side). Arm CMSDK (DDI 0479) UART0 and TIMER0; addresses as in Arm's
 * application notes AN386, AN500 and AN505. QEMU has no cycle counter: the timer runs at 25 MHz of the
 * emulated time, which is not a measure of the firmware.
 */
#include "port.h"

#if defined(__ARM_ARCH_8M_MAIN__)
#define TIMER_BASE 0x50000000u
#define UART_BASE  0x50200000u
#else
#define TIMER_BASE 0x40000000u
#define UART_BASE  0x40004000u
#endif

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define TIMER_CTRL   REGISTER(TIMER_BASE + 0x0)
#define TIMER_VALUE  REGISTER(TIMER_BASE + 0x4) /* counts down */
#define TIMER_RELOAD REGISTER(TIMER_BASE + 0x8)

#define UART_DATA    REGISTER(UART_BASE + 0x00)
#define UART_STATE   REGISTER(UART_BASE + 0x04)
#define UART_CTRL    REGISTER(UART_BASE + 0x08)
#define UART_BAUDDIV REGISTER(UART_BASE + 0x10)

enum {
    TIMER_HZ = 25000000,
    TIMER_ENABLE = 1,
    UART_TX_FULL = 1,
    UART_RX_FULL = 2,
    UART_RX_OVERRUN = 8,
    UART_TX_ENABLE = 1,
    UART_RX_ENABLE = 2,
    BAUDDIV_MIN = 16,
};

void mcu_port_init(uint32_t baud)
{
    uint32_t divider = TIMER_HZ / baud; /* the UART has the timer's clock */
    UART_BAUDDIV = divider < BAUDDIV_MIN ? BAUDDIV_MIN : divider;
    UART_CTRL = UART_TX_ENABLE | UART_RX_ENABLE;
    TIMER_RELOAD = 0xFFFFFFFFu;
    TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CTRL = TIMER_ENABLE;
}

uint32_t mcu_port_clock_hz(void)
{
    return 0;
}

void mcu_port_put(uint8_t byte)
{
    while (UART_STATE & UART_TX_FULL)
        continue;
    UART_DATA = byte;
}

int mcu_port_get(void)
{
    uint32_t state = UART_STATE;
    if (state & UART_RX_OVERRUN)
        UART_STATE = UART_RX_OVERRUN; /* written ones clear */
    return state & UART_RX_FULL ? (int)(UART_DATA & 0xFFu) : -1;
}

uint32_t mcu_port_ticks(void)
{
    return ~TIMER_VALUE;
}

uint32_t mcu_port_tick_hz(void)
{
    return TIMER_HZ;
}

enum mcu_port_counter mcu_port_counter(void)
{
    return MCU_COUNTER_TIMER;
}
