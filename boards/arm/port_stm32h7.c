/*
 * port_stm32h7.c - STM32H742, H743, H750, H753: Cortex-M7 up to 480 MHz, supplied by their LDO.
 *
 * Manual: ST RM0433, chapters "Embedded flash memory" (FLASH), "Power control" (PWR), "Reset and clock
 * control" (RCC), "System configuration controller" (SYSCFG), "Debug infrastructure" (DBGMCU); errata ES0392.
 * Chapter and register name are given at each access; bit numbers are the manual's.
 *
 * Clock: HSI (64 MHz, internal) / 32 = 2 MHz, times clock_mhz = VCO, / 2 = core. AXI and AHB / 2, every APB /
 * 2 again. More than 400 MHz takes voltage scale 0, which chips before revision V do not have: those run at
 * 400 MHz, and mcu_port_clock_hz() says so. UART: on HSI.
 */
#include "port.h"

#include "cortex_m.h"
#include "startup.h"
#include "stm32_usart.h"

_Static_assert(MCU_CLOCK_MHZ >= 96 && MCU_CLOCK_MHZ <= 480, "this port reaches 96 to 480 MHz");

#define RCC_CR         0x58024400u
#define RCC_CFGR       0x58024410u
#define RCC_D1CFGR     0x58024418u
#define RCC_D2CFGR     0x5802441Cu
#define RCC_D3CFGR     0x58024420u
#define RCC_PLLCKSELR  0x58024428u
#define RCC_PLLCFGR    0x5802442Cu
#define RCC_PLL1DIVR   0x58024430u
#define RCC_D2CCIP2R   0x58024454u
#define RCC_AHB4ENR    0x580244E0u
#define RCC_APB1LENR   0x580244E8u
#define RCC_APB2ENR    0x580244F0u
#define RCC_APB4ENR    0x580244F4u
#define PWR_CSR1       0x58024804u
#define PWR_CR3        0x5802480Cu
#define PWR_D3CR       0x58024818u
#define SYSCFG_PWRCR   0x5800042Cu
#define FLASH_ACR      0x52002000u
#define DBGMCU_IDC     0x5C001000u
#define AXI_TARG7_MODE 0x51008108u

enum {
    HSI_HZ = 64000000,
    PLL_M = 32,        /* 64 MHz / 32 = 2 MHz: the least that the wide-range VCO takes */
    SCALE_1_MHZ = 400, /* what voltage scale 1 allows */
    REVISION_V = 0x2003,
    SWS_PLL1 = 3,
};

static const struct stm32_gpio gpio = {0x58020000u, RCC_AHB4ENR};

/* Base, clock enable (RCC_APB1LENR, RCC_APB2ENR), RCC_D2CCIP2R: 011 is
 * hsi_ker_ck. */
#define UART_USART1 STM32_UART(0x40011000u, RCC_APB2ENR, 4, RCC_D2CCIP2R, 5, 3, 3)
#define UART_USART2 STM32_UART(0x40004400u, RCC_APB1LENR, 17, RCC_D2CCIP2R, 2, 0, 3)
#define UART_USART3 STM32_UART(0x40004800u, RCC_APB1LENR, 18, RCC_D2CCIP2R, 2, 0, 3)
#define UART_UART4  STM32_UART(0x40004C00u, RCC_APB1LENR, 19, RCC_D2CCIP2R, 2, 0, 3)
#define UART_UART5  STM32_UART(0x40005000u, RCC_APB1LENR, 20, RCC_D2CCIP2R, 2, 0, 3)
#define UART_USART6 STM32_UART(0x40011400u, RCC_APB2ENR, 5, RCC_D2CCIP2R, 5, 3, 3)
#define UART_UART7  STM32_UART(0x40007800u, RCC_APB1LENR, 30, RCC_D2CCIP2R, 2, 0, 3)
#define UART_UART8  STM32_UART(0x40007C00u, RCC_APB1LENR, 31, RCC_D2CCIP2R, 2, 0, 3)

static const struct stm32_uart uart = STM32_OF(UART_, MCU_UART);
static const struct stm32_pins pins = STM32_UART_PINS;

/* Wait states, which for the full clock are right for slower ones too; the core on HSI, as after reset; PLL
 * off; supply, then voltage. */
static const struct stm32_action supply_actions[] = {
    {STM32_SET, FLASH_ACR, STM32_BITS(5, 0),
     2u << 4 | MCU_FLASH_WAIT_STATES},                                  /* FLASH_ACR.WRHIGHFREQ, LATENCY */
    {STM32_AWAIT, FLASH_ACR, STM32_BITS(3, 0), MCU_FLASH_WAIT_STATES},  /* taken into account */
    {STM32_SET, RCC_CR, STM32_BIT(0) | STM32_BITS(4, 3), STM32_BIT(0)}, /* RCC_CR.HSION, HSIDIV: / 1 */
    {STM32_AWAIT, RCC_CR, STM32_BIT(2), STM32_BIT(2)},                  /* RCC_CR.HSIRDY */
    {STM32_AWAIT, RCC_CR, STM32_BIT(5), STM32_BIT(5)},                  /* RCC_CR.HSIDIVF: divider as asked */
    {STM32_SET, RCC_CFGR, STM32_BITS(2, 0), 0},                         /* RCC_CFGR.SW: HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(5, 3), 0}, /* RCC_CFGR.SWS: HSI drives the core */
    {STM32_SET, RCC_CR, STM32_BIT(24), 0},        /* RCC_CR.PLL1ON: off */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), 0},      /* RCC_CR.PLL1RDY */
    /* PWR_CR3: LDOEN alone. Until this first write after power-up the voltage cannot be changed. */
    {STM32_SET, PWR_CR3, STM32_BITS(2, 0), STM32_BIT(1)},
    {STM32_AWAIT, PWR_CSR1, STM32_BIT(13), STM32_BIT(13)}, /* PWR_CSR1.ACTVOSRDY */
    {STM32_SET, PWR_D3CR, STM32_BITS(15, 14), 3u << 14},   /* PWR_D3CR.VOS: scale 1 */
    {STM32_AWAIT, PWR_D3CR, STM32_BIT(13), STM32_BIT(13)}, /* PWR_D3CR.VOSRDY */
};

