/*
 * chip_l4_u5.c - STM32L4R5 (RM0432, DS12023) and STM32U575 (RM0456, DS13737). Reset values and bits as in the
 * register maps; limits as in the data sheets' "General operating conditions".
 */
#include "tests/ports/chip.h"

enum {
    L4_CR = 0x40021000,
    L4_CFGR = 0x40021008,
    L4_PLLCFGR = 0x4002100C,
    L4_AHB2ENR = 0x4002104C,
    L4_APB1ENR1 = 0x40021058,
    L4_APB1ENR2 = 0x4002105C,
    L4_CCIPR = 0x40021088,
    L4_PWR_CR1 = 0x40007000,
    L4_PWR_CR2 = 0x40007004,
    L4_PWR_SR2 = 0x40007014,
    L4_PWR_CR5 = 0x40007080,
    U5_CR = 0x46020C00,
    U5_CFGR1 = 0x46020C1C,
    U5_CFGR2 = 0x46020C20,
    U5_CFGR3 = 0x46020C24,
    U5_PLL1CFGR = 0x46020C28,
    U5_PLL1DIVR = 0x46020C34,
    U5_AHB2ENR1 = 0x46020C8C,
    U5_AHB3ENR = 0x46020C94,
    U5_APB2ENR = 0x46020CA4,
    U5_CCIPR1 = 0x46020CE0,
    U5_PWR_CR3 = 0x46020808,
    U5_PWR_VOSR = 0x4602080C,
    U5_PWR_SVMSR = 0x4602083C,
    FLASH_ACR = 0x40022000,
    ICACHE_CR = 0x40030400,
    ICACHE_SR = 0x40030404,
    MHZ = 1000000,
    HSI = 16 * MHZ,
    MSI = 4 * MHZ,
    HSE = 8 * MHZ,
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t ahb_divide(uint32_t hz, uint32_t field)
{
    static const uint32_t dividers[16] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 64, 128, 256, 512};
    return hz / dividers[field];
}

static uint32_t apb_divide(uint32_t hz, uint32_t field)
{
    static const uint32_t dividers[8] = {1, 1, 1, 1, 2, 4, 8, 16};
    return hz / dividers[field];
}

/* ---- STM32L4R5 --------------------------------------------------------------------------------------------
 */

static const struct chip_register l4_registers[] = {
    {"RCC_CR", L4_CR, 0x63, BIT(0) | BITS(11, 2) | BITS(19, 16) | BIT(24) | BIT(26) | BIT(28), 0, 0, 0, 0, 0},
    {"RCC_CFGR", L4_CFGR, 0, BITS(1, 0) | BITS(13, 4) | BIT(15) | BITS(30, 24), 0, 0, 0, 0, 0},
    {"RCC_PLLCFGR", L4_PLLCFGR, 0x1000, BITS(1, 0) | BITS(14, 4) | BITS(17, 16) | BITS(22, 20) | BITS(31, 24),
     0, 0, L4_CR, BIT(24) | BIT(25), UINT32_MAX},
    {"RCC_AHB2ENR", L4_AHB2ENR, 0, BITS(8, 0) | BITS(14, 12) | BITS(22, 16), 0, 0, 0, 0, 0},
    {"RCC_APB1ENR1", L4_APB1ENR1, 0x400,
     BITS(5, 0) | BITS(11, 10) | BITS(15, 14) | BITS(25, 17) | BITS(31, 28), 0, 0, 0, 0, 0},
    {"RCC_APB1ENR2", L4_APB1ENR2, 0, BITS(1, 0) | BIT(5), 0, 0, 0, 0, 0},
    {"RCC_CCIPR", L4_CCIPR, 0, BITS(31, 0), 0, 0, 0, 0, 0},
    {"PWR_CR1", L4_PWR_CR1, 0x200, BITS(2, 0) | BIT(4) | BITS(10, 8) | BIT(14), L4_APB1ENR1, BIT(28), 0, 0,
     0},
    {"PWR_CR2", L4_PWR_CR2, 0, BITS(7, 0) | BITS(10, 9), L4_APB1ENR1, BIT(28), 0, 0, 0},
    {"PWR_SR2", L4_PWR_SR2, 0x100, 0, L4_APB1ENR1, BIT(28), 0, 0, 0},
    {"PWR_CR5", L4_PWR_CR5, 0x100, BIT(8), L4_APB1ENR1, BIT(28), 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0x600, BITS(3, 0) | BITS(14, 8), 0, 0, 0, 0, 0},
};

