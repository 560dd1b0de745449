/*
 * chip_f4_f7.c - STM32F412 (RM0402, DS11139), STM32F746 (RM0385, DS10916), STM32F765 (RM0410, DS11532). Reset
 * values and bits as in the register maps; limits as in the data sheets' "General operating conditions"
 * at 2.7 to 3.6 V.
 */
#include "tests/ports/chip.h"

enum {
    RCC_CR = 0x40023800,
    RCC_PLLCFGR = 0x40023804,
    RCC_CFGR = 0x40023808,
    RCC_AHB1ENR = 0x40023830,
    RCC_APB1ENR = 0x40023840,
    RCC_APB2ENR = 0x40023844,
    RCC_DCKCFGR2 = 0x40023890,
    PWR_CR = 0x40007000,
    PWR_CSR = 0x40007004,
    FLASH_ACR = 0x40023C00,
    MHZ = 1000000,
};

#define PLL_FIELDS (BITS(5, 0) | BITS(14, 6) | BITS(17, 16) | BIT(22) | BITS(27, 24))

static const struct chip_register f4_registers[] = {
    {"RCC_CR", RCC_CR, 0x83, BIT(0) | BITS(7, 3) | BITS(19, 16) | BIT(24) | BIT(26), 0, 0, 0, 0, 0},
    {"RCC_PLLCFGR", RCC_PLLCFGR, 0x24003010, PLL_FIELDS | BITS(30, 28), 0, 0, RCC_CR, BIT(24) | BIT(25),
     UINT32_MAX},
    {"RCC_CFGR", RCC_CFGR, 0, ~(BITS(3, 2) | BITS(9, 8)), 0, 0, 0, 0, 0},
    {"RCC_AHB1ENR", RCC_AHB1ENR, 0, BITS(7, 0) | BIT(12) | BITS(22, 21), 0, 0, 0, 0, 0},
    {"RCC_APB1ENR", RCC_APB1ENR, 0x400, BITS(18, 0) | BITS(26, 21) | BIT(28), 0, 0, 0, 0, 0},
    {"RCC_APB2ENR", RCC_APB2ENR, 0, BITS(5, 0) | BITS(18, 8) | BIT(20) | BIT(24), 0, 0, 0, 0, 0},
    {"PWR_CR", PWR_CR, 0x8000, BITS(15, 0), RCC_APB1ENR, BIT(28), RCC_CR, BIT(24) | BIT(25), BITS(15, 14)},
    {"PWR_CSR", PWR_CSR, 0, BITS(9, 6), RCC_APB1ENR, BIT(28), 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0, BITS(3, 0) | BITS(12, 8), 0, 0, 0, 0, 0},
};

static const struct chip_register f7_registers[] = {
    {"RCC_CR", RCC_CR, 0x83, BIT(0) | BITS(7, 3) | BITS(19, 16) | BIT(24) | BIT(26) | BIT(28), 0, 0, 0, 0, 0},
    {"RCC_PLLCFGR", RCC_PLLCFGR, 0x24003010, PLL_FIELDS, 0, 0, RCC_CR, BIT(24) | BIT(25), UINT32_MAX},
    {"RCC_CFGR", RCC_CFGR, 0, ~(BITS(3, 2) | BITS(9, 8)), 0, 0, 0, 0, 0},
    {"RCC_AHB1ENR", RCC_AHB1ENR, 0x00100000, BITS(12, 0) | BIT(18) | BITS(30, 20), 0, 0, 0, 0, 0},
    {"RCC_APB1ENR", RCC_APB1ENR, 0x400, UINT32_MAX, 0, 0, 0, 0, 0},
    {"RCC_APB2ENR", RCC_APB2ENR, 0, BITS(30, 0), 0, 0, 0, 0, 0},
    {"RCC_DCKCFGR2", RCC_DCKCFGR2, 0, BITS(29, 0), 0, 0, 0, 0, 0},
    {"PWR_CR1", PWR_CR, 0xC000, BITS(19, 0), RCC_APB1ENR, BIT(28), RCC_CR, BIT(24) | BIT(25), BITS(15, 14)},
    {"PWR_CSR1", PWR_CSR, 0, BITS(9, 9) | BITS(19, 18), RCC_APB1ENR, BIT(28), 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0, BITS(3, 0) | BITS(9, 8) | BIT(11), 0, 0, 0, 0, 0},
};

