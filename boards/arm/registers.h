/*
 * registers.h - the only way in which a port touches hardware. A test on the host defines MCU_REGISTERS_H and
 * these three functions itself, and so puts a model of the chip in their place (tests/ports).
 */
#ifndef MCU_REGISTERS_H
#define MCU_REGISTERS_H

#include <stdint.h>

static inline uint32_t mcu_read32(uint32_t address)
{
    return *(volatile uint32_t *)address;
}

static inline void mcu_write32(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

/* All earlier accesses have arrived, and what follows is fetched afresh. */
static inline void mcu_barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

#endif
