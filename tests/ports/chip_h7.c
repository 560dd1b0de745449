/*
 * chip_h7.c - STM32H743 (RM0433, DS12110) of revisions V and Y, STM32H7A3 (RM0455, DS13195). Reset values and
 * bits as in the register maps; limits as in the data sheets' "General operating conditions".
 */
#include "tests/ports/chip.h"

enum {
    RCC_CR = 0x58024400,
    RCC_CFGR = 0x58024410,
    RCC_CPU_DOMAIN = 0x58024418, /* D1CFGR or CDCFGR1 */
    RCC_APB12 = 0x5802441C,      /* D2CFGR or CDCFGR2 */
    RCC_APB4 = 0x58024420,       /* D3CFGR or SRDCFGR */
    RCC_PLLCKSELR = 0x58024428,
    RCC_PLLCFGR = 0x5802442C,
    RCC_PLL1DIVR = 0x58024430,
    RCC_UART_CLOCK = 0x58024454, /* D2CCIP2R or CDCCIP2R */
    H743_AHB4ENR = 0x580244E0,
    H743_APB1LENR = 0x580244E8,
    H743_APB2ENR = 0x580244F0,
    H743_APB4ENR = 0x580244F4,
    H7A3_AHB4ENR = 0x58024540,
    H7A3_APB1LENR = 0x58024548,
    H7A3_APB2ENR = 0x58024550,
    PWR_CSR1 = 0x58024804,
    PWR_CR3 = 0x5802480C,
    PWR_VOS = 0x58024818, /* D3CR or SRDCR */
    SYSCFG_PWRCR = 0x5800042C,
    FLASH_ACR = 0x52002000,
    DBGMCU_IDC = 0x5C001000,
    AXI_TARG7_FN_MOD = 0x51008108,
    MHZ = 1000000,
    HSI = 64 * MHZ,
};

#define PLL1_OFF RCC_CR, BIT(24) | BIT(25)

#define RCC_REGISTERS                                                                                        \
    {"RCC_CR",                                                                                               \
     RCC_CR,                                                                                                 \
     0x25,                                                                                                   \
     BITS(1, 0) | BITS(4, 3) | BIT(7) | BIT(9) | BIT(12) | BIT(16) | BITS(19, 18) | BIT(24) | BIT(26) |      \
         BIT(28),                                                                                            \
     0,                                                                                                      \
     0,                                                                                                      \
     0,                                                                                                      \
     0,                                                                                                      \
     0},                                                                                                     \
        {"RCC_CFGR", RCC_CFGR, 0, BITS(2, 0) | BITS(15, 6) | BITS(31, 18), 0, 0, 0, 0, 0},                   \
        {"RCC_D1CFGR", RCC_CPU_DOMAIN, 0, BITS(11, 8) | BITS(6, 4) | BITS(3, 0), 0, 0, 0, 0, 0},             \
        {"RCC_D2CFGR", RCC_APB12, 0, BITS(10, 8) | BITS(6, 4), 0, 0, 0, 0, 0},                               \
        {"RCC_D3CFGR", RCC_APB4, 0, BITS(6, 4), 0, 0, 0, 0, 0},                                              \
        {"RCC_PLLCKSELR",                                                                                    \
         RCC_PLLCKSELR,                                                                                      \
         0x02020200,                                                                                         \
         BITS(25, 20) | BITS(17, 12) | BITS(9, 4) | BITS(1, 0),                                              \
         0,                                                                                                  \
         0,                                                                                                  \
         PLL1_OFF,                                                                                           \
         BITS(9, 4) | BITS(1, 0)},                                                                           \
        {"RCC_PLLCFGR",                                                                                      \
         RCC_PLLCFGR,                                                                                        \
         0x01FF0000,                                                                                         \
         BITS(24, 16) | BITS(11, 0),                                                                         \
         0,                                                                                                  \
         0,                                                                                                  \
         PLL1_OFF,                                                                                           \
         BITS(3, 0) | BITS(18, 16)},                                                                         \
        {"RCC_PLL1DIVR", RCC_PLL1DIVR, 0x01010280, BITS(30, 24) | BITS(22, 0), 0, 0, PLL1_OFF, UINT32_MAX},  \
    {                                                                                                        \
        "RCC_D2CCIP2R", RCC_UART_CLOCK, 0,                                                                   \
            BITS(5, 0) | BITS(9, 8) | BITS(13, 12) | BITS(23, 20) | BITS(30, 28), 0, 0, 0, 0, 0              \
    }

