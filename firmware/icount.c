/* A QEMU plugin (API version 1): instructions executed per symbol.
 * Debian ships no header, so the few prototypes stand here. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t qemu_info_t;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline(
    struct qemu_plugin_insn *insn, enum qemu_plugin_op op, void *ptr, uint64_t imm);
void qemu_plugin_register_atexit_cb(
    qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *insn);
void qemu_plugin_outs(const char *text);

int qemu_plugin_version = 1;

#define SYMBOLS 4096
static struct { const char *name; uint64_t count; } table[SYMBOLS];
static uint64_t nameless;

static uint64_t *counter_of(const char *name) {
    if (!name) return &nameless;
    for (int i = 0; i < SYMBOLS; i++) {
        if (!table[i].name) table[i].name = name;
        if (!strcmp(table[i].name, name)) return &table[i].count;
    }
    return &nameless;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t *counter = counter_of(qemu_plugin_insn_symbol(insn));
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1);
    }
}

static void finished(qemu_plugin_id_t id, void *data) {
    char line[512];
    (void)id, (void)data;
    for (int i = 0; i < SYMBOLS && table[i].name; i++) {
        snprintf(line, sizeof line, "icount %llu %s\n", (unsigned long long)table[i].count,
                 table[i].name);
        qemu_plugin_outs(line);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