static const struct chip_reaction f4_reactions[] = {
    {"HSIRDY", CHIP_FLAG, RCC_CR, BIT(0), BIT(0), RCC_CR, BIT(1), 0, 0},
    {"PLLRDY", CHIP_FLAG, RCC_CR, BIT(24), BIT(24), RCC_CR, BIT(25), 0, 0},
    {"SWS", CHIP_FOLLOWS, RCC_CFGR, BITS(1, 0), 0, RCC_CFGR, BITS(3, 2), 0, 0},
    {"VOSRDY", CHIP_FLAG, PWR_CR, BITS(15, 14), BITS(15, 14), PWR_CSR, BIT(14), RCC_CR, BIT(25)},
};

static const struct chip_reaction f7_reactions[] = {
    {"HSIRDY", CHIP_FLAG, RCC_CR, BIT(0), BIT(0), RCC_CR, BIT(1), 0, 0},
    {"PLLRDY", CHIP_FLAG, RCC_CR, BIT(24), BIT(24), RCC_CR, BIT(25), 0, 0},
    {"SWS", CHIP_FOLLOWS, RCC_CFGR, BITS(1, 0), 0, RCC_CFGR, BITS(3, 2), 0, 0},
    {"VOSRDY", CHIP_FLAG, PWR_CR, BITS(15, 14), BITS(15, 14), PWR_CSR, BIT(14), RCC_CR, BIT(25)},
    {"ODRDY", CHIP_FLAG, PWR_CR, BIT(16), BIT(16), PWR_CSR, BIT(16), PWR_CSR, BIT(14)},
    {"ODSWRDY", CHIP_FLAG, PWR_CR, BIT(17), BIT(17), PWR_CSR, BIT(17), PWR_CSR, BIT(16)},
};

#define SWITCH_ORDERS                                                                                        \
    {"SW is HSI before HSIRDY", RCC_CFGR, BITS(1, 0), 0, RCC_CR, BIT(1), BIT(1)},                            \
    {                                                                                                        \
        "SW is PLL before PLLRDY", RCC_CFGR, BITS(1, 0), 2, RCC_CR, BIT(25), BIT(25)                         \
    }

static const struct chip_order f4_orders[] = {
    SWITCH_ORDERS,
    {"ICRST while the cache is on", FLASH_ACR, BIT(11), BIT(11), FLASH_ACR, BIT(9), 0},
    {"DCRST while the cache is on", FLASH_ACR, BIT(12), BIT(12), FLASH_ACR, BIT(10), 0},
};

static const struct chip_order f7_orders[] = {
    SWITCH_ORDERS,
    {"the PLL is switched off while it is over-driven", RCC_CR, BIT(24), 0, PWR_CSR, BITS(17, 16), 0},
    {"ODEN before the PLL is on", PWR_CR, BIT(16), BIT(16), RCC_CR, BIT(25), BIT(25)},
    {"ODEN before VOSRDY", PWR_CR, BIT(16), BIT(16), PWR_CSR, BIT(14), BIT(14)},
    {"ODSWEN before ODRDY", PWR_CR, BIT(17), BIT(17), PWR_CSR, BIT(16), BIT(16)},
    {"ARTRST while the ART is on", FLASH_ACR, BIT(11), BIT(11), FLASH_ACR, BIT(9), 0},
};

