/*
 * port_stm32l4.c - STM32L4R5, L4R7, L4R9, L4S5, L4P5, L4Q5 (the "L4+"): Cortex-M4 up to 120 MHz, flash
 * accelerator (ART).
 *
 * Manual: ST RM0432, chapters "Embedded flash memory" (FLASH), "Power control" (PWR), "Reset and clock
 * control" (RCC). Chapter and register name are given at each access; bit numbers are the manual's.
 *
 * Clock: HSI16 (16 MHz, internal) / 4 = 4 MHz, times clock_mhz / 2 = VCO / 2, / 2 = core and every bus. More
 * than 80 MHz takes range 1 boost mode. UART: on SYSCLK.
 *
 * Whether the flash is read 128 bits (one bank) or 64 bits (two banks) at a time is the option bit DBANK,
 * which survives programming and is left as it is; it changes the cycles of whatever misses the accelerator's
 * caches.
 */
#include "port.h"

#include "cortex_m.h"
#include "startup.h"
#include "stm32_usart.h"

_Static_assert(MCU_CLOCK_MHZ >= 32 && MCU_CLOCK_MHZ <= 120 && MCU_CLOCK_MHZ % 2 == 0,
               "this port reaches 32 to 120 MHz in steps of 2 MHz");

#define RCC_CR       0x40021000u
#define RCC_CFGR     0x40021008u
#define RCC_PLLCFGR  0x4002100Cu
#define RCC_AHB2ENR  0x4002104Cu
#define RCC_APB1ENR1 0x40021058u
#define RCC_APB1ENR2 0x4002105Cu
#define RCC_APB2ENR  0x40021060u
#define RCC_CCIPR    0x40021088u
#define PWR_CR1      0x40007000u
#define PWR_CR2      0x40007004u
#define PWR_SR2      0x40007014u
#define PWR_CR5      0x40007080u
#define FLASH_ACR    0x40022000u

enum {
    MSI_HZ = 4000000, /* drives the core after reset */
    HSI_HZ = 16000000,
    PLL_M = 4,                 /* 16 MHz / 4 = 4 MHz, of 2.66 to 16 MHz */
    PLL_N = MCU_CLOCK_MHZ / 2, /* VCO 64 to 344 MHz */
    SWS_MSI = 0,
    SWS_HSI = 1,
    SWS_PLL = 3,
};

static const struct stm32_gpio gpio = {0x48000000u, RCC_AHB2ENR};

/* Base, clock enable (RCC_APB1ENR1, RCC_APB1ENR2, RCC_APB2ENR), RCC_CCIPR:
 * 01 is SYSCLK. */
#define UART_USART1  STM32_UART(0x40013800u, RCC_APB2ENR, 14, RCC_CCIPR, 1, 0, 1)
#define UART_USART2  STM32_UART(0x40004400u, RCC_APB1ENR1, 17, RCC_CCIPR, 3, 2, 1)
#define UART_USART3  STM32_UART(0x40004800u, RCC_APB1ENR1, 18, RCC_CCIPR, 5, 4, 1)
#define UART_LPUART1 STM32_UART(0x40008000u, RCC_APB1ENR2, 0, RCC_CCIPR, 11, 10, 1)

enum { LPUART_BASE = 0x40008000 };

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

