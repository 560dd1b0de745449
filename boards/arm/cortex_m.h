/*
 * cortex_m.h - what is Arm's in a port: the cycle counter and the caches of Cortex-M7.
 *
 * Registers: Armv7-M Architecture Reference Manual (DDI 0403), chapters B2.2 (caches), B3.2 (system control
 * block), C1.6 (DEMCR), C1.8 (DWT); Armv8-M has the same ones at the same addresses.
 */
#ifndef MCU_CORTEX_M_H
#define MCU_CORTEX_M_H

#include "registers.h"

/* ---- cycle counter ----------------------------------------------------------------------------------------
 */

#define CORTEX_DEMCR      0xE000EDFCu
#define CORTEX_DWT_CTRL   0xE0001000u
#define CORTEX_DWT_CYCCNT 0xE0001004u
#define CORTEX_DWT_LAR    0xE0001FB0u

static inline void cortex_counter_start(void)
{
    /* DEMCR.TRCENA: without it the DWT has no clock. */
    mcu_write32(CORTEX_DEMCR, mcu_read32(CORTEX_DEMCR) | 1u << 24);
    mcu_barrier();
    mcu_write32(CORTEX_DWT_CYCCNT, 0);
    mcu_write32(CORTEX_DWT_CTRL, mcu_read32(CORTEX_DWT_CTRL) | 1u); /* DWT_CTRL.CYCCNTENA */
}

/* Cortex-M7 only, after TRCENA and before anything else is written: its DWT refuses writes until DWT_LAR gets
 * the CoreSight key. A debugger unlocks it, so that without this line a counter stands still only when none
 * is attached. */
static inline void cortex_m7_counter_start(void)
{
    mcu_write32(CORTEX_DEMCR, mcu_read32(CORTEX_DEMCR) | 1u << 24);
    mcu_barrier();
    mcu_write32(CORTEX_DWT_LAR, 0xC5ACCE55u);
    cortex_counter_start();
}

/* DWT_CTRL: NOCYCCNT (bit 25) says that there is none, CYCCNTENA (bit 0) that it counts. */
static inline int cortex_counter_runs(void)
{
    return (mcu_read32(CORTEX_DWT_CTRL) & (1u << 25 | 1u)) == 1u;
}

static inline uint32_t cortex_counter(void)
{
    return mcu_read32(CORTEX_DWT_CYCCNT); /* volatile: stays where it is among other such accesses */
}

/* ---- caches of Cortex-M7 ----------------------------------------------------------------------------------
 *
 * Nothing here shares memory with a DMA: the ports poll. An application that adds one must clean and
 * invalidate the lines that it shares (DCCMVAC, DCIMVAC), or keep its buffers in the DTCM, which is never
 * cached.
 */

#define CORTEX_CCR     0xE000ED14u
#define CORTEX_CCSIDR  0xE000ED80u
#define CORTEX_CSSELR  0xE000ED84u
#define CORTEX_ICIALLU 0xE000EF50u
#define CORTEX_DCISW   0xE000EF60u

/* At reset the caches are off and hold garbage that may look valid: all of it is invalidated first. A cache
 * that is on already (a boot loader's) is left alone: invalidating it would lose what it has not written
 * back. */
static inline void cortex_m7_caches_on(void)
{
    enum {
        CCR_DC = 1 << 16,
        CCR_IC = 1 << 17,
        WAY_SHIFT = 30,
        SET_SHIFT = 5
    }; /* 4 ways, lines of 32 bytes */
    if (!(mcu_read32(CORTEX_CCR) & CCR_IC)) {
        mcu_barrier();
        mcu_write32(CORTEX_ICIALLU, 0); /* any value: all of the instruction cache */
        mcu_barrier();
        mcu_write32(CORTEX_CCR, mcu_read32(CORTEX_CCR) | CCR_IC);
        mcu_barrier();
    }
    if (!(mcu_read32(CORTEX_CCR) & CCR_DC)) {
        mcu_write32(CORTEX_CSSELR, 0); /* CCSIDR shows: level 1, data */
        mcu_barrier();
        uint32_t geometry = mcu_read32(CORTEX_CCSIDR), last_set = geometry >> 13 & 0x7FFFu,
                 last_way = geometry >> 3 & 0x3FFu;
        for (uint32_t set = 0; set <= last_set; set++)
            for (uint32_t way = 0; way <= last_way; way++)
                mcu_write32(CORTEX_DCISW, way << WAY_SHIFT | set << SET_SHIFT);
        mcu_barrier();
        mcu_write32(CORTEX_CCR, mcu_read32(CORTEX_CCR) | CCR_DC);
        mcu_barrier();
    }
}

#endif
