/* arena and strbuf: memory that grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/strbuf.h"

static void test_alignment_and_zero(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    for (size_t bytes = 0; bytes < 300; bytes += 7) {
        unsigned char *memory = arena_alloc(&arena, bytes);
        assert_int_equal((uintptr_t)memory % (bytes >= 64 ? 64 : 16), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, bytes);
    }
    arena_release(&arena);
    assert_null(arena.head);
    assert_int_equal(arena.bytes, 0);
}

/* Blocks of every size keep their contents: none overlaps another. */
static void test_blocks_are_disjoint(void **state)
{
    (void)state;
    enum { N = 400 };
    struct arena arena = ARENA_INIT;
    unsigned char *blocks[N];
    size_t sizes[N], total = 0;
    for (int i = 0; i < N; i++) {
        sizes[i] = (size_t)(i * i * 7 % 40000) + (i % 50 == 0 ? 200000 : 0);
        blocks[i] = arena_alloc(&arena, sizes[i]);
        memset(blocks[i], i & 255, sizes[i]);
        total += sizes[i];
    }
    assert_int_equal(arena.bytes, total);
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], i & 255);
    arena_release(&arena);
}

static void test_text(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_string_equal(arena_strdup(&arena, "abc"), "abc");
    assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    char *padded = arena_printf(&arena, "%100000d", 1);
    assert_int_equal(strlen(padded), 100000);
    arena_release(&arena);
}

static void test_strbuf(void **state)
{
    (void)state;
    struct strbuf buf = STRBUF_INIT;
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_add(&buf, "", 0);
    assert_string_equal(buf.text, "");
    for (int i = 0; i < 5000; i++)
        strbuf_addf(&buf, "%04d,", i);
    assert_int_equal(buf.length, 25000);
    assert_memory_equal(buf.text + 24990, "4998,4999,", 11);
    strbuf_clear(&buf);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_adds(&buf, "again");
    assert_string_equal(buf.text, "again");
    strbuf_release(&buf);
    assert_null(buf.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_zero),
        cmocka_unit_test(test_blocks_are_disjoint),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_strbuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