#define GATE(name, address)                                                                                  \
    {                                                                                                        \
        name, address, 0, UINT32_MAX, 0, 0, 0, 0, 0                                                          \
    }

static const struct chip_register h743_registers[] = {
    RCC_REGISTERS,
    GATE("RCC_AHB4ENR", H743_AHB4ENR),
    GATE("RCC_APB1LENR", H743_APB1LENR),
    GATE("RCC_APB2ENR", H743_APB2ENR),
    GATE("RCC_APB4ENR", H743_APB4ENR),
    {"PWR_CSR1", PWR_CSR1, 0x4000, 0, 0, 0, 0, 0, 0},
    {"PWR_CR3", PWR_CR3, 0x06, BITS(2, 0) | BITS(9, 8) | BIT(24), 0, 0, 0, 0, 0},
    {"PWR_D3CR", PWR_VOS, 0x4000, BITS(15, 14), 0, 0, 0, 0, 0},
    {"SYSCFG_PWRCR", SYSCFG_PWRCR, 0, BIT(0), H743_APB4ENR, BIT(1), 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0x37, BITS(5, 0), 0, 0, 0, 0, 0},
    {"DBGMCU_IDC", DBGMCU_IDC, 0x20036450, 0, 0, 0, 0, 0, 0},
};

static const struct chip_register h743_y_registers[] = {
    RCC_REGISTERS,
    GATE("RCC_AHB4ENR", H743_AHB4ENR),
    GATE("RCC_APB1LENR", H743_APB1LENR),
    {"PWR_CSR1", PWR_CSR1, 0x4000, 0, 0, 0, 0, 0, 0},
    {"PWR_CR3", PWR_CR3, 0x06, BITS(2, 0) | BITS(9, 8) | BIT(24), 0, 0, 0, 0, 0},
    {"PWR_D3CR", PWR_VOS, 0x4000, BITS(15, 14), 0, 0, 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0x37, BITS(5, 0), 0, 0, 0, 0, 0},
    {"DBGMCU_IDC", DBGMCU_IDC, 0x10036450, 0, 0, 0, 0, 0, 0},
    {"AXI_TARG7_FN_MOD", AXI_TARG7_FN_MOD, 0, BITS(1, 0), 0, 0, 0, 0, 0},
};

static const struct chip_register h7a3_registers[] = {
    RCC_REGISTERS,
    GATE("RCC_AHB4ENR", H7A3_AHB4ENR),
    GATE("RCC_APB1LENR", H7A3_APB1LENR),
    GATE("RCC_APB2ENR", H7A3_APB2ENR),
    {"PWR_CSR1", PWR_CSR1, 0, 0, 0, 0, 0, 0, 0},
    {"PWR_CR3", PWR_CR3, 0x06, BITS(5, 0) | BITS(9, 8) | BIT(24), 0, 0, 0, 0, 0},
    {"PWR_SRDCR", PWR_VOS, 0, BITS(15, 14), 0, 0, 0, 0, 0},
    {"FLASH_ACR", FLASH_ACR, 0x33, BITS(5, 0), 0, 0, 0, 0, 0},
};

#define RCC_REACTIONS                                                                                        \
    {"HSIRDY", CHIP_FLAG, RCC_CR, BIT(0), BIT(0), RCC_CR, BIT(2), 0, 0},                                     \
        {"HSIDIVF", CHIP_FLAG, RCC_CR, BITS(4, 3), 0, RCC_CR, BIT(5), 0, 0},                                 \
        {"PLL1RDY", CHIP_FLAG, RCC_CR, BIT(24), BIT(24), RCC_CR, BIT(25), 0, 0},                             \
    {                                                                                                        \
        "SWS", CHIP_FOLLOWS, RCC_CFGR, BITS(2, 0), 0, RCC_CFGR, BITS(5, 3), 0, 0                             \
    }

