/*
 * startup.h - from reset to main() on an Armv7-M core, and what is left when something goes wrong.
 *
 * Stack layout: the stack is the lowest thing in its RAM region and grows down, towards addresses where
 * nothing is mapped: an overflow is a BusFault, never silent corruption. It is painted at reset, so that
 * mcu_stack_used() can tell how deep it went.
 */
#ifndef MCU_STARTUP_H
#define MCU_STARTUP_H

#include <stdint.h>

/* What the fault handler saw. Registers as in the Armv7-M Architecture Reference Manual, B3.2. */
struct mcu_fault_record {
    uint32_t exception; /* 0: no fault; 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault, else unexpected */
    uint32_t cfsr, hfsr;
    uint32_t address; /* that was accessed, where known (BFAR, MMFAR), else 0 */
    uint32_t pc, lr;  /* of the faulting code; 0 when its stack frame was lost in a stack overflow */
};
extern volatile struct mcu_fault_record mcu_fault_record;

/* Deepest stack so far, and what is reserved for it. */
uint32_t mcu_stack_used(void);
uint32_t mcu_stack_reserved(void);

/* Called once before main(): clocks, caches, pins. The default does nothing: the core runs from its reset
 * clock. */
void mcu_board_init(void);
/* Called after mcu_fault_record was filled. Does not return. */
_Noreturn void mcu_fault_stop(void);
int main(void);

#endif