/* 8 MHz external; PLL of it at 8 / 4 * 60 / 2 = 60 MHz for nobody; voltage scale 3. */
#define CLOCK_DIRT                                                                                           \
    {RCC_CR, BITS(1, 0) | BITS(17, 16) | BITS(25, 24), BITS(17, 16) | BITS(25, 24)},                         \
        {RCC_CFGR, BITS(3, 0) | BITS(15, 10), 1 | 1 << 2 | 7 << 10 | 6 << 13},                               \
        {RCC_PLLCFGR, PLL_FIELDS, 4 | 60 << 6 | BIT(22) | 7 << 24},                                          \
    {                                                                                                        \
        PWR_CR, BITS(15, 14), BIT(14)                                                                        \
    }

static const struct chip_state f4_dirt[] = {CLOCK_DIRT, {FLASH_ACR, BITS(10, 8), BITS(10, 9)}};
static const struct chip_state f7_dirt[] = {CLOCK_DIRT, {FLASH_ACR, BITS(9, 8), BIT(9)}};

/* Prefetch and caches on, their resets over; over-drive. */
static const struct chip_state f4_wanted[] = {{FLASH_ACR, BITS(12, 8), BITS(10, 8)}};
static const struct chip_state f7_wanted[] = {{FLASH_ACR, BITS(11, 8), BITS(9, 8)},
                                              {PWR_CSR, BITS(17, 16), BITS(17, 16)}};

static const struct chip_usart f4_usarts[] = {
    {"USART1", CHIP_USART_SR_DR, 0x40011000, RCC_APB2ENR, BIT(4)},
    {"USART3", CHIP_USART_SR_DR, 0x40004800, RCC_APB1ENR, BIT(18)},
};

static const struct chip_usart f7_usarts[] = {
    {"USART1", CHIP_USART_ISR_ICR, 0x40011000, RCC_APB2ENR, BIT(4)},
    {"USART3", CHIP_USART_ISR_ICR, 0x40004800, RCC_APB1ENR, BIT(18)},
};

static uint32_t apb_divide(uint32_t hz, uint32_t field)
{
    static const uint32_t dividers[8] = {1, 1, 1, 1, 2, 4, 8, 16};
    return hz / dividers[field];
}

static struct chip_clocks clocks(void)
{
    static const uint32_t ahb_dividers[16] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 64, 128, 256, 512};
    struct chip_clocks result = {0};
    if (chip_field(RCC_CR, 25, 25)) {
        result.pll_in_hz = (chip_field(RCC_PLLCFGR, 22, 22) ? 8 : 16) * MHZ / chip_field(RCC_PLLCFGR, 5, 0);
        result.vco_hz = result.pll_in_hz * chip_field(RCC_PLLCFGR, 14, 6);
        result.pll_hz = result.vco_hz / (2 * chip_field(RCC_PLLCFGR, 17, 16) + 2);
    }
    const uint32_t sources[4] = {chip_field(RCC_CR, 1, 1) ? 16 * MHZ : 0,
                                 chip_field(RCC_CR, 17, 17) ? 8 * MHZ : 0, result.pll_hz, 0};
    uint32_t sysclk = sources[chip_field(RCC_CFGR, 3, 2)];
    result.core_hz = result.hclk_hz = sysclk / ahb_dividers[chip_field(RCC_CFGR, 7, 4)];
    result.pclk1_hz = apb_divide(result.hclk_hz, chip_field(RCC_CFGR, 12, 10));
    result.pclk2_hz = apb_divide(result.hclk_hz, chip_field(RCC_CFGR, 15, 13));
    result.uart_hz = result.pclk1_hz; /* F4: USART3 */
    return result;
}

/* RCC_DCKCFGR2: of the two UARTs that the boards use; 0 PCLK, 1 SYSCLK, 2 HSI. */
static uint32_t f7_uart_clock(struct chip_clocks result, int low)
{
    const uint32_t choices[4] = {0, result.core_hz, 16 * MHZ, 0};
    return choices[chip_field(RCC_DCKCFGR2, low + 1, low)];
}

