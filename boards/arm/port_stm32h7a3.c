/*
 * port_stm32h7a3.c - STM32H7A3, H7B3, H7B0 in the packages with an SMPS (name ends in Q): Cortex-M7 up to 280
 * MHz.
 *
 * Manual: ST RM0455, chapters "Embedded flash memory" (FLASH), "Power control" (PWR), "Reset and clock
 * control" (RCC). Chapter and register name are given at each access; bit numbers are the manual's. Looks
 * like STM32H743 and is not: scale 0 is a value of VOS and needs no boost, VOS is coded otherwise, core, AXI
 * and AHB share one clock, and the clock enables lie elsewhere.
 *
 * Clock: HSI (64 MHz, internal) / 32 = 2 MHz, times clock_mhz = VCO, / 2 = core, AXI and AHB; every APB / 2.
 * UART: on HSI.
 *
 * Supply: the SMPS alone feeds the core, as NUCLEO-H7A3ZI-Q is wired and as the energy figures of MLPerf were
 * taken. The choice is made once after power-up; a wrong one for the wiring leaves a chip that runs only from
 * system memory (BOOT0) until it is erased.
 */
#include "port.h"

#include "cortex_m.h"
#include "startup.h"
#include "stm32_usart.h"

_Static_assert(MCU_CLOCK_MHZ >= 64 && MCU_CLOCK_MHZ <= 280, "this port reaches 64 to 280 MHz");

#define RCC_CR        0x58024400u
#define RCC_CFGR      0x58024410u
#define RCC_CDCFGR1   0x58024418u
#define RCC_CDCFGR2   0x5802441Cu
#define RCC_SRDCFGR   0x58024420u
#define RCC_PLLCKSELR 0x58024428u
#define RCC_PLLCFGR   0x5802442Cu
#define RCC_PLL1DIVR  0x58024430u
#define RCC_CDCCIP2R  0x58024454u
#define RCC_AHB4ENR   0x58024540u
#define RCC_APB1LENR  0x58024548u
#define RCC_APB2ENR   0x58024550u
#define PWR_CSR1      0x58024804u
#define PWR_CR3       0x5802480Cu
#define PWR_SRDCR     0x58024818u
#define FLASH_ACR     0x52002000u

enum {
    HSI_HZ = 64000000,
    PLL_M = 32,            /* 64 MHz / 32 = 2 MHz: the least that the wide-range VCO takes */
    PLL_N = MCU_CLOCK_MHZ, /* VCO 128 to 560 MHz */
    SWS_PLL1 = 3,
};

static const struct stm32_gpio gpio = {0x58020000u, RCC_AHB4ENR};

/* Base, clock enable (RCC_APB1LENR, RCC_APB2ENR), RCC_CDCCIP2R: 011 is
 * hsi_ker_ck. */
#define UART_USART1 STM32_UART(0x40011000u, RCC_APB2ENR, 4, RCC_CDCCIP2R, 5, 3, 3)
#define UART_USART2 STM32_UART(0x40004400u, RCC_APB1LENR, 17, RCC_CDCCIP2R, 2, 0, 3)
#define UART_USART3 STM32_UART(0x40004800u, RCC_APB1LENR, 18, RCC_CDCCIP2R, 2, 0, 3)

static const struct stm32_uart uart = STM32_OF(UART_, MCU_UART);
static const struct stm32_pins pins = STM32_UART_PINS;