static const struct chip_reaction l4_reactions[] = {
    {"HSIRDY", CHIP_FLAG, L4_CR, BIT(8), BIT(8), L4_CR, BIT(10), 0, 0},
    {"PLLRDY", CHIP_FLAG, L4_CR, BIT(24), BIT(24), L4_CR, BIT(25), 0, 0},
    {"SWS", CHIP_FOLLOWS, L4_CFGR, BITS(1, 0), 0, L4_CFGR, BITS(3, 2), 0, 0},
    {"VOSF", CHIP_BUSY, L4_PWR_CR1, BITS(10, 9), BIT(9), L4_PWR_SR2, BIT(10), 0, 0},
};

static const struct chip_order l4_orders[] = {
    {"SW is HSI16 before HSIRDY", L4_CFGR, BITS(1, 0), 1, L4_CR, BIT(10), BIT(10)},
    {"SW is PLL before PLLRDY", L4_CFGR, BITS(1, 0), 3, L4_CR, BIT(25), BIT(25)},
    {"SW is PLL (above 80 MHz) without HPRE / 2", L4_CFGR, BITS(1, 0), 3, L4_CFGR, BITS(7, 4), 8 << 4},
    {"boost before range 1", L4_PWR_CR5, BIT(8), 0, L4_PWR_CR1, BITS(10, 9), 1 << 9},
    {"boost before the voltage is reached", L4_PWR_CR5, BIT(8), 0, L4_PWR_SR2, BIT(10), 0},
    {"ICRST while the cache is on", FLASH_ACR, BIT(11), BIT(11), FLASH_ACR, BIT(9), 0},
    {"DCRST while the cache is on", FLASH_ACR, BIT(12), BIT(12), FLASH_ACR, BIT(10), 0},
};

/* 8 MHz external; range 2; PLL of 8 / 2 * 20 / 4 = 20 MHz for nobody. */
static const struct chip_state l4_dirt[] = {
    {L4_CR, BIT(8) | BIT(10) | BITS(17, 16) | BITS(25, 24), BITS(17, 16) | BITS(25, 24)},
    {L4_CFGR, BITS(3, 0) | BITS(13, 8), 2 | 2 << 2 | 4 << 8 | 5 << 11},
    {L4_PLLCFGR, BITS(26, 0), 3 | 1 << 4 | 20 << 8 | BIT(16) | BIT(20) | BITS(25, 24)},
    {L4_PWR_CR1, BITS(10, 9), 2 << 9},
    {L4_PWR_SR2, BIT(10), BIT(10)},
};

static const struct chip_state l4_wanted[] = {
    {FLASH_ACR, BITS(12, 8), BITS(10, 8)}, {L4_PWR_CR5, BIT(8), 0}, {L4_CFGR, BITS(13, 4), 0}};

static const struct chip_usart l4_usarts[] = {{"LPUART1", CHIP_LPUART, 0x40008000, L4_APB1ENR2, BIT(0)}};

static struct chip_clocks l4_clocks(void)
{
    struct chip_clocks result = {0};
    if (chip_field(L4_CR, 25, 25)) {
        const uint32_t pll_sources[4] = {0, MSI, HSI, HSE};
        result.pll_in_hz = pll_sources[chip_field(L4_PLLCFGR, 1, 0)] / (chip_field(L4_PLLCFGR, 7, 4) + 1);
        result.vco_hz = result.pll_in_hz * chip_field(L4_PLLCFGR, 14, 8);
        if (chip_field(L4_PLLCFGR, 24, 24))
            result.pll_hz = result.vco_hz / (2 * chip_field(L4_PLLCFGR, 26, 25) + 2);
    }
    const uint32_t sources[4] = {MSI, chip_field(L4_CR, 10, 10) ? HSI : 0,
                                 chip_field(L4_CR, 17, 17) ? HSE : 0, result.pll_hz};
    uint32_t sysclk = sources[chip_field(L4_CFGR, 3, 2)];
    result.core_hz = result.hclk_hz = ahb_divide(sysclk, chip_field(L4_CFGR, 7, 4));
    result.pclk1_hz = apb_divide(result.hclk_hz, chip_field(L4_CFGR, 10, 8));
    result.pclk2_hz = apb_divide(result.hclk_hz, chip_field(L4_CFGR, 13, 11));
    const uint32_t uart_sources[4] = {result.pclk1_hz, sysclk, sources[1], 0};
    result.uart_hz = uart_sources[chip_field(L4_CCIPR, 11, 10)];
    return result;
}

