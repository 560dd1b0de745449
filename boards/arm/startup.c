/*
 * startup.c - vector table, reset and fault handling for Armv7-M (Cortex-M4, Cortex-M7) and Armv8-M Mainline
 * (Cortex-M33, in the state that it starts in: Secure where there is TrustZone). Needs firmware.ld or
 * emulator.ld.
 */
#include "startup.h"

/* From the linker script. */
extern uint32_t mcu_stack_bottom[], mcu_stack_top[];
extern uint32_t mcu_data_load[], mcu_data_begin[], mcu_data_end[], mcu_bss_begin[], mcu_bss_end[];

/* System control block: Armv7-M Architecture Reference Manual, B3.2.2; Armv8-M has the same registers. */
#define SCB_ICSR  (*(volatile uint32_t *)0xE000ED04u)
#define SCB_VTOR  (*(volatile uint32_t *)0xE000ED08u)
#define SCB_SHCSR (*(volatile uint32_t *)0xE000ED24u)
#define SCB_CFSR  (*(volatile uint32_t *)0xE000ED28u)
#define SCB_HFSR  (*(volatile uint32_t *)0xE000ED2Cu)
#define SCB_MMFAR (*(volatile uint32_t *)0xE000ED34u)
#define SCB_BFAR  (*(volatile uint32_t *)0xE000ED38u)
#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)

enum {
    SHCSR_FAULTS_ENABLED = 7 << 16, /* MemManage, BusFault, UsageFault get their own exceptions */
    CPACR_FPU_ENABLED = 15 << 20,
    CFSR_MMARVALID = 1 << 7,
    CFSR_BFARVALID = 1 << 15,
};

/*
 * Armv8-M checks the stack pointer against a limit: an overflow is a UsageFault there (CFSR.STKOF, bit 20),
 * whatever is mapped below. In the fault handler the limit is off, for the report needs a stack.
 */
#ifdef __ARM_ARCH_8M_MAIN__
#define SET_STACK_LIMIT(address)  __asm volatile("msr msplim, %0" ::"r"(address))
#define BRANCH_IF_STACK_LIMIT_MET /* to label 2 */                                                           \
    "movs r1, #0\n\t"                                                                                        \
    "msr msplim, r1\n\t"                                                                                     \
    "ldr r1, =0xE000ED28\n\t" /* CFSR */                                                                     \
    "ldr r1, [r1]\n\t"                                                                                       \
    "lsls r1, r1, #11\n\t" /* bit 20 becomes the sign */                                                     \
    "bmi 2f\n\t"
#else
#define SET_STACK_LIMIT(address) ((void)(address))
#define BRANCH_IF_STACK_LIMIT_MET
#endif

static const uint32_t stack_paint = 0xA5A5A5A5u;

volatile struct mcu_fault_record mcu_fault_record;

void mcu_reset(void);
void mcu_fault_entry(void);
void mcu_fault(const uint32_t *frame);

#define FAULT mcu_fault_entry

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))mcu_stack_top,
    mcu_reset,
    FAULT, /* NMI */
    FAULT, /* HardFault */
    FAULT, /* MemManage */
    FAULT, /* BusFault */
    FAULT, /* UsageFault */
    0,
    0,
    0,
    0,
    FAULT, /* SVCall */
    FAULT, /* DebugMonitor */
    0,
    FAULT, /* PendSV */
    FAULT, /* SysTick */
};

__attribute__((weak)) void mcu_board_init(void)
{
}

void mcu_reset(void)
{
    SCB_VTOR = (uint32_t)vectors;
    SCB_SHCSR |= SHCSR_FAULTS_ENABLED;
    SCB_CPACR |= CPACR_FPU_ENABLED; /* gcc may keep integers in FPU registers */
    SET_STACK_LIMIT(mcu_stack_bottom);
    __asm volatile("dsb\n\tisb" ::: "memory");

    /* volatile: must stay a loop, a call would use the stack that is being painted. */
    uint32_t *here;
    __asm volatile("mov %0, sp" : "=r"(here));
    for (volatile uint32_t *at = mcu_stack_bottom; at < here; at++)
        *at = stack_paint;
    for (uint32_t *from = mcu_data_load, *to = mcu_data_begin; to < mcu_data_end;)
        *to++ = *from++;
    for (uint32_t *to = mcu_bss_begin; to < mcu_bss_end;)
        *to++ = 0;

    mcu_board_init();
    main();
    for (;;) {
    }
}

/*
 * All faults arrive here. Finds the stack frame that the core pushed; after a stack overflow there is none,
 * and the stack is started afresh so that the report has one to run on.
 */
__attribute__((naked)) void mcu_fault_entry(void)
{
    __asm volatile(BRANCH_IF_STACK_LIMIT_MET "mov r0, sp\n\t"
                                             "ldr r1, =mcu_stack_bottom\n\t"
                                             "cmp r0, r1\n\t"
                                             "bhs 1f\n"
                                             "2:\n\t"
                                             "ldr r1, =mcu_stack_top\n\t"
                                             "mov sp, r1\n\t"
                                             "movs r0, #0\n"
                                             "1:\n\t"
                                             "b mcu_fault\n\t"
                                             ".ltorg");
}

/* frame: r0-r3, r12, lr, pc, xpsr of the interrupted code, or NULL. */
__attribute__((used)) void mcu_fault(const uint32_t *frame)
{
    uint32_t cfsr = SCB_CFSR;
    mcu_fault_record.exception = SCB_ICSR & 0x1FFu;
    mcu_fault_record.cfsr = cfsr;
    mcu_fault_record.hfsr = SCB_HFSR;
    mcu_fault_record.address = cfsr & CFSR_BFARVALID ? SCB_BFAR : cfsr & CFSR_MMARVALID ? SCB_MMFAR : 0;
    if (frame) {
        mcu_fault_record.lr = frame[5];
        mcu_fault_record.pc = frame[6];
    }
    mcu_fault_stop();
}

uint32_t mcu_stack_used(void)
{
    const volatile uint32_t *at = mcu_stack_bottom;
    while (at < mcu_stack_top && *at == stack_paint)
        at++;
    return (uint32_t)(mcu_stack_top - at) * (uint32_t)sizeof(uint32_t);
}

uint32_t mcu_stack_reserved(void)
{
    return (uint32_t)(mcu_stack_top - mcu_stack_bottom) * (uint32_t)sizeof(uint32_t);
}