static const struct stm32_action clock_actions[] = {
    /* Wait states for the full clock are right for slower ones too. */
    {STM32_SET, FLASH_ACR, STM32_BITS(5, 0),
     3u << 4 | MCU_FLASH_WAIT_STATES},                                 /* FLASH_ACR.WRHIGHFREQ, LATENCY */
    {STM32_AWAIT, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES}, /* taken into account */
    /* The core on HSI, as after reset; PLL off. */
    {STM32_SET, RCC_CR, STM32_BIT(0) | STM32_BITS(4, 3), STM32_BIT(0)}, /* RCC_CR.HSION, HSIDIV: / 1 */
    {STM32_AWAIT, RCC_CR, STM32_BIT(2), STM32_BIT(2)},                  /* RCC_CR.HSIRDY */
    {STM32_AWAIT, RCC_CR, STM32_BIT(5), STM32_BIT(5)},                  /* RCC_CR.HSIDIVF: divider as asked */
    {STM32_SET, RCC_CFGR, STM32_BITS(2, 0), 0},                         /* RCC_CFGR.SW: HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(5, 3), 0}, /* RCC_CFGR.SWS: HSI drives the core */
    {STM32_SET, RCC_CR, STM32_BIT(24), 0},        /* RCC_CR.PLL1ON: off */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), 0},      /* RCC_CR.PLL1RDY */
    /* Supply, then voltage. */
    {STM32_SET, PWR_CR3, STM32_BITS(5, 0),
     STM32_BIT(2)}, /* PWR_CR3: SMPSEN alone (no LDOEN, BYPASS, SMPSEXTHP, SMPSLEVEL) */
    {STM32_AWAIT, PWR_CSR1, STM32_BIT(13), STM32_BIT(13)}, /* PWR_CSR1.ACTVOSRDY */
    {STM32_SET, PWR_SRDCR, STM32_BITS(15, 14),
     2u << 14}, /* PWR_SRDCR.VOS: scale 1, from which alone scale 0 can be reached */
    {STM32_AWAIT, PWR_SRDCR, STM32_BIT(13), STM32_BIT(13)}, /* PWR_SRDCR.VOSRDY */
    {STM32_SET, PWR_SRDCR, STM32_BITS(15, 14), 3u << 14},   /* PWR_SRDCR.VOS: scale 0, for up to 280 MHz */
    {STM32_AWAIT, PWR_SRDCR, STM32_BIT(13), STM32_BIT(13)}, /* PWR_SRDCR.VOSRDY */
    /* PLL. */
    {STM32_SET, RCC_PLLCKSELR, STM32_BITS(9, 4) | STM32_BITS(1, 0),
     PLL_M << 4}, /* RCC_PLLCKSELR.DIVM1, PLLSRC: HSI */
    {STM32_SET, RCC_PLLCFGR,
     STM32_BITS(18, 16) | STM32_BITS(3, 0), /* RCC_PLLCFGR: PLL1PEN; PLL1RGE: input 2 to 4 MHz, */
     STM32_BIT(16) | 1u << 2},              /* PLL1VCOSEL: wide range, no fraction */
    {STM32_SET, RCC_PLL1DIVR, /* RCC_PLL1DIVR: PLL1R, PLL1Q, PLL1P (core), PLL1N, each less one */
     STM32_BITS(30, 24) | STM32_BITS(22, 16) | STM32_BITS(15, 9) | STM32_BITS(8, 0),
     1u << 24 | 1u << 16 | 1u << 9 | (PLL_N - 1u)},
    {STM32_SET, RCC_CR, STM32_BIT(24), STM32_BIT(24)},   /* RCC_CR.PLL1ON */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), STM32_BIT(25)}, /* RCC_CR.PLL1RDY: locked */
    /* Dividers, then the switch. */
    {STM32_SET, RCC_CDCFGR1,
     STM32_BITS(11, 8) | STM32_BITS(6, 4) | STM32_BITS(3, 0), /* RCC_CDCFGR1: CDCPRE 1 (core), */
     0u << 8 | 4u << 4 | 0u},                                 /* CDPPRE 2 (APB3), HPRE 1 (AXI, AHB) */
    {STM32_SET, RCC_CDCFGR2, STM32_BITS(10, 8) | STM32_BITS(6, 4),
     4u << 8 | 4u << 4},                                      /* RCC_CDCFGR2: CDPPRE2, CDPPRE1 2 */
    {STM32_SET, RCC_SRDCFGR, STM32_BITS(6, 4), 4u << 4},      /* RCC_SRDCFGR: SRDPPRE 2 (APB4) */
    {STM32_SET, RCC_CFGR, STM32_BITS(2, 0), 3},               /* RCC_CFGR.SW: PLL1 */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(5, 3), SWS_PLL1 << 3}, /* RCC_CFGR.SWS: PLL1 drives the core */
};

static const struct stm32_action fallback_actions[] = {
    {STM32_SET, RCC_CFGR, STM32_BITS(2, 0), 0},   /* RCC_CFGR.SW: stays at, or goes back to, HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(5, 3), 0}, /* RCC_CFGR.SWS */
};

void mcu_board_init(void)
{
    if (STM32_RUN(clock_actions))
        (void)STM32_RUN(fallback_actions);
    cortex_m7_caches_on();
}

/* RCC_CFGR.SWS [5:3], RCC_CDCFGR1.CDCPRE [11:8] */
uint32_t mcu_port_clock_hz(void)
{
    uint32_t hz = (mcu_read32(RCC_CFGR) >> 3 & 7u) == SWS_PLL1 ? MCU_CLOCK_MHZ * 1000000u : (uint32_t)HSI_HZ;
    return hz >> stm32_hpre_shift(mcu_read32(RCC_CDCFGR1) >> 8 & 15u);
}

void mcu_port_init(uint32_t baud)
{
    stm32_usart_start(&uart, &gpio, &pins, stm32_baud_divider(HSI_HZ, baud), USART_FIFO);
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
