/*
 * startup.c - the least that runs a test program on QEMU's mps2 machines: vectors, FPU on, .data and .bss,
 * newlib with semihosting, faults end the emulator with status 125.
 */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end;
extern void initialise_monitor_handles(void);
extern int main(int argc, char **argv);

enum { SYS_EXIT_EXTENDED = 0x20, SYS_GET_CMDLINE = 0x15, ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static int semihosting(int operation, void *arguments)
{
    register int r0 __asm__("r0") = operation;
    register void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void stop(int status)
{
    uint32_t arguments[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)status};
    semihosting(SYS_EXIT_EXTENDED, arguments);
    for (;;)
        ;
}

static void fault(void)
{
    stop(125);
}

void _init(void);
void _fini(void);
void _init(void)
{
}
void _fini(void)
{
}

__attribute__((used, noreturn)) static void reset(void)
{
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* CPACR: FPU */
    __asm__ volatile("dsb\n\tisb");
    for (uint32_t *from = &data_load, *to = &data_start; to < &data_end;)
        *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;)
        *to++ = 0;
    initialise_monitor_handles();
    static char line[256];
    static char *argv[8];
    uint32_t arguments[2] = {(uint32_t)line, sizeof line};
    int argc = 0;
    if (semihosting(SYS_GET_CMDLINE, arguments) == 0)
        for (char *p = line; *p && argc < 7;) {
            argv[argc++] = p;
            while (*p && *p != ' ')
                p++;
            while (*p == ' ')
                *p++ = 0;
        }
    exit(main(argc, argv));
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
