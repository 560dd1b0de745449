/*
 * step.h - model.c says MCU_STEP(k) before step k of its schedule. That is nothing, unless it is compiled, as
 * for harness.elf, with this file included first: then the harness takes the time.
 */
#ifndef MCU_STEP_H
#define MCU_STEP_H

#include <stdint.h>

void mcu_step(uint32_t step);
#define MCU_STEP(step) mcu_step(step)

#endif
