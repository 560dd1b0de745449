/*
 * port_stm32f4.c - STM32F410, F411, F412, F413 (up to 100 MHz): Cortex-M4, flash accelerator (ART).
 *
 * Manual: ST RM0402 (F412), chapters "Embedded flash memory interface" (FLASH), "Power controller" (PWR),
 * "Reset and clock control" (RCC), "General-purpose I/Os" (GPIO), "Universal synchronous asynchronous
 * receiver transmitter" (USART). Chapter and register name are given at each access; bit numbers are the
 * manual's.
 *
 * Clock: HSI (16 MHz, internal) / 8 = 2 MHz, times clock_mhz = VCO, / 2 = core. AHB / 1, APB1 / 2, APB2 / 1.
 * UART: on its APB clock; this family offers no other.
 */
#include "port.h"

#include "cortex_m.h"
#include "startup.h"
#include "stm32.h"

_Static_assert(MCU_CLOCK_MHZ >= 50 && MCU_CLOCK_MHZ <= 100, "this port reaches 50 to 100 MHz");

#define RCC_CR      0x40023800u
#define RCC_PLLCFGR 0x40023804u
#define RCC_CFGR    0x40023808u
#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define RCC_APB2ENR 0x40023844u
#define PWR_CR      0x40007000u
#define PWR_CSR     0x40007004u
#define FLASH_ACR   0x40023C00u

enum {
    HSI_HZ = 16000000,
    PLL_M = 8,                             /* 16 MHz / 8 = 2 MHz: least jitter of the 1 to 2 MHz allowed */
    PLL_N = MCU_CLOCK_MHZ,                 /* VCO 100 to 432 MHz */
    PLL_Q = (2 * MCU_CLOCK_MHZ + 47) / 48, /* at most 48 MHz for USB and the like, which nobody uses */
    SWS_PLL = 2,
};

static const struct stm32_gpio gpio = {0x40020000u, RCC_AHB1ENR};

/* Base, clock enable (RCC_APB1ENR, RCC_APB2ENR); there is no choice of clocks. */
#define UART_USART1 STM32_UART(0x40011000u, RCC_APB2ENR, 4, 0, 0, 0, 0)
#define UART_USART2 STM32_UART(0x40004400u, RCC_APB1ENR, 17, 0, 0, 0, 0)
#define UART_USART3 STM32_UART(0x40004800u, RCC_APB1ENR, 18, 0, 0, 0, 0)
#define UART_USART6 STM32_UART(0x40011400u, RCC_APB2ENR, 5, 0, 0, 0, 0)

static const struct stm32_uart uart = STM32_OF(UART_, MCU_UART);
static const struct stm32_pins pins = STM32_UART_PINS;

/* Wait states for the full clock are right for slower ones too. The accelerator's caches may be reset while
 * off only. */
static const struct stm32_action flash_actions[] = {
    {STM32_SET, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES},   /* FLASH_ACR.LATENCY */
    {STM32_AWAIT, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES}, /* taken into account */
    {STM32_SET, FLASH_ACR, STM32_BITS(10, 9), 0},                      /* DCEN, ICEN: off */
    {STM32_SET, FLASH_ACR, STM32_BITS(12, 11), STM32_BITS(12, 11)},    /* DCRST, ICRST: empty */
    {STM32_SET, FLASH_ACR, STM32_BITS(12, 8), STM32_BITS(10, 8)}, /* resets over; DCEN, ICEN, PRFTEN: on */
};

/* PLL and voltage scale may be changed only while the PLL is off: the core goes to HSI first, as after reset.
 */