/* Table "Number of wait states": 20 MHz a step in range 1 boost and normal (normal ends at 80), 8 in range 2.
 */
static uint32_t l4_limit(void)
{
    bool range_1 = chip_field(L4_PWR_CR1, 10, 9) == 1 && !chip_field(L4_PWR_SR2, 10, 10);
    uint32_t steps = chip_field(FLASH_ACR, 3, 0) + 1;
    if (!range_1)
        return least(26 * MHZ, 8 * MHZ * steps);
    return least(chip_field(L4_PWR_CR5, 8, 8) ? 80 * MHZ : 120 * MHZ, 20 * MHZ * steps);
}

const struct chip chip_stm32l4r5 = {
    .name = "stm32l4r5",
    .registers = l4_registers,
    .n_registers = COUNT(l4_registers),
    .reactions = l4_reactions,
    .n_reactions = COUNT(l4_reactions),
    .usarts = l4_usarts,
    .n_usarts = COUNT(l4_usarts),
    .orders = l4_orders,
    .n_orders = COUNT(l4_orders),
    .dirt = l4_dirt,
    .n_dirt = COUNT(l4_dirt),
    .wanted = l4_wanted,
    .n_wanted = COUNT(l4_wanted),
    .gpio_base = 0x48000000,
    .gpio_gate = L4_AHB2ENR,
    .reset_hz = MSI,
    .limits = {2660000, 16 * MHZ, 64 * MHZ, 344 * MHZ, 120 * MHZ, 120 * MHZ, 120 * MHZ},
    .clocks = l4_clocks,
    .core_limit_hz = l4_limit,
};

/* ---- STM32U575 --------------------------------------------------------------------------------------------
 */

static const struct chip_register u5_registers[] = {
    {"RCC_CR", U5_CR, 0x35,
     BITS(1, 0) | BITS(4, 3) | BITS(9, 6) | BIT(12) | BIT(14) | BITS(20, 16) | BIT(24) | BIT(26) | BIT(28), 0,
     0, 0, 0, 0},
    {"RCC_CFGR1", U5_CFGR1, 0, BITS(1, 0) | BITS(5, 4) | BITS(30, 24), 0, 0, 0, 0, 0},
    {"RCC_CFGR2", U5_CFGR2, 0x00006000, BITS(3, 0) | BITS(6, 4) | BITS(10, 8) | BITS(20, 12), 0, 0, 0, 0, 0},
    {"RCC_CFGR3", U5_CFGR3, 0, BITS(6, 4) | BITS(17, 16), 0, 0, 0, 0, 0},
    {"RCC_PLL1CFGR", U5_PLL1CFGR, 0, BITS(4, 0) | BITS(18, 8), 0, 0, U5_CR, BIT(24) | BIT(25), UINT32_MAX},
    {"RCC_PLL1DIVR", U5_PLL1DIVR, 0x01010280, BITS(30, 24) | BITS(22, 0), 0, 0, U5_CR, BIT(24) | BIT(25),
     UINT32_MAX},
    {"RCC_AHB2ENR1", U5_AHB2ENR1, 0xC0000000, UINT32_MAX, 0, 0, 0, 0, 0},
    {"RCC_AHB3ENR", U5_AHB3ENR, 0x80000000, BIT(0) | BIT(2) | BITS(6, 5) | BITS(10, 9) | BIT(12) | BIT(31), 0,
     0, 0, 0, 0},
    {"RCC_APB2ENR", U5_APB2ENR, 0, BITS(14, 11) | BITS(18, 16) | BITS(22, 21), 0, 0, 0, 0, 0},
    {"RCC_CCIPR1", U5_CCIPR1, 0, UINT32_MAX, 0, 0, 0, 0, 0},
    {"PWR_CR3", U5_PWR_CR3, 0, BITS(2, 1), U5_AHB3ENR, BIT(2), 0, 0, 0},
    {"PWR_VOSR", U5_PWR_VOSR, 0, BITS(18, 16), U5_AHB3ENR, BIT(2), 0, 0, 0},
    {"PWR_SVMSR", U5_PWR_SVMSR, 0, 0, U5_AHB3ENR, BIT(2), 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0x1, BITS(3, 0) | BIT(8) | BITS(14, 11), 0, 0, 0, 0, 0},
    {"ICACHE_CR", ICACHE_CR, 0x4, BITS(2, 0) | BITS(19, 16), 0, 0, 0, 0, 0},
    {"ICACHE_SR", ICACHE_SR, 0x1, 0, 0, 0, 0, 0, 0},
};

