/*
 * port_stm32f7.c - STM32F745, F746, F756 (RM0385) and F765, F767, F769, F777 (RM0410): Cortex-M7 up to 216
 * MHz.
 *
 * Manuals: ST RM0385 and RM0410, chapters "Embedded flash memory" (FLASH), "Power controller" (PWR), "Reset
 * and clock control" (RCC). Chapter and register name are given at each access; bit numbers are the manual's.
 *
 * Clock: HSI (16 MHz, internal) / 8 = 2 MHz, times clock_mhz = VCO, / 2 = core. AHB / 1, APB1 / 4, APB2 / 2;
 * voltage scale 1 with over-drive. UART: on SYSCLK, whose divider is finer than HSI's.
 *
 * Code at 0x08000000 comes over the AXI bus and the L1 caches; the ART accelerator serves the ITCM alias at
 * 0x00200000 and is switched on for applications that link there.
 */
#include "port.h"

#include "cortex_m.h"
#include "startup.h"
#include "stm32_usart.h"

_Static_assert(MCU_CLOCK_MHZ >= 50 && MCU_CLOCK_MHZ <= 216, "this port reaches 50 to 216 MHz");

#define RCC_CR       0x40023800u
#define RCC_PLLCFGR  0x40023804u
#define RCC_CFGR     0x40023808u
#define RCC_AHB1ENR  0x40023830u
#define RCC_APB1ENR  0x40023840u
#define RCC_APB2ENR  0x40023844u
#define RCC_DCKCFGR2 0x40023890u
#define PWR_CR1      0x40007000u
#define PWR_CSR1     0x40007004u
#define FLASH_ACR    0x40023C00u

enum {
    HSI_HZ = 16000000,
    PLL_M = 8,                             /* 16 MHz / 8 = 2 MHz: least jitter of the 1 to 2 MHz allowed */
    PLL_N = MCU_CLOCK_MHZ,                 /* VCO 100 to 432 MHz */
    PLL_Q = (2 * MCU_CLOCK_MHZ + 47) / 48, /* at most 48 MHz for USB and the like, which nobody uses */
    SWS_PLL = 2,
};

static const struct stm32_gpio gpio = {0x40020000u, RCC_AHB1ENR};

/* Base, clock enable (RCC_APB1ENR, RCC_APB2ENR), RCC_DCKCFGR2: 01 is SYSCLK.
 */
#define UART_USART1 STM32_UART(0x40011000u, RCC_APB2ENR, 4, RCC_DCKCFGR2, 1, 0, 1)
#define UART_USART2 STM32_UART(0x40004400u, RCC_APB1ENR, 17, RCC_DCKCFGR2, 3, 2, 1)
#define UART_USART3 STM32_UART(0x40004800u, RCC_APB1ENR, 18, RCC_DCKCFGR2, 5, 4, 1)
#define UART_UART4  STM32_UART(0x40004C00u, RCC_APB1ENR, 19, RCC_DCKCFGR2, 7, 6, 1)
#define UART_UART5  STM32_UART(0x40005000u, RCC_APB1ENR, 20, RCC_DCKCFGR2, 9, 8, 1)
#define UART_USART6 STM32_UART(0x40011400u, RCC_APB2ENR, 5, RCC_DCKCFGR2, 11, 10, 1)
#define UART_UART7  STM32_UART(0x40007800u, RCC_APB1ENR, 30, RCC_DCKCFGR2, 13, 12, 1)
#define UART_UART8  STM32_UART(0x40007C00u, RCC_APB1ENR, 31, RCC_DCKCFGR2, 15, 14, 1)

static const struct stm32_uart uart = STM32_OF(UART_, MCU_UART);
static const struct stm32_pins pins = STM32_UART_PINS;

/* Wait states for the full clock are right for slower ones too. The ART may be reset while off only. */
static const struct stm32_action flash_actions[] = {
    {STM32_SET, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES},   /* FLASH_ACR.LATENCY */
    {STM32_AWAIT, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES}, /* taken into account */
    {STM32_SET, FLASH_ACR, STM32_BIT(9), 0},                           /* ARTEN: off */
    {STM32_SET, FLASH_ACR, STM32_BIT(11), STM32_BIT(11)},              /* ARTRST: empty */
    {STM32_SET, FLASH_ACR, STM32_BIT(11) | STM32_BITS(9, 8),
     STM32_BITS(9, 8)}, /* reset over; ARTEN, PRFTEN: on */
};