/* ACTVOSRDY comes with the supply as it is wired: the LDO alone here. VOSRDY: H743 shows it with scale 1 only
 * after ACTVOSRDY; with ODEN it is shown still (that it drops in between is not modelled). */
static const struct chip_reaction h743_reactions[] = {
    RCC_REACTIONS,
    {"ACTVOSRDY", CHIP_FLAG, PWR_CR3, BITS(2, 0), BIT(1), PWR_CSR1, BIT(13), 0, 0},
    {"VOSRDY", CHIP_FLAG, PWR_VOS, BITS(15, 14), BITS(15, 14), PWR_VOS, BIT(13), PWR_CSR1, BIT(13)},
};

/* The SMPS alone. VOS counts up to scale 0 (11); VOSRDY for scales 1 and 0. */
static const struct chip_reaction h7a3_reactions[] = {
    RCC_REACTIONS,
    {"ACTVOSRDY", CHIP_FLAG, PWR_CR3, BITS(5, 0), BIT(2), PWR_CSR1, BIT(13), 0, 0},
    {"VOSRDY", CHIP_FLAG, PWR_VOS, BIT(15), BIT(15), PWR_VOS, BIT(13), PWR_CSR1, BIT(13)},
};

#define SWITCH_ORDERS                                                                                        \
    {"SW is HSI before HSIRDY", RCC_CFGR, BITS(2, 0), 0, RCC_CR, BIT(2), BIT(2)},                            \
    {                                                                                                        \
        "SW is PLL1 before PLL1RDY", RCC_CFGR, BITS(2, 0), 3, RCC_CR, BIT(25), BIT(25)                       \
    }

static const struct chip_order h743_orders[] = {
    SWITCH_ORDERS,
    {"VOS before the supply is ready", PWR_VOS, BITS(15, 14), BITS(15, 14), PWR_CSR1, BIT(13), BIT(13)},
    {"ODEN before scale 1", SYSCFG_PWRCR, BIT(0), BIT(0), PWR_VOS, BITS(15, 13), BITS(15, 13)},
};

static const struct chip_order h743_y_orders[] = {
    SWITCH_ORDERS,
    {"VOS before the supply is ready", PWR_VOS, BITS(15, 14), BITS(15, 14), PWR_CSR1, BIT(13), BIT(13)},
};

static const struct chip_order h7a3_orders[] = {
    SWITCH_ORDERS,
    {"VOS before the supply is ready", PWR_VOS, BITS(15, 14), 2 << 14, PWR_CSR1, BIT(13), BIT(13)},
    {"scale 0 other than from scale 1", PWR_VOS, BITS(15, 14), BITS(15, 14), PWR_VOS, BITS(15, 13),
     2 << 14 | BIT(13)},
};

/* 8 MHz external, HSI off and set to / 4; PLL1 of 8 * 25 / 4 = 50 MHz for nobody, its P output off. */
#define CLOCK_DIRT                                                                                           \
    {RCC_CR, BITS(5, 0) | BITS(17, 16) | BITS(25, 24), 2 << 3 | BITS(17, 16) | BITS(25, 24)},                \
        {RCC_CFGR, BITS(5, 0), 2 | 2 << 3}, {RCC_PLLCKSELR, BITS(9, 4) | BITS(1, 0), 1 << 4 | 2},            \
        {RCC_PLLCFGR, BITS(18, 16) | BITS(3, 0), 2 << 2 | BIT(17)},                                          \
        {RCC_PLL1DIVR, BITS(30, 24) | BITS(22, 0), 24 | 3 << 9}, {RCC_CPU_DOMAIN, BITS(6, 0), 6 << 4 | 0},   \
        {RCC_APB12, BITS(6, 4) | BITS(10, 8), 0}, {RCC_APB4, BITS(6, 4), 5 << 4},                            \
    {                                                                                                        \
        FLASH_ACR, BITS(5, 0), 0                                                                             \
    }

