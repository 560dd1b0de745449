/*
 * cortex_port.h - port.h's counter where the core has a DWT cycle counter: the same in every port of such a core. A port
 * includes it at its end, once; it defines functions.
 */
#ifndef MCU_CORTEX_PORT_H
#define MCU_CORTEX_PORT_H

#include "cortex_m.h"
#include "port.h"

uint32_t mcu_port_ticks(void)
{
    return cortex_counter();
}

uint32_t mcu_port_tick_hz(void)
{
    return cortex_counter_runs() ? mcu_port_clock_hz() : 0;
}

enum mcu_port_counter mcu_port_counter(void)
{
    return cortex_counter_runs() ? MCU_COUNTER_CORE_CYCLES : MCU_COUNTER_NONE;
}

#endif
