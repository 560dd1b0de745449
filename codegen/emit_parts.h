/*
 * emit_parts.h - the files of a generated project, one function each. Private to codegen/.
 */
#ifndef CODEGEN_EMIT_PARTS_H
#define CODEGEN_EMIT_PARTS_H

#include <stdbool.h>

#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/schedule.h"

struct arena;
struct strbuf;

/* Everything the files are made from. */
struct emission {
    const struct qmodel *qmodel;
    const struct schedule *schedule;
    const struct board *board;
    const struct emit_options *options;
    struct footprint footprint;
    struct arena *arena; /* for short texts */
};

/* position: in the schedule's order. */
const struct implementation *emission_implementation(const struct emission *emission, int position);

/* Rows of a call in the C of the caller: all, or those that the chain asks for. */
struct call_rows {
    bool all;
    const char *indent;
};
/* Argument structs of the operator at a position, and its calls. */
void emit_node(struct strbuf *out, struct strbuf *calls, const struct emission *emission, int position,
               const struct call_rows *rows);

void emit_model_h(struct strbuf *out, const struct emission *emission);
void emit_model_c(struct strbuf *out, const struct emission *emission);
/* The tables of engine/chain.h for a depth-first step: "chain_7" and what it points to. */
void emit_chain_tables(struct strbuf *out, const struct emission *emission, int step);
void emit_weights_h(struct strbuf *out, const struct emission *emission);
void emit_weights_c(struct strbuf *out, const struct emission *emission);
void emit_build_ninja(struct strbuf *out, const struct emission *emission);
/* From the text of boards/arm/link.ld.in. */
void emit_linker_script(struct strbuf *out, const struct emission *emission, const char *template,
                        bool emulator);

/* Files of engine/ and boards/arm/ that go into every project; both arrays end with NULL. */
extern const char *const engine_files[];
extern const char *const arm_files[];

#endif