static const struct chip_state h7_dirt[] = {CLOCK_DIRT};

static const struct chip_state h743_wanted[] = {{FLASH_ACR, BITS(5, 4), 2 << 4},
                                                {SYSCFG_PWRCR, BIT(0), BIT(0)}};
static const struct chip_state h7a3_wanted[] = {{FLASH_ACR, BITS(5, 4), 3 << 4}};

static const struct chip_usart h743_usarts[] = {
    {"USART3", CHIP_USART_ISR_ICR, 0x40004800, H743_APB1LENR, BIT(18)}};
static const struct chip_usart h7a3_usarts[] = {
    {"USART3", CHIP_USART_ISR_ICR, 0x40004800, H7A3_APB1LENR, BIT(18)}};

static uint32_t apb_divide(uint32_t hz, uint32_t field)
{
    static const uint32_t dividers[8] = {1, 1, 1, 1, 2, 4, 8, 16};
    return hz / dividers[field];
}

static uint32_t core_divide(uint32_t hz, uint32_t field)
{
    static const uint32_t dividers[16] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 64, 128, 256, 512};
    return hz / dividers[field];
}

static struct chip_clocks clocks(void)
{
    struct chip_clocks result = {0};
    uint32_t hsi = chip_field(RCC_CR, 2, 2) ? (uint32_t)HSI >> chip_field(RCC_CR, 4, 3) : 0, hse = 8 * MHZ,
             divider = chip_field(RCC_PLLCKSELR, 9, 4);
    if (chip_field(RCC_CR, 25, 25) && divider) {
        static const uint32_t range_from[4] = {1, 2, 4, 8};
        uint32_t range = chip_field(RCC_PLLCFGR, 3, 2);
        const uint32_t pll_sources[4] = {hsi, 0, hse, 0};
        result.pll_in_hz = pll_sources[chip_field(RCC_PLLCKSELR, 1, 0)] / divider;
        if (result.pll_in_hz < range_from[range] * MHZ || result.pll_in_hz > 2 * range_from[range] * MHZ)
            result.pll_in_hz = 1; /* PLL1RGE names another range: fails below */
        if (chip_field(RCC_PLLCFGR, 1, 1) || chip_field(RCC_PLLCFGR, 0, 0))
            result.pll_in_hz = 1; /* medium VCO or fraction: not what the limits are for */
        result.vco_hz = result.pll_in_hz * (chip_field(RCC_PLL1DIVR, 8, 0) + 1);
        if (chip_field(RCC_PLLCFGR, 16, 16))
            result.pll_hz = result.vco_hz / (chip_field(RCC_PLL1DIVR, 15, 9) + 1);
    }
    const uint32_t sources[8] = {hsi, 0, chip_field(RCC_CR, 17, 17) ? hse : 0, result.pll_hz};
    result.core_hz = core_divide(sources[chip_field(RCC_CFGR, 5, 3)], chip_field(RCC_CPU_DOMAIN, 11, 8));
    result.hclk_hz = core_divide(result.core_hz, chip_field(RCC_CPU_DOMAIN, 3, 0));
    result.pclk3_hz = apb_divide(result.hclk_hz, chip_field(RCC_CPU_DOMAIN, 6, 4));
    result.pclk4_hz = apb_divide(result.hclk_hz, chip_field(RCC_APB4, 6, 4));
    result.pclk1_hz = apb_divide(result.hclk_hz, chip_field(RCC_APB12, 6, 4));
    result.pclk2_hz = apb_divide(result.hclk_hz, chip_field(RCC_APB12, 10, 8));
    const uint32_t uart_sources[8] = {result.pclk1_hz, 0, 0, hsi};
    result.uart_hz = uart_sources[chip_field(RCC_UART_CLOCK, 2, 0)];
    return result;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Table "FLASH recommended number of wait states and programming delay": 45 MHz of AXI clock a step at scale
 * 3, 55 at scale 2, 70 at scale 1 and 0; the core has twice that. */
static uint32_t h743_limit(void)
{
    static const uint32_t core[4] = {200 * MHZ, 200 * MHZ, 300 * MHZ, 400 * MHZ}, axi[4] = {45, 45, 55, 70};
    uint32_t vos = chip_field(PWR_VOS, 13, 13) ? chip_field(PWR_VOS, 15, 14) : 1;
    uint32_t limit = core[vos], flash = axi[vos] * MHZ * (chip_field(FLASH_ACR, 3, 0) + 1);
    if (vos == 3 && chip_field(DBGMCU_IDC, 31, 16) >= 0x2003 && chip_field(SYSCFG_PWRCR, 0, 0))
        limit = 480 * MHZ;
    uint32_t ratio = chip_field(RCC_CPU_DOMAIN, 3, 0) == 8 ? 2 : 1;
    return least(limit, ratio * flash);
}

/* The same table of RM0455: 22, 28, 35 and 42 MHz a step at scales 3, 2, 1 and 0; AXI has the core's clock.
 */
static uint32_t h7a3_limit(void)
{
    static const uint32_t core[4] = {88 * MHZ, 160 * MHZ, 225 * MHZ, 280 * MHZ}, axi[4] = {22, 28, 35, 42};
    uint32_t vos = chip_field(PWR_VOS, 13, 13) ? chip_field(PWR_VOS, 15, 14) : 0;
    return least(core[vos], axi[vos] * MHZ * (chip_field(FLASH_ACR, 3, 0) + 1));
}

#define TABLES(register_set, order_set, reaction_set, usart_set)                                             \
    .orders = order_set, .n_orders = COUNT(order_set), .dirt = h7_dirt, .n_dirt = COUNT(h7_dirt),            \
    .registers = register_set, .n_registers = COUNT(register_set), .reactions = reaction_set,                \
    .n_reactions = COUNT(reaction_set), .usarts = usart_set, .n_usarts = COUNT(usart_set)

const struct chip chip_stm32h743 = {
    .name = "stm32h743",
    .wanted = h743_wanted,
    .n_wanted = COUNT(h743_wanted),
    TABLES(h743_registers, h743_orders, h743_reactions, h743_usarts),
    .gpio_base = 0x58020000,
    .gpio_gate = H743_AHB4ENR,
    .reset_hz = HSI,
    .data_cache = 0xF00FE019, /* 16 KiB: 128 sets, 4 ways, lines of 32 bytes */
    .limits = {2 * MHZ, 16 * MHZ, 192 * MHZ, 960 * MHZ, 240 * MHZ, 120 * MHZ, 120 * MHZ},
    .clocks = clocks,
    .core_limit_hz = h743_limit,
};

const struct chip chip_stm32h743_revision_y = {
    .name = "stm32h743 revision Y",
    TABLES(h743_y_registers, h743_y_orders, h743_reactions, h743_usarts),
    .gpio_base = 0x58020000,
    .gpio_gate = H743_AHB4ENR,
    .reset_hz = HSI,
    .data_cache = 0xF00FE019,
    .limits = {2 * MHZ, 16 * MHZ, 192 * MHZ, 836 * MHZ, 200 * MHZ, 100 * MHZ, 100 * MHZ},
    .clocks = clocks,
    .core_limit_hz = h743_limit,
};

const struct chip chip_stm32h7a3 = {
    .name = "stm32h7a3",
    .wanted = h7a3_wanted,
    .n_wanted = COUNT(h7a3_wanted),
    TABLES(h7a3_registers, h7a3_orders, h7a3_reactions, h7a3_usarts),
    .gpio_base = 0x58020000,
    .gpio_gate = H7A3_AHB4ENR,
    .reset_hz = HSI,
    .data_cache = 0xF00FE019,
    .limits = {2 * MHZ, 16 * MHZ, 128 * MHZ, 560 * MHZ, 280 * MHZ, 140 * MHZ, 140 * MHZ},
    .clocks = clocks,
    .core_limit_hz = h7a3_limit,
};
