/*
 * emit.h - writes the generated project: model.h model.c weights.c main.c build.ninja linker script start-up
 * engine/ schedule.json memory_map.{svg,txt}.
 *
 * The C is meant to be read, compiles alone (-std=c11 -Wall -Wextra -Werror, gcc arm and host clang), depends
 * on engine/ and <stdint.h> only, names no path, time or host. All bytes are a function of qmodel, schedule,
 * board and version.
 */
#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

struct board;
struct qmodel;
struct schedule;
struct sha256;

struct emit_options {
    const char *model_sha256; /* of the int8.onnx; for the banner and schedule.json */
    const char *command;      /* for the banner, without paths */
};

int emit_project(const char *folder, const struct qmodel *qmodel, const struct schedule *schedule,
                 const struct board *board, const struct emit_options *options);

/* build.ninja alone, that of every project for the board. */
int emit_build_alone(const char *folder, const struct board *board);
/* SHA-256 over names and contents of the engine's files, which every project holds. */
int emit_engine_sha256(struct sha256 *out);

#endif
