/*
 * qemu_plugin.h - what plugin.c uses of QEMU's TCG plugin interface, version 1 (QEMU 6.2 to 8.x) and from
 * version 2 on (QEMU 9 and later).
 *
 * Debian does not package QEMU's own header; these are declarations of ours of the functions that
 * docs/devel/tcg-plugins.rst documents. QEMU resolves them when it loads the plugin.
 */
#ifndef BOARDS_CYCLES_QEMU_PLUGIN_H
#define BOARDS_CYCLES_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* QEMU loads plugins whose qemu_plugin_version is from the oldest it still knows to its own: up to QEMU 8
 * that is 0 to 1, later 2 to 2 and more. Version 2 took away what we do not use. */
enum { QEMU_PLUGIN_OLD = 1, QEMU_PLUGIN_NEW = 2 };
/* From here on qemu_plugin_insn_data() copies. */
enum { QEMU_PLUGIN_COPIES_INSTRUCTIONS = 3 };

/* Registers that a callback wants to touch; how memory is accessed. */
enum { QEMU_PLUGIN_NO_REGISTERS = 0 };
enum { QEMU_PLUGIN_READS_AND_WRITES = 3 };

struct qemu_plugin_tb;   /* a translation block: straight-line code */
struct qemu_plugin_insn; /* an instruction of it; lives as long as the translation callback */
/* What QEMU says of itself; more follows that we do not use. */
typedef struct qemu_info_t {
    const char *target;
    struct {
        int oldest, own;
    } interface;
} qemu_info_t;

/* What QEMU looks up in the plugin once it is loaded: a variable and a function. */
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
/* One function in QEMU with two forms: the machine code, or a copy of its first bytes that returns how many.
 */
const void *
qemu_plugin_insn_code(const struct qemu_plugin_insn *instruction) __asm__("qemu_plugin_insn_data");
size_t qemu_plugin_insn_copy(const struct qemu_plugin_insn *instruction, void *out,
                             size_t bytes) __asm__("qemu_plugin_insn_data");
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
/* log2 of the bytes of an access; is it a store? */
unsigned qemu_plugin_mem_size_shift(uint32_t access);
bool qemu_plugin_mem_is_store(uint32_t access);
/* Came with version 2: its address is NULL in an older QEMU. Not called. */
int qemu_plugin_num_vcpus(void) __attribute__((weak));

#endif
