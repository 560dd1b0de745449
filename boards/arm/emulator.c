/*
 * emulator.c - main() of the emulator build.
 *
 * Without arguments: the self-test. Two inferences on the pattern, each between bench_begin() and
 * bench_end(); prints "crc32 0x........".
 *
 * With INPUT OUTPUT: INPUT holds n images of MCU_INPUT_BYTES, OUTPUT receives n outputs of MCU_OUTPUT_BYTES.
 *
 * Both end with "stack USED of RESERVED". Exit status 0, or 1 after a line "error: ..." or "fault: ...".
 */
#include "model.h"
#include "selftest.h"
#include "semihosting.h"
#include "startup.h"

enum { COMMAND_LINE_BYTES = 256, FAIL = 1 };

/* Where a profiler starts and stops counting. */
__attribute__((noinline)) void bench_begin(void);
__attribute__((noinline)) void bench_end(void);

void bench_begin(void)
{
    __asm volatile("" ::: "memory");
}

void bench_end(void)
{
    __asm volatile("" ::: "memory");
}

static _Noreturn void fail(const char *message, const char *subject)
{
    semihosting_print("error: ");
    semihosting_print(message);
    semihosting_print(subject);
    semihosting_print("\n");
    semihosting_exit(FAIL);
}

static void run_selftest(void)
{
    for (int round = 0; round < 2; round++) { /* the second one finds warm caches */
        mcu_selftest_input();
        bench_begin();
        mcu_model_run();
        bench_end();
    }
    semihosting_print("crc32 ");
    semihosting_print_hex(mcu_selftest_crc());
    semihosting_print("\n");
}

static void run_images(const char *input_path, const char *output_path)
{
    int32_t input = semihosting_open(input_path, SEMIHOSTING_READ);
    if (input < 0)
        fail("cannot open ", input_path);
    int32_t bytes = semihosting_length(input);
    if (bytes < 0 || bytes % MCU_INPUT_BYTES)
        fail("not a whole number of images in ", input_path);
    int32_t output = semihosting_open(output_path, SEMIHOSTING_WRITE);
    if (output < 0)
        fail("cannot open ", output_path);
    for (int32_t n = bytes / MCU_INPUT_BYTES; n > 0; n--) {
        if (semihosting_read(input, mcu_model_input(), MCU_INPUT_BYTES))
            fail("cannot read ", input_path);
        mcu_model_run();
        if (semihosting_write(output, mcu_model_output(), MCU_OUTPUT_BYTES))
            fail("cannot write ", output_path);
    }
    semihosting_close(input);
    semihosting_close(output);
}

/* The next blank-separated word of *line, cut off in place; NULL at the end. */
static char *next_word(char **line)
{
    char *word = *line;
    while (*word == ' ')
        word++;
    char *end = word;
    while (*end && *end != ' ')
        end++;
    *line = *end ? end + 1 : end;
    *end = '\0';
    return *word ? word : 0;
}

/*
 * On the boards nothing is mapped below the stack. QEMU's stand-ins have a region there that ignores
 * accesses: the MPU makes it fault as on the board. Registers: Armv7-M Architecture Reference Manual, B3.5.
 */
#ifdef __ARM_ARCH_8M_MAIN__
static void guard_stack(void)
{
    /* Armv8-M: startup.c sets a limit for the stack pointer. */
}
#else
static void guard_stack(void)
{
    extern uint32_t mcu_stack_bottom[];
    volatile uint32_t *const mpu = (volatile uint32_t *)0xE000ED90u; /* TYPE, CTRL, RNR, RBAR, RASR */
    enum {
        CTRL = 1,
        RNR = 2,
        RBAR = 3,
        RASR = 4,
        GUARD_BYTES = 65536,
        SIZE_64_KIB = 15 << 1,
        ENABLE = 1,
        PRIVDEFENA = 4
    };
    mpu[RNR] = 0;
    mpu[RBAR] = (uint32_t)mcu_stack_bottom - GUARD_BYTES;
    mpu[RASR] = SIZE_64_KIB | ENABLE; /* access permission 0: none */
    mpu[CTRL] = PRIVDEFENA | ENABLE;  /* everything else as without MPU */
    __asm volatile("dsb\n\tisb" ::: "memory");
}
#endif

int main(void)
{
    guard_stack();
    static char command_line[COMMAND_LINE_BYTES];
    if (semihosting_command_line(command_line, sizeof command_line))
        fail("the command line is too long", "");
    char *line = command_line;
    next_word(&line); /* the program */
    const char *input = next_word(&line), *output = next_word(&line);
    if (input && output)
        run_images(input, output);
    else
        run_selftest();
    semihosting_print("stack ");
    semihosting_print_number(mcu_stack_used());
    semihosting_print(" of ");
    semihosting_print_number(mcu_stack_reserved());
    semihosting_print("\n");
    semihosting_exit(0);
}

static const char *exception_name(uint32_t exception)
{
    switch (exception) {
    case 3:
        return "HardFault";
    case 4:
        return "MemManage";
    case 5:
        return "BusFault";
    case 6:
        return "UsageFault";
    default:
        return "unexpected exception";
    }
}

_Noreturn void mcu_fault_stop(void)
{
    semihosting_print("fault: ");
    semihosting_print(exception_name(mcu_fault_record.exception));
    semihosting_print(", cfsr ");
    semihosting_print_hex(mcu_fault_record.cfsr);
    semihosting_print(", hfsr ");
    semihosting_print_hex(mcu_fault_record.hfsr);
    semihosting_print(", address ");
    semihosting_print_hex(mcu_fault_record.address);
    if (mcu_fault_record.pc) {
        semihosting_print(", pc ");
        semihosting_print_hex(mcu_fault_record.pc);
        semihosting_print(", lr ");
        semihosting_print_hex(mcu_fault_record.lr);
    } else {
        semihosting_print(", stack overflow");
    }
    semihosting_print("\n");
    semihosting_exit(FAIL);
}
