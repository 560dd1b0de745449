/* nas_tiny.h - the supernet of nas_fixture_json.h and the board that the tests of spaces and searches plan it
 * for. */
#ifndef TESTS_UNIT_NAS_TINY_H
#define TESTS_UNIT_NAS_TINY_H

#include "boards/board.h"
#include "nas/supernet.h"
#include "tests/unit/nas_fixture_json.h"

static inline int fixture_load(struct supernet *tiny, struct board **board, struct arena *arena)
{
    const int rc = supernet_parse(tiny, fixture_json, "tiny", arena);
    tiny->sha256 = "0123456789abcdef";
    return rc ? rc : board_load(board, "boards/stm32f746.yml", arena);
}

#endif
