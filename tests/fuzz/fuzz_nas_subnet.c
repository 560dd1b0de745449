/* Any text: subnet_parse() refuses it or makes a valid subnet whose own text parses to the same. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "fuzz.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "tests/unit/nas_fixture_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct supernet supernet;
    struct subnet subnet, again;
    if (supernet_parse(&supernet, fixture_json, "fixture", &arena))
        die("the fixture does not parse");
    char *text = arena_alloc(&arena, size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)data[i];
    if (subnet_parse(&subnet, text, &supernet) == 0) {
        if (!subnet_valid(&subnet, &supernet))
            die("parsed an invalid subnet");
        if (subnet_parse(&again, subnet_text(&subnet, &arena), &supernet) || !subnet_equal(&subnet, &again))
            die("'%s' does not come back", subnet_text(&subnet, &arena));
    }
    arena_release(&arena);
    return 0;
}
