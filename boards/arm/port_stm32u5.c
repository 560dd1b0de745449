/*
 * port_stm32u5.c - STM32U575, U585 (and U595, U599, U5A5, U5A9): Cortex-M33 up to 160 MHz, instruction cache.
 *
 * Manual: ST RM0456, chapters "Embedded flash memory" (FLASH), "Instruction cache" (ICACHE), "Power control"
 * (PWR), "Reset and clock control" (RCC). Chapter and register name are given at each access; bit numbers are
 * the manual's. TrustZone is off (option bit TZEN = 0, as delivered): the addresses are the plain ones.
 *
 * Clock: HSI16 (16 MHz, internal) / 4 = 4 MHz, times clock_mhz / 2 = VCO / 2, / 2 = core and every bus. Range
 * 1 with the EPOD booster, which is clocked with 8 MHz of the PLL's source. UART: on SYSCLK.
 *
 * Supply: the SMPS in the packages that have it (name ends in Q), as the energy figures of MLPerf were taken;
 * the others have no such bit and stay with the LDO.
 */
#include "port.h"

#include "cortex_m.h"
#include "startup.h"
#include "stm32_usart.h"

_Static_assert(MCU_CLOCK_MHZ >= 64 && MCU_CLOCK_MHZ <= 160 && MCU_CLOCK_MHZ % 2 == 0,
               "this port reaches 64 to 160 MHz in steps of 2 MHz");

#define RCC_CR       0x46020C00u
#define RCC_CFGR1    0x46020C1Cu
#define RCC_CFGR2    0x46020C20u
#define RCC_CFGR3    0x46020C24u
#define RCC_PLL1CFGR 0x46020C28u
#define RCC_PLL1DIVR 0x46020C34u
#define RCC_AHB2ENR1 0x46020C8Cu
#define RCC_AHB3ENR  0x46020C94u
#define RCC_APB1ENR1 0x46020C9Cu
#define RCC_APB2ENR  0x46020CA4u
#define RCC_CCIPR1   0x46020CE0u
#define PWR_CR3      0x46020808u
#define PWR_VOSR     0x4602080Cu
#define PWR_SVMSR    0x4602083Cu
#define FLASH_ACR    0x40022000u
#define ICACHE_CR    0x40030400u
#define ICACHE_SR    0x40030404u

enum {
    MSIS_HZ = 4000000, /* drives the core after reset */
    HSI_HZ = 16000000,
    PLL_M = 4,                 /* 16 MHz / 4 = 4 MHz, of 4 to 16 MHz */
    PLL_N = MCU_CLOCK_MHZ / 2, /* VCO 128 to 544 MHz */
    SWS_MSIS = 0,
    SWS_HSI = 1,
    SWS_PLL1 = 3,
};

static const struct stm32_gpio gpio = {0x42020000u, RCC_AHB2ENR1};

/* Base, clock enable (RCC_APB1ENR1, RCC_APB2ENR), RCC_CCIPR1: 01 is SYSCLK.
 */
#define UART_USART1 STM32_UART(0x40013800u, RCC_APB2ENR, 14, RCC_CCIPR1, 1, 0, 1)
#define UART_USART2 STM32_UART(0x40004400u, RCC_APB1ENR1, 17, RCC_CCIPR1, 3, 2, 1)
#define UART_USART3 STM32_UART(0x40004800u, RCC_APB1ENR1, 18, RCC_CCIPR1, 5, 4, 1)

static const struct stm32_uart uart = STM32_OF(UART_, MCU_UART);
static const struct stm32_pins pins = STM32_UART_PINS;

static const struct stm32_action supply_actions[] = {
    {STM32_SET, RCC_AHB3ENR, STM32_BIT(2), STM32_BIT(2)}, /* RCC_AHB3ENR.PWREN: clock of PWR */
    {STM32_SET, PWR_CR3, STM32_BIT(1), STM32_BIT(1)},     /* PWR_CR3.REGSEL: SMPS */
    {STM32_AWAIT, PWR_SVMSR, STM32_BIT(1), STM32_BIT(1)}, /* PWR_SVMSR.REGS: SMPS feeds the core */
};