static struct chip_clocks f746_clocks(void)
{
    struct chip_clocks result = clocks();
    result.uart_hz = f7_uart_clock(result, 0); /* USART1 */
    return result;
}

static struct chip_clocks f765_clocks(void)
{
    struct chip_clocks result = clocks();
    result.uart_hz = f7_uart_clock(result, 4); /* USART3 */
    return result;
}

/* Table "Number of wait states": 30 MHz a step. Voltage: scale 3 while the PLL is off; then by VOS. */
static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t flash_limit(void)
{
    return 30 * MHZ * (chip_field(FLASH_ACR, 3, 0) + 1);
}

static uint32_t f4_limit(void)
{
    static const uint32_t by_scale[4] = {0, 64 * MHZ, 84 * MHZ, 100 * MHZ};
    uint32_t vos = chip_field(PWR_CR, 15, 14);
    if (!chip_field(RCC_CR, 25, 25) || (vos == 3 && !chip_field(PWR_CSR, 14, 14)))
        vos = 1;
    return least(flash_limit(), by_scale[vos]);
}

static uint32_t f7_limit(void)
{
    static const uint32_t by_scale[4] = {0, 144 * MHZ, 168 * MHZ, 180 * MHZ};
    uint32_t vos = chip_field(PWR_CR, 15, 14);
    if (!chip_field(RCC_CR, 25, 25) || (vos == 3 && !chip_field(PWR_CSR, 14, 14)))
        vos = 1;
    uint32_t limit = vos == 3 && chip_field(PWR_CSR, 17, 16) == 3 ? 216 * MHZ : by_scale[vos];
    return least(flash_limit(), limit);
}

/* pll_in, vco, hclk, pclk (2), pclk1 */
#define F4_LIMITS                                                                                            \
    {                                                                                                        \
        950000, 2100000, 100 * MHZ, 432 * MHZ, 100 * MHZ, 100 * MHZ, 50 * MHZ                                \
    }
#define F7_LIMITS                                                                                            \
    {                                                                                                        \
        950000, 2100000, 100 * MHZ, 432 * MHZ, 216 * MHZ, 108 * MHZ, 54 * MHZ                                \
    }

#define TABLES(family)                                                                                       \
    .registers = family##_registers, .n_registers = COUNT(family##_registers),                               \
    .reactions = family##_reactions, .n_reactions = COUNT(family##_reactions), .usarts = family##_usarts,    \
    .n_usarts = COUNT(family##_usarts), .orders = family##_orders, .n_orders = COUNT(family##_orders),       \
    .dirt = family##_dirt, .n_dirt = COUNT(family##_dirt), .wanted = family##_wanted,                        \
    .n_wanted = COUNT(family##_wanted)

const struct chip chip_stm32f412 = {
    .name = "stm32f412",
    TABLES(f4),
    .gpio_base = 0x40020000,
    .gpio_gate = RCC_AHB1ENR,
    .reset_hz = 16 * MHZ,
    .limits = F4_LIMITS,
    .clocks = clocks,
    .core_limit_hz = f4_limit,
};

const struct chip chip_stm32f746 = {
    .name = "stm32f746",
    TABLES(f7),
    .gpio_base = 0x40020000,
    .gpio_gate = RCC_AHB1ENR,
    .reset_hz = 16 * MHZ,
    .data_cache = 0xF003E019, /* 4 KiB: 32 sets, 4 ways, lines of 32 bytes */
    .limits = F7_LIMITS,
    .clocks = f746_clocks,
    .core_limit_hz = f7_limit,
};

const struct chip chip_stm32f765 = {
    .name = "stm32f765",
    TABLES(f7),
    .gpio_base = 0x40020000,
    .gpio_gate = RCC_AHB1ENR,
    .reset_hz = 16 * MHZ,
    .data_cache = 0xF00FE019, /* 16 KiB: 128 sets */
    .limits = F7_LIMITS,
    .clocks = f765_clocks,
    .core_limit_hz = f7_limit,
};