static const struct stm32_action clock_actions[] = {
    /* The core on HSI16; PLL off. */
    {STM32_SET, RCC_CR, STM32_BIT(8), STM32_BIT(8)},     /* RCC_CR.HSION */
    {STM32_AWAIT, RCC_CR, STM32_BIT(10), STM32_BIT(10)}, /* RCC_CR.HSIRDY */
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 1},          /* RCC_CFGR.SW: HSI16 */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(3, 2), 1u << 2},  /* RCC_CFGR.SWS: HSI16 drives the core */
    {STM32_SET, RCC_CR, STM32_BIT(24), 0},               /* RCC_CR.PLLON: off */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), 0},             /* RCC_CR.PLLRDY */
    /* Voltage. */
    {STM32_SET, RCC_APB1ENR1, STM32_BIT(28), STM32_BIT(28)}, /* RCC_APB1ENR1.PWREN: clock of PWR */
    {STM32_SET, PWR_CR1, STM32_BITS(10, 9), 1u << 9},        /* PWR_CR1.VOS: range 1 */
    {STM32_AWAIT, PWR_SR2, STM32_BIT(10), 0},                /* PWR_SR2.VOSF: voltage reached */
    {STM32_SET, PWR_CR5, STM32_BIT(8), 0}, /* PWR_CR5.R1MODE: 0 is boost; while at 80 MHz or less */
    /* PLL. */
    {STM32_SET,
     RCC_PLLCFGR, /* RCC_PLLCFGR: PLLR 2, PLLREN, PLLN, PLLM (less one), PLLSRC HSI16; P and Q outputs off */
     STM32_BITS(26, 24) | STM32_BIT(20) | STM32_BIT(16) | STM32_BITS(14, 8) | STM32_BITS(7, 4) |
         STM32_BITS(1, 0),
     0u << 25 | STM32_BIT(24) | PLL_N << 8 | (PLL_M - 1u) << 4 | 2u},
    {STM32_SET, RCC_CR, STM32_BIT(24), STM32_BIT(24)},   /* RCC_CR.PLLON */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), STM32_BIT(25)}, /* RCC_CR.PLLRDY: locked */
    /* From below to above 80 MHz: RCC, "System clock (SYSCLK) selection" wants HCLK halved for 1 us after the
       switch. */
    {STM32_SET, RCC_CFGR, STM32_BITS(13, 11) | STM32_BITS(10, 8) | STM32_BITS(7, 4),
     8u << 4},                                               /* RCC_CFGR: PPRE2 1, PPRE1 1, HPRE 2 */
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 3},              /* RCC_CFGR.SW: PLL */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(3, 2), SWS_PLL << 2}, /* RCC_CFGR.SWS: PLL drives the core */
};

static void wait_1us(void)
{
    for (int32_t reads = 0; reads < MCU_CLOCK_MHZ; reads++) /* each takes some cycles of SYSCLK */
        (void)mcu_read32(RCC_CFGR);
}

/* To the oscillator that runs: HSI16, or what drove the core after reset. */
static void fall_back(void)
{
    uint32_t source = mcu_read32(RCC_CR) & STM32_BIT(10) ? SWS_HSI : SWS_MSI; /* RCC_CR.HSIRDY */
    stm32_set(RCC_CFGR, STM32_BITS(1, 0), source);                            /* RCC_CFGR.SW */
    (void)stm32_await(RCC_CFGR, STM32_BITS(3, 2), source << 2);               /* RCC_CFGR.SWS */
}

void mcu_board_init(void)
{
    if (STM32_RUN(flash_actions) || STM32_RUN(clock_actions))
        fall_back();
    else
        wait_1us();
    stm32_set(RCC_CFGR, STM32_BITS(7, 4), 0); /* RCC_CFGR.HPRE: 1 */
}

/* SYSCLK: before the AHB divider. RCC_CFGR.SWS [3:2] */
static uint32_t sysclk_hz(void)
{
    uint32_t source = mcu_read32(RCC_CFGR) >> 2 & 3u;
    return source == SWS_PLL   ? MCU_CLOCK_MHZ * 1000000u
           : source == SWS_MSI ? (uint32_t)MSI_HZ
                               : (uint32_t)HSI_HZ;
}

uint32_t mcu_port_clock_hz(void)
{
    return sysclk_hz() >> stm32_hpre_shift(mcu_read32(RCC_CFGR) >> 4 & 15u); /* RCC_CFGR.HPRE [7:4] */
}

/* LPUART counts 1/256 of a clock: LPUART_BRR = 256 * clock / baud. It takes clocks of 3 to 4096 times the
 * baud. */
static uint32_t baud_divider(uint32_t clock_hz, uint32_t baud)
{
    if (uart.base != LPUART_BASE)
        return stm32_baud_divider(clock_hz, baud);
    return clock_hz / baud * 256u + stm32_baud_divider(clock_hz % baud * 256u, baud);
}

void mcu_port_init(uint32_t baud)
{
    if (pins.tx / 16 ==
        PIN_PG0 / 16) { /* port G has a supply of its own: PWR, "Independent I/O supply rail" */
        stm32_set(RCC_APB1ENR1, STM32_BIT(28), STM32_BIT(28)); /* RCC_APB1ENR1.PWREN: clock of PWR */
        stm32_set(PWR_CR2, STM32_BIT(9), STM32_BIT(9));        /* PWR_CR2.IOSV: VDDIO2 is there */
    }
    stm32_usart_start(&uart, &gpio, &pins, baud_divider(sysclk_hz(), baud), USART_FIFO);
    cortex_counter_start();
}

void mcu_port_put(uint8_t byte)
{
    stm32_usart_put(&uart, byte);
}

int mcu_port_get(void)
{
    return stm32_usart_get(&uart);
}

/* The counter's functions: last, they are definitions. */
#include "cortex_port.h"