static const struct stm32_action clock_actions[] = {
    /* The core on HSI16; PLL off. */
    {STM32_SET, RCC_CR, STM32_BIT(8), STM32_BIT(8)},     /* RCC_CR.HSION */
    {STM32_AWAIT, RCC_CR, STM32_BIT(10), STM32_BIT(10)}, /* RCC_CR.HSIRDY */
    {STM32_SET, RCC_CFGR1, STM32_BITS(1, 0), 1},         /* RCC_CFGR1.SW: HSI16 */
    {STM32_AWAIT, RCC_CFGR1, STM32_BITS(3, 2), 1u << 2}, /* RCC_CFGR1.SWS: HSI16 drives the core */
    {STM32_SET, RCC_CR, STM32_BIT(24), 0},               /* RCC_CR.PLL1ON: off */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), 0},             /* RCC_CR.PLL1RDY */
    /* Voltage: PWR, "Dynamic voltage scaling management": range 1, then the booster, whose clock is the PLL's
       source. */
    {STM32_SET, PWR_VOSR, STM32_BIT(18) | STM32_BITS(17, 16),
     3u << 16},                                            /* PWR_VOSR.VOS: range 1; BOOSTEN off */
    {STM32_AWAIT, PWR_VOSR, STM32_BIT(15), STM32_BIT(15)}, /* PWR_VOSR.VOSRDY */
    {STM32_SET, RCC_PLL1CFGR, /* RCC_PLL1CFGR: PLL1REN, PLL1MBOOST / 2, PLL1M (less one), no fraction, PLL1RGE
                                 4 to 8 MHz, HSI16 */
     STM32_BITS(18, 16) | STM32_BITS(15, 12) | STM32_BITS(11, 8) | STM32_BITS(4, 0),
     STM32_BIT(18) | 1u << 12 | (PLL_M - 1u) << 8 | 0u << 2 | 2u},
    {STM32_SET, RCC_PLL1DIVR, /* RCC_PLL1DIVR: PLL1R (core), PLL1Q, PLL1P, PLL1N, each less one */
     STM32_BITS(30, 24) | STM32_BITS(22, 16) | STM32_BITS(15, 9) | STM32_BITS(8, 0),
     1u << 24 | 1u << 16 | 1u << 9 | (PLL_N - 1u)},
    {STM32_SET, PWR_VOSR, STM32_BIT(18), STM32_BIT(18)},   /* PWR_VOSR.BOOSTEN */
    {STM32_AWAIT, PWR_VOSR, STM32_BIT(14), STM32_BIT(14)}, /* PWR_VOSR.BOOSTRDY */
    /* Wait states, PLL. */
    {STM32_SET, FLASH_ACR, STM32_BIT(8) | STM32_BITS(3, 0), /* FLASH_ACR.PRFTEN, LATENCY */
     STM32_BIT(8) | MCU_FLASH_WAIT_STATES},
    {STM32_AWAIT, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES}, /* taken into account */
    {STM32_SET, RCC_CR, STM32_BIT(24), STM32_BIT(24)},                 /* RCC_CR.PLL1ON */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), STM32_BIT(25)},               /* RCC_CR.PLL1RDY: locked */
    /* HCLK halved for 1 us over the switch, which softens the step of the load. */
    {STM32_SET, RCC_CFGR2, STM32_BITS(10, 8) | STM32_BITS(6, 4) | STM32_BITS(3, 0),
     8},                                                       /* RCC_CFGR2: PPRE2, PPRE1 1, HPRE 2 */
    {STM32_SET, RCC_CFGR3, STM32_BITS(6, 4), 0},               /* RCC_CFGR3: PPRE3 1 */
    {STM32_SET, RCC_CFGR1, STM32_BITS(1, 0), 3},               /* RCC_CFGR1.SW: PLL1 */
    {STM32_AWAIT, RCC_CFGR1, STM32_BITS(3, 2), SWS_PLL1 << 2}, /* RCC_CFGR1.SWS: PLL1 drives the core */
};

static const struct stm32_action cache_actions[] = {
    {STM32_AWAIT, ICACHE_SR, STM32_BIT(0), 0}, /* ICACHE_SR.BUSYF: invalidation after reset is over */
    {STM32_SET, ICACHE_CR, STM32_BIT(0), STM32_BIT(0)}, /* ICACHE_CR.EN; WAYSEL stays at two ways */
};

static void wait_1us(void)
{
    for (int32_t reads = 0; reads < MCU_CLOCK_MHZ; reads++) /* each takes some cycles of SYSCLK */
        (void)mcu_read32(RCC_CFGR1);
}

/* To the oscillator that runs: HSI16, or what drove the core after reset. */
static void fall_back(void)
{
    uint32_t source = mcu_read32(RCC_CR) & STM32_BIT(10) ? SWS_HSI : SWS_MSIS; /* RCC_CR.HSIRDY */
    stm32_set(RCC_CFGR1, STM32_BITS(1, 0), source);                            /* RCC_CFGR1.SW */
    (void)stm32_await(RCC_CFGR1, STM32_BITS(3, 2), source << 2);               /* RCC_CFGR1.SWS */
}

void mcu_board_init(void)
{
    (void)STM32_RUN(supply_actions); /* without SMPS the LDO goes on, and is as good for any clock */
    if (STM32_RUN(clock_actions))
        fall_back();
    else
        wait_1us();
    stm32_set(RCC_CFGR2, STM32_BITS(3, 0), 0); /* RCC_CFGR2.HPRE: 1 */
    (void)STM32_RUN(cache_actions);
    mcu_barrier();
}

/* SYSCLK: before the AHB divider. RCC_CFGR1.SWS [3:2] */
static uint32_t sysclk_hz(void)
{
    uint32_t source = mcu_read32(RCC_CFGR1) >> 2 & 3u;
    return source == SWS_PLL1   ? MCU_CLOCK_MHZ * 1000000u
           : source == SWS_MSIS ? (uint32_t)MSIS_HZ
                                : (uint32_t)HSI_HZ;
}

uint32_t mcu_port_clock_hz(void)
{
    return sysclk_hz() >> stm32_hpre_shift(mcu_read32(RCC_CFGR2) & 15u); /* RCC_CFGR2.HPRE [3:0] */
}

void mcu_port_init(uint32_t baud)
{
    stm32_usart_start(&uart, &gpio, &pins, stm32_baud_divider(sysclk_hz(), baud), USART_FIFO);
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
