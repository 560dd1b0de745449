#include "code_size.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "boards/toolchain.h"

double code_size_margin(const char *folder, struct arena *arena)
{
    static const char measured_with[] = "arm-none-eabi-gcc 12.2.1";
    static const double margin = 2, margin_of_others = 4;
    struct toolchain toolchain;
    if (toolchain_of_project(&toolchain, folder, arena) == 0 &&
        strcmp(toolchain.compiler, measured_with) == 0)
        return margin;
    static bool said;
    if (!said)
        printf("code sizes are those of %s: may be off by %g %%, not %g %%\n", measured_with,
               margin_of_others, margin);
    said = true;
    return margin_of_others;
}
