/*
 * code_size.h - how well codegen/code_size.inc has to predict the size of code.
 */
#ifndef TESTS_BOARD_CODE_SIZE_H
#define TESTS_BOARD_CODE_SIZE_H

struct arena;

/* Percent that the code of the generated project in `folder` may be off: 2 with the compiler that
 * code_size.inc was measured with; more with another one, which is said on stdout. */
double code_size_margin(const char *folder, struct arena *arena);

#endif
