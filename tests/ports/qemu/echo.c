/* echo.c - says the core clock in Hz, then gives every byte back plus one. */
#include "port.h"
#include "startup.h"

static void put_number(uint32_t number)
{
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n)
        mcu_port_put((uint8_t)digits[--n]);
}

int main(void)
{
    mcu_port_init(115200);
    put_number(mcu_port_clock_hz());
    mcu_port_put('\n');
    for (;;) {
        int byte = mcu_port_get();
        if (byte >= 0)
            mcu_port_put((uint8_t)(byte + 1));
    }
}

_Noreturn void mcu_fault_stop(void)
{
    for (;;)
        mcu_port_put('!');
}