/* VOSRDY: 1 after reset, and late after a change; the model starts with 0, so that range 1 must be awaited.
 * BOOSTRDY needs range 1 and a clock: the source of PLL1 (HSI16 here), chosen before. */
static const struct chip_reaction u5_reactions[] = {
    {"HSIRDY", CHIP_FLAG, U5_CR, BIT(8), BIT(8), U5_CR, BIT(10), 0, 0},
    {"PLL1RDY", CHIP_FLAG, U5_CR, BIT(24), BIT(24), U5_CR, BIT(25), 0, 0},
    {"SWS", CHIP_FOLLOWS, U5_CFGR1, BITS(1, 0), 0, U5_CFGR1, BITS(3, 2), 0, 0},
    {"VOSRDY", CHIP_FLAG, U5_PWR_VOSR, BITS(17, 16), BITS(17, 16), U5_PWR_VOSR, BIT(15), 0, 0},
    {"BOOSTRDY", CHIP_FLAG, U5_PWR_VOSR, BITS(18, 16), BITS(18, 16), U5_PWR_VOSR, BIT(14), U5_PLL1CFGR,
     BIT(1)},
    {"REGS", CHIP_FLAG, U5_PWR_CR3, BIT(1), BIT(1), U5_PWR_SVMSR, BIT(1), 0, 0},
    {"BUSYF", CHIP_BUSY, ICACHE_CR, BIT(1), 0, ICACHE_SR, BIT(0), 0, 0},
};

static const struct chip_order u5_orders[] = {
    {"SW is HSI16 before HSIRDY", U5_CFGR1, BITS(1, 0), 1, U5_CR, BIT(10), BIT(10)},
    {"SW is PLL1 before PLL1RDY", U5_CFGR1, BITS(1, 0), 3, U5_CR, BIT(25), BIT(25)},
    {"BOOSTEN before range 1", U5_PWR_VOSR, BIT(18), BIT(18), U5_PWR_VOSR, BITS(17, 15), BITS(17, 15)},
    {"BOOSTEN before PLL1SRC", U5_PWR_VOSR, BIT(18), BIT(18), U5_PLL1CFGR, BITS(1, 0), 2},
    {"ICACHE on while it is busy", ICACHE_CR, BIT(0), BIT(0), ICACHE_SR, BIT(0), 0},
};

/* 8 MHz external; range 4; PLL1 of 8 / 2 * 40 / 8 = 20 MHz for nobody. */
static const struct chip_state u5_dirt[] = {
    {U5_CR, BIT(8) | BIT(10) | BITS(17, 16) | BITS(25, 24), BITS(17, 16) | BITS(25, 24)},
    {U5_CFGR1, BITS(3, 0), 2 | 2 << 2},
    {U5_CFGR2, BITS(10, 4), 4 << 4 | 5 << 8},
    {U5_CFGR3, BITS(6, 4), 6 << 4},
    {U5_PLL1CFGR, BITS(18, 8) | BITS(4, 0), 3 | 1 << 8 | 6 << 12 | BITS(17, 16)},
    {U5_PLL1DIVR, BITS(30, 24) | BITS(22, 0), 39 | 7 << 24},
    {U5_PWR_VOSR, BIT(15), BIT(15)},
};

static const struct chip_state u5_wanted[] = {
    {FLASH_ACR, BIT(8), BIT(8)}, {ICACHE_CR, BIT(0), BIT(0)}, {U5_PWR_SVMSR, BIT(1), BIT(1)},
    {U5_CFGR2, BITS(10, 0), 0},  {U5_CFGR3, BITS(6, 4), 0},
};