/* PLL and voltage scale may be changed only while the PLL is off: the core goes to HSI first, as after reset.
 * Over-drive: PWR, "Entering Over-drive mode": after the PLL was started, before the core switches to it. */
static const struct stm32_action clock_actions[] = {
    {STM32_SET, RCC_CR, STM32_BIT(0), STM32_BIT(0)},        /* RCC_CR.HSION */
    {STM32_AWAIT, RCC_CR, STM32_BIT(1), STM32_BIT(1)},      /* RCC_CR.HSIRDY */
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 0},             /* RCC_CFGR.SW: HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(3, 2), 0},           /* RCC_CFGR.SWS: HSI drives the core */
    {STM32_SET, RCC_APB1ENR, STM32_BIT(28), STM32_BIT(28)}, /* RCC_APB1ENR.PWREN: clock of PWR */
    {STM32_SET, PWR_CR1, STM32_BITS(17, 16), 0},    /* PWR_CR1.ODEN, ODSWEN: a boot loader's over-drive off */
    {STM32_AWAIT, PWR_CSR1, STM32_BITS(17, 16), 0}, /* PWR_CSR1.ODRDY, ODSWRDY */
    {STM32_SET, RCC_CR, STM32_BIT(24), 0},          /* RCC_CR.PLLON: off */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), 0},        /* RCC_CR.PLLRDY */
    {STM32_SET, PWR_CR1, STM32_BITS(15, 14), 3u << 14}, /* PWR_CR1.VOS: scale 1 */
    {STM32_SET, RCC_PLLCFGR,                            /* RCC_PLLCFGR: */
     STM32_BITS(27, 24) | STM32_BIT(22) | STM32_BITS(17, 16) | STM32_BITS(14, 6) | STM32_BITS(5, 0),
     PLL_Q << 24 | 0u << 22 | 0u << 16 | PLL_N << 6 | PLL_M}, /* Q, source HSI, P = 2, N, M */
    {STM32_SET, RCC_CR, STM32_BIT(24), STM32_BIT(24)},        /* RCC_CR.PLLON */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), STM32_BIT(25)},      /* RCC_CR.PLLRDY: locked */
    {STM32_AWAIT, PWR_CSR1, STM32_BIT(14),
     STM32_BIT(14)}, /* PWR_CSR1.VOSRDY: scale 1, which waits for the PLL */
    {STM32_SET, PWR_CR1, STM32_BIT(16), STM32_BIT(16)},    /* PWR_CR1.ODEN: over-drive on */
    {STM32_AWAIT, PWR_CSR1, STM32_BIT(16), STM32_BIT(16)}, /* PWR_CSR1.ODRDY */
    {STM32_SET, PWR_CR1, STM32_BIT(17), STM32_BIT(17)},    /* PWR_CR1.ODSWEN: supply switches to it */
    {STM32_AWAIT, PWR_CSR1, STM32_BIT(17), STM32_BIT(17)}, /* PWR_CSR1.ODSWRDY */
    {STM32_SET, RCC_CFGR, STM32_BITS(7, 4) | STM32_BITS(12, 10) | STM32_BITS(15, 13),
     0u << 4 | 5u << 10 | 4u << 13}, /* RCC_CFGR: HPRE 1, PPRE1 4 (54 MHz at most), PPRE2 2 (108) */
    {STM32_SET, RCC_CFGR, STM32_BITS(1, 0), 2},              /* RCC_CFGR.SW: PLL */
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
    cortex_m7_caches_on();
}

/* SYSCLK: before the AHB divider. RCC_CFGR.SWS [3:2] */
static uint32_t sysclk_hz(void)
{
    return (mcu_read32(RCC_CFGR) >> 2 & 3u) == SWS_PLL ? MCU_CLOCK_MHZ * 1000000u : (uint32_t)HSI_HZ;
}

uint32_t mcu_port_clock_hz(void)
{
    return sysclk_hz() >> stm32_hpre_shift(mcu_read32(RCC_CFGR) >> 4 & 15u); /* RCC_CFGR.HPRE [7:4] */
}

void mcu_port_init(uint32_t baud)
{
    stm32_usart_start(&uart, &gpio, &pins, stm32_baud_divider(sysclk_hz(), baud), USART_PLAIN);
    cortex_m7_counter_start();
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
