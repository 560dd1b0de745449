/*
 * elf.c - sizes of a linked firmware, with libelf. Sections are the linker template's
 * (boards/arm/link.ld.in).
 */
#include "boards/build.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"

/* Which totals a section counts into. Sections of the emulator's harness count nowhere: the board does not
 * have them. */
static void count_section(struct elf_size *out, const char *name, const GElf_Shdr *header)
{
    int64_t bytes = (int64_t)header->sh_size;
    if (!(header->sh_flags & SHF_ALLOC) || strncmp(name, ".harness", 8) == 0)
        return;
    if (header->sh_type == SHT_PROGBITS)
        out->flash_bytes += bytes;
    if (strcmp(name, ".text") == 0)
        out->code_bytes += bytes;
    else if (strcmp(name, ".weights") == 0)
        out->weights_bytes += bytes;
    else if (strcmp(name, ".constants") == 0)
        out->constants_bytes += bytes;
    else if (strcmp(name, ".stack") == 0)
        out->stack_bytes += bytes;
    else if (strcmp(name, ".arena") == 0)
        out->arena_bytes += bytes;
    if (header->sh_flags & SHF_WRITE && strcmp(name, ".stack") != 0)
        out->ram_bytes += bytes;
    out->rodata_bytes = out->weights_bytes + out->constants_bytes;
}

static int count_sections(struct elf_size *out, Elf *elf, const char *path)
{
    size_t names;
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) || header.e_machine != EM_ARM ||
        elf_getshdrstrndx(elf, &names))
        return error_input("%s: not an ELF file for Arm", path);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr section_header;
        const char *name =
            gelf_getshdr(section, &section_header) ? elf_strptr(elf, names, section_header.sh_name) : NULL;
        if (!name)
            return error_input("%s: damaged section headers: %s", path, elf_errmsg(-1));
        count_section(out, name, &section_header);
    }
    if (out->stack_bytes == 0)
        return error_input("%s: no .stack section: not linked by mcunet", path);
    return 0;
}

int elf_measure(struct elf_size *out, const char *elf_path, struct arena *arena)
{
    (void)arena;
    *out = (struct elf_size){0};
    if (elf_version(EV_CURRENT) == EV_NONE)
        return error("libelf is older than its header");
    int fd = open(elf_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error("cannot open '%s': %m", elf_path);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    int rc = elf ? count_sections(out, elf, elf_path) : error_input("%s: %s", elf_path, elf_errmsg(-1));
    elf_end(elf);
    close(fd);
    return rc;
}

static int check_one(const struct board *board, const char *memory, int64_t need, int64_t have)
{
    if (need <= have)
        return 0;
    return error_fit("the firmware needs %lld bytes of %s, %s has %lld: %lld too many", (long long)need,
                     memory, board->name, (long long)have, (long long)(need - have));
}

int firmware_check(const struct elf_size *size, const struct board *board)
{
    const struct memory_region *arena = board_region(board, "arena"), *stack = board_region(board, "stack");
    int64_t data = size->ram_bytes - size->arena_bytes;
    int rc = check_one(board, "flash", size->flash_bytes, board->flash_bytes);
    if (rc)
        return rc;
    if (arena == stack)
        return check_one(board, "SRAM", size->ram_bytes + size->stack_bytes, arena->bytes);
    rc = check_one(board, arena->name, size->arena_bytes, arena->bytes);
    return rc ? rc : check_one(board, stack->name, data + size->stack_bytes, stack->bytes);
}
