/*
 * qemu_plugin.h - what plugin.c uses of QEMU's TCG plugin interface, version 1 (QEMU 6.2 to 8.x).
 *
 * Debian does not package QEMU's own header; these are declarations of ours of the functions that
 * docs/devel/tcg-plugins.rst documents. QEMU resolves them when it loads the plugin.
 */
#ifndef BOARDS_CYCLES_QEMU_PLUGIN_H
#define BOARDS_CYCLES_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QEMU_PLUGIN_INTERFACE = 1 };

/* Registers that a callback wants to touch; how memory is accessed. */
enum { QEMU_PLUGIN_NO_REGISTERS = 0 };
enum { QEMU_PLUGIN_READS_AND_WRITES = 3 };

struct qemu_plugin_tb;   /* a translation block: straight-line code */
struct qemu_plugin_insn; /* an instruction of it; lives as long as the translation callback */
typedef struct qemu_info_t qemu_info_t;

/* The two functions' addresses QEMU looks up in the plugin. */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const qemu_info_t *info, int argc, char **argv);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t id, struct qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block,
                                          void (*entered)(unsigned cpu, void *user), int registers,
                                          void *user);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                            void (*reached)(unsigned cpu, void *user), int registers,
                                            void *user);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                      void (*accessed)(unsigned cpu, uint32_t access, uint64_t address,
                                                       void *user),
                                      int registers, int kinds, void *user);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ends)(uint64_t id, void *user), void *user);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
/* log2 of the bytes of an access; is it a store? */
unsigned qemu_plugin_mem_size_shift(uint32_t access);
bool qemu_plugin_mem_is_store(uint32_t access);

#endif
