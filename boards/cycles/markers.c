/*
 * markers.c - from an ELF's symbol table (libelf): where counting starts and ends, and which constants tell
 * the layer.
 */
#include "boards/cycles/profile.h"

#include <ctype.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

enum { MAX_SYMBOL_BYTES = 1 << 28 };

static const char layer_source[] = "model.c";

/* "fully_connected_12_part_0" -> length of "fully_connected_12"; 0 when there is no number. */
static size_t operator_length(const char *name)
{
    for (const char *at = name; (at = strchr(at, '_')); at++) {
        size_t digits = 0;
        while (isdigit((unsigned char)at[1 + digits]))
            digits++;
        if (digits && (at[1 + digits] == '\0' || at[1 + digits] == '_'))
            return (size_t)(at - name) + 1 + digits;
    }
    return 0;
}

/* The layer of an object of model.c, made when it is new; 0: of none. */
static int layer_of(struct marker_table *table, const char *name, struct arena *arena)
{
    const size_t length = operator_length(name);
    if (!length || strncmp(name, "chain_", 6) == 0)
        return 0;
    for (int i = 1; i < table->n_layers; i++)
        if (strncmp(table->names[i], name, length) == 0 && table->names[i][length] == '\0')
            return i;
    if (table->n_layers == RECORD_MAX_LAYERS)
        return 0;
    table->names[table->n_layers] = arena_printf(arena, "%.*s", (int)length, name);
    return table->n_layers++;
}

static bool is_constant(Elf *elf, const GElf_Sym *symbol)
{
    GElf_Shdr header;
    Elf_Scn *section = symbol->st_shndx < SHN_LORESERVE ? elf_getscn(elf, symbol->st_shndx) : NULL;
    return section && gelf_getshdr(section, &header) && header.sh_flags & SHF_ALLOC &&
           !(header.sh_flags & SHF_WRITE);
}

static void take_symbol(struct marker_table *table, Elf *elf, const GElf_Sym *symbol, const char *name,
                        bool of_model, struct arena *arena)
{
    const int type = GELF_ST_TYPE(symbol->st_info);
    const uint32_t address = (uint32_t)symbol->st_value & ~1u;
    if (type == STT_FUNC && strcmp(name, "bench_begin") == 0)
        table->begin = address;
    else if (type == STT_FUNC && strcmp(name, "bench_end") == 0)
        table->end = address;
    else if (of_model && type == STT_OBJECT && symbol->st_size && is_constant(elf, symbol)) {
        const int layer = layer_of(table, name, arena);
        if (table->n_markers < RECORD_MAX_MARKERS)
            table->markers[table->n_markers++] = (struct record_marker){
                (uint32_t)symbol->st_value, (uint32_t)symbol->st_size, (uint32_t)layer};
    }
}

static int take_symbols(struct marker_table *table, Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                        const char *path, struct arena *arena)
{
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || header->sh_entsize != gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT) ||
        data->d_size > MAX_SYMBOL_BYTES)
        return error_input("%s: damaged symbol table", path);
    const int n = (int)(data->d_size / header->sh_entsize);
    table->markers = ARENA_ARRAY(arena, struct record_marker,
                                 (size_t)(n < RECORD_MAX_MARKERS ? n : RECORD_MAX_MARKERS) + 1);
    table->names =
        ARENA_ARRAY(arena, const char *, (size_t)(n < RECORD_MAX_LAYERS ? n : RECORD_MAX_LAYERS) + 1);
    table->names[0] = "rest";
    table->n_layers = 1;
    bool of_model = false; /* local symbols follow the name of their file */
    for (int i = 0; i < n; i++) {
        GElf_Sym symbol;
        const char *name =
            gelf_getsym(data, i, &symbol) ? elf_strptr(elf, header->sh_link, symbol.st_name) : NULL;
        if (!name)
            return error_input("%s: damaged symbol table", path);
        if (GELF_ST_TYPE(symbol.st_info) == STT_FILE)
            of_model = strcmp(path_name(name), layer_source) == 0;
        else
            take_symbol(table, elf, &symbol, name, of_model && GELF_ST_BIND(symbol.st_info) == STB_LOCAL,
                        arena);
    }
    return 0;
}

static int find_symbols(struct marker_table *table, Elf *elf, const char *path, struct arena *arena)
{
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) || header.e_machine != EM_ARM)
        return error_input("%s: not an ELF file for Arm", path);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr section_header;
        if (!gelf_getshdr(section, &section_header))
            return error_input("%s: damaged section headers: %s", path, elf_errmsg(-1));
        if (section_header.sh_type == SHT_SYMTAB)
            return take_symbols(table, elf, section, &section_header, path, arena);
    }
    return error_input(
        "%s: no symbols: cycles are counted from bench_begin() to bench_end(); link without -s", path);
}

int markers_of_elf(struct marker_table *out, const char *elf_path, struct arena *arena)
{
    *out = (struct marker_table){0};
    if (elf_version(EV_CURRENT) == EV_NONE)
        return error("libelf is older than its header");
    int fd = open(elf_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_open_error(elf_path);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    int rc = elf ? find_symbols(out, elf, elf_path, arena) : error_input("%s: %s", elf_path, elf_errmsg(-1));
    if (!rc && (!out->begin || !out->end))
        rc = error_input("%s: no function %s(): cycles are counted from bench_begin() to bench_end()",
                         elf_path, out->begin ? "bench_end" : "bench_begin");
    elf_end(elf);
    close(fd);
    return rc;
}