/* Voltage scale 0: PWR, "VOS0 activation sequence"; from scale 1 only. */
static const struct stm32_action boost_actions[] = {
    {STM32_SET, RCC_APB4ENR, STM32_BIT(1), STM32_BIT(1)},  /* RCC_APB4ENR.SYSCFGEN: clock of SYSCFG */
    {STM32_SET, SYSCFG_PWRCR, STM32_BIT(0), STM32_BIT(0)}, /* SYSCFG_PWRCR.ODEN */
    {STM32_AWAIT, PWR_D3CR, STM32_BIT(13), STM32_BIT(13)}, /* PWR_D3CR.VOSRDY */
};

static const struct stm32_action pll_actions[] = {
    {STM32_SET, RCC_PLLCKSELR, STM32_BITS(9, 4) | STM32_BITS(1, 0),
     PLL_M << 4}, /* RCC_PLLCKSELR.DIVM1, PLLSRC: HSI */
    {STM32_SET, RCC_PLLCFGR,
     STM32_BITS(18, 16) | STM32_BITS(3, 0),            /* RCC_PLLCFGR: DIVP1EN; PLL1RGE: input 2 to 4 MHz, */
     STM32_BIT(16) | 1u << 2},                         /* PLL1VCOSEL: wide range, no fraction */
    {STM32_SET, RCC_CR, STM32_BIT(24), STM32_BIT(24)}, /* RCC_CR.PLL1ON */
    {STM32_AWAIT, RCC_CR, STM32_BIT(25), STM32_BIT(25)}, /* RCC_CR.PLL1RDY: locked */
    {STM32_SET, RCC_D1CFGR,
     STM32_BITS(11, 8) | STM32_BITS(6, 4) | STM32_BITS(3, 0), /* RCC_D1CFGR: D1CPRE 1 (core), */
     0u << 8 | 4u << 4 | 8u},                                 /* D1PPRE 2 (APB3), HPRE 2 (AXI, AHB) */
    {STM32_SET, RCC_D2CFGR, STM32_BITS(10, 8) | STM32_BITS(6, 4),
     4u << 8 | 4u << 4},                                      /* RCC_D2CFGR: D2PPRE2 2, D2PPRE1 2 */
    {STM32_SET, RCC_D3CFGR, STM32_BITS(6, 4), 4u << 4},       /* RCC_D3CFGR: D3PPRE 2 (APB4) */
    {STM32_SET, RCC_CFGR, STM32_BITS(2, 0), 3},               /* RCC_CFGR.SW: PLL1 */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(5, 3), SWS_PLL1 << 3}, /* RCC_CFGR.SWS: PLL1 drives the core */
};

static int clock_up(void)
{
    int has_scale_0 =
        mcu_read32(DBGMCU_IDC) >> 16 >= REVISION_V; /* DBGMCU_IDC.REV_ID: Z 1001, Y 1003, V 2003 */
    uint32_t n = MCU_CLOCK_MHZ;                     /* VCO 192 to 960 MHz */
    if (!has_scale_0) {
        mcu_write32(AXI_TARG7_MODE, 1); /* ES0392, revision Y: "Reading from AXI SRAM may lead to data read
                                           corruption": AXI_TARG7_FN_MOD.READ_ISS_OVERRIDE */
        if (n > SCALE_1_MHZ)
            n = SCALE_1_MHZ;
    }
    if (STM32_RUN(supply_actions) || (n > SCALE_1_MHZ && STM32_RUN(boost_actions)))
        return -1;
    /* RCC_PLL1DIVR: DIVN1, DIVP1 (core), DIVQ1, DIVR1, each less one; the PLL is off. */
    stm32_set(RCC_PLL1DIVR, STM32_BITS(30, 24) | STM32_BITS(22, 16) | STM32_BITS(15, 9) | STM32_BITS(8, 0),
              1u << 24 | 1u << 16 | 1u << 9 | (n - 1u));
    return STM32_RUN(pll_actions);
}

static const struct stm32_action fallback_actions[] = {
    {STM32_SET, RCC_CFGR, STM32_BITS(2, 0), 0},   /* RCC_CFGR.SW: stays at, or goes back to, HSI */
    {STM32_AWAIT, RCC_CFGR, STM32_BITS(5, 3), 0}, /* RCC_CFGR.SWS */
};

void mcu_board_init(void)
{
    if (clock_up())
        (void)STM32_RUN(fallback_actions);
    cortex_m7_caches_on();
}

/* RCC_CFGR.SWS [5:3], RCC_PLL1DIVR.DIVN1 [8:0], RCC_D1CFGR.D1CPRE [11:8] */
uint32_t mcu_port_clock_hz(void)
{
    uint32_t hz = HSI_HZ;
    if ((mcu_read32(RCC_CFGR) >> 3 & 7u) == SWS_PLL1)
        hz = ((mcu_read32(RCC_PLL1DIVR) & 0x1FFu) + 1u) * (HSI_HZ / PLL_M / 2);
    return hz >> stm32_hpre_shift(mcu_read32(RCC_D1CFGR) >> 8 & 15u);
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
