/*
 * main.c - the board: runs the model once on the self-test pattern and leaves the result where a debugger
 * finds it.
 *
 * Replace this file with your application: fill mcu_model_input(), call mcu_model_run(), read
 * mcu_model_output().
 */
#include "model.h"
#include "selftest.h"
#include "startup.h"

int main(void)
{
    mcu_selftest_input();
    mcu_model_run();
    mcu_selftest_crc();
    for (;;)
        __asm volatile("wfi");
}

_Noreturn void mcu_fault_stop(void)
{
    for (;;)
        __asm volatile("wfi");
}