static const struct stm32_action clock_actions[] = {
    {STM32_SET, RCC_CR, STM32_BIT(0), STM32_BIT(0)},        /* RCC_CR.HSION */
    {STM32_AWAIT, RCC_CR, STM32_BIT(1), STM32_BIT(1)},      /* RCC_CR.HSIRDY */
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 0},             /* RCC_CFGR.SW: HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(3, 2), 0},           /* RCC_CFGR.SWS: HSI drives the core */
    {STM32_SET, RCC_CR, STM32_BIT(24), 0},                  /* RCC_CR.PLLON: off */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), 0},                /* RCC_CR.PLLRDY */
    {STM32_SET, RCC_APB1ENR, STM32_BIT(28), STM32_BIT(28)}, /* RCC_APB1ENR.PWREN: clock of PWR */
    {STM32_SET, PWR_CR, STM32_BITS(15, 14), 3u << 14},      /* PWR_CR.VOS: scale 1, for up to 100 MHz */
    {STM32_SET, RCC_PLLCFGR,                                /* RCC_PLLCFGR: */
     STM32_BITS(27, 24) | STM32_BIT(22) | STM32_BITS(17, 16) | STM32_BITS(14, 6) | STM32_BITS(5, 0),
     PLL_Q << 24 | 0u << 22 | 0u << 16 | PLL_N << 6 | PLL_M}, /* Q, source HSI, P = 2, N, M */
    {STM32_SET, RCC_CR, STM32_BIT(24), STM32_BIT(24)},        /* RCC_CR.PLLON */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), STM32_BIT(25)},      /* RCC_CR.PLLRDY: locked */
    {STM32_AWAIT, PWR_CSR, STM32_BIT(14),
     STM32_BIT(14)}, /* PWR_CSR.VOSRDY: scale 1, which waits for the PLL */
    {STM32_SET, RCC_CFGR, STM32_BITS(7, 4) | STM32_BITS(12, 10) | STM32_BITS(15, 13),
     0u << 4 | 4u << 10 | 0u << 13},            /* RCC_CFGR: HPRE 1, PPRE1 2 (50 MHz at most), PPRE2 1 */
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 2}, /* RCC_CFGR.SW: PLL */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(3, 2), SWS_PLL << 2}, /* RCC_CFGR.SWS: PLL drives the core */
};

static const struct stm32_action fallback_actions[] = {
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 0},   /* RCC_CFGR.SW: stays at, or goes back to, HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(3, 2), 0}, /* RCC_CFGR.SWS */
};

void mcu_board_init(void)
{
    if (STM32_RUN(flash_actions) || STM32_RUN(clock_actions))
        (void)STM32_RUN(fallback_actions);
}

uint32_t mcu_port_clock_hz(void)
{
    uint32_t state = mcu_read32(RCC_CFGR); /* SWS [3:2], HPRE [7:4] */
    uint32_t hz = (state >> 2 & 3u) == SWS_PLL ? MCU_CLOCK_MHZ * 1000000u : (uint32_t)HSI_HZ;
    return hz >> stm32_hpre_shift(state >> 4 & 15u);
}

/* ---- UART -------------------------------------------------------------------------------------------------
 *
 * The USART of this family has registers of its own: SR, DR, BRR, CR1, CR2, CR3.
 */

enum {
    USART_SR = 0x00,
    USART_DR = 0x04,
    USART_BRR = 0x08,
    USART_CR1 = 0x0C,
    USART_CR2 = 0x10,
    USART_CR3 = 0x14
};

/* RCC_CFGR: PPRE1 [12:10] divides for APB1, PPRE2 [15:13] for APB2. */
static uint32_t uart_clock_hz(void)
{
    uint32_t divider = mcu_read32(RCC_CFGR) >> (uart.enable_register == RCC_APB2ENR ? 13 : 10) & 7u;
    return mcu_port_clock_hz() >> stm32_ppre_shift(divider);
}

void mcu_port_init(uint32_t baud)
{
    enum { CR1_RE = 1 << 2, CR1_TE = 1 << 3, CR1_UE = 1 << 13 };
    stm32_set(uart.enable_register, uart.enable_bit, uart.enable_bit); /* RCC_APB1ENR or RCC_APB2ENR */
    stm32_uart_pins(&gpio, &pins);
    mcu_write32(uart.base + USART_CR1, 0); /* off; 8 bits, no parity, 16 samples a bit */
    mcu_write32(uart.base + USART_CR2, 0); /* 1 stop bit */
    mcu_write32(uart.base + USART_CR3, 0); /* no flow control, no DMA */
    mcu_write32(uart.base + USART_BRR, stm32_baud_divider(uart_clock_hz(), baud)); /* in 1/16 of 16 samples */
    mcu_write32(uart.base + USART_CR1, CR1_UE | CR1_TE | CR1_RE);
    cortex_counter_start();
}

void mcu_port_put(uint8_t byte)
{
    enum { SR_TXE = 1 << 7 };
    (void)stm32_await(uart.base + USART_SR, SR_TXE, SR_TXE); /* gives up on a UART without clock */
    mcu_write32(uart.base + USART_DR, byte);
}

int mcu_port_get(void)
{
    enum { ERRORS = 15, SR_RXNE = 1 << 5 }; /* parity, framing, noise, overrun */
    uint32_t state = mcu_read32(uart.base + USART_SR);
    if (!(state & (ERRORS | SR_RXNE)))
        return -1;
    uint32_t byte = mcu_read32(uart.base + USART_DR) & 0xFFu; /* reading SR, then DR clears the errors */
    return state & SR_RXNE ? (int)byte : -1;
}

/* The counter's functions: last, they are definitions. */
#include "cortex_port.h"