static const struct chip_usart u5_usarts[] = {
    {"USART1", CHIP_USART_ISR_ICR, 0x40013800, U5_APB2ENR, BIT(14)}};

static struct chip_clocks u5_clocks(void)
{
    struct chip_clocks result = {0};
    const uint32_t pll_sources[4] = {0, MSI, HSI, HSE};
    uint32_t source = pll_sources[chip_field(U5_PLL1CFGR, 1, 0)];
    if (chip_field(U5_CR, 25, 25)) {
        uint32_t range = chip_field(U5_PLL1CFGR, 3, 2);
        result.pll_in_hz = source / (chip_field(U5_PLL1CFGR, 11, 8) + 1);
        if ((range == 3) != (result.pll_in_hz > 8 * MHZ) || chip_field(U5_PLL1CFGR, 4, 4))
            result.pll_in_hz = 1; /* PLL1RGE names another range, or a fraction: fails by the limits */
        result.vco_hz = result.pll_in_hz * (chip_field(U5_PLL1DIVR, 8, 0) + 1);
        if (chip_field(U5_PLL1CFGR, 18, 18))
            result.pll_hz = result.vco_hz / (chip_field(U5_PLL1DIVR, 30, 24) + 1);
    }
    const uint32_t sources[4] = {MSI, chip_field(U5_CR, 10, 10) ? HSI : 0,
                                 chip_field(U5_CR, 17, 17) ? HSE : 0, result.pll_hz};
    uint32_t sysclk = sources[chip_field(U5_CFGR1, 3, 2)];
    result.core_hz = result.hclk_hz = ahb_divide(sysclk, chip_field(U5_CFGR2, 3, 0));
    result.pclk1_hz = apb_divide(result.hclk_hz, chip_field(U5_CFGR2, 6, 4));
    result.pclk2_hz = apb_divide(result.hclk_hz, chip_field(U5_CFGR2, 10, 8));
    result.pclk3_hz = apb_divide(result.hclk_hz, chip_field(U5_CFGR3, 6, 4));
    const uint32_t uart_sources[4] = {result.pclk2_hz, sysclk, sources[1], 0};
    result.uart_hz = uart_sources[chip_field(U5_CCIPR1, 1, 0)];
    return result;
}

/* Ranges 4 to 1: 25, 55, 110, 160 MHz; above 55 MHz the booster must run, clocked with 4 to 16 MHz. Wait
 * states: table "Number of wait states", 8, 12, 30 and 32 MHz a step. */
static uint32_t u5_limit(void)
{
    static const uint32_t voltage[4] = {25, 55, 110, 160}, flash[4] = {8, 12, 30, 32};
    uint32_t range = chip_field(U5_PWR_VOSR, 15, 15) ? chip_field(U5_PWR_VOSR, 17, 16) : 0;
    uint32_t prescaler = chip_field(U5_PLL1CFGR, 15, 12), booster = HSI / (prescaler ? 2 * prescaler : 1);
    uint32_t limit = voltage[range];
    if (!chip_field(U5_PWR_VOSR, 14, 14) || booster < 4 * MHZ || booster > 16 * MHZ)
        limit = least(limit, 55);
    return least(limit * MHZ, flash[range] * MHZ * (chip_field(FLASH_ACR, 3, 0) + 1));
}

const struct chip chip_stm32u575 = {
    .name = "stm32u575",
    .registers = u5_registers,
    .n_registers = COUNT(u5_registers),
    .reactions = u5_reactions,
    .n_reactions = COUNT(u5_reactions),
    .usarts = u5_usarts,
    .n_usarts = COUNT(u5_usarts),
    .orders = u5_orders,
    .n_orders = COUNT(u5_orders),
    .dirt = u5_dirt,
    .n_dirt = COUNT(u5_dirt),
    .wanted = u5_wanted,
    .n_wanted = COUNT(u5_wanted),
    .gpio_base = 0x42020000,
    .gpio_gate = U5_AHB2ENR1,
    .reset_hz = MSI,
    .limits = {4 * MHZ, 16 * MHZ, 128 * MHZ, 544 * MHZ, 160 * MHZ, 160 * MHZ, 160 * MHZ},
    .clocks = u5_clocks,
    .core_limit_hz = u5_limit,
};
