/* SPDX-License-Identifier: MIT */
#include "root/monitor/load_multiboot.h"

#include <stdbool.h>

#include "root/lib/string.h"
#include "root/monitor/load_elf.h"
#include "root/monitor/load_problem.h"

#define MAGIC 0x1badb002u
#define MAGIC_TO_KERNEL 0x2badb002u
#define SEARCH 8192u
#define HEADER_ADDRESSES 32u /* with the addresses of a flat image */
#define FLAG_PAGE_ALIGN 0x1u
#define FLAG_MEMORY 0x2u
#define FLAG_VIDEO 0x4u
#define FLAG_ADDRESSES 0x10000u
#define FLAGS_NEEDED 0xffffu /* a loader that does not know one of these must refuse */
#define FLAGS_KNOWN (FLAG_PAGE_ALIGN | FLAG_MEMORY | FLAG_VIDEO)

#define INFO_MEMORY 0x001u
#define INFO_COMMAND_LINE 0x004u
#define INFO_MODULES 0x008u
#define INFO_MAP 0x040u
#define INFO_LOADER 0x200u
#define INFO_SIZE 120u

/* The loader's own things, as high as they can be below 1 MiB: kernels start their other CPUs from low pages. */
#define KEPT_FROM 0x90000u
#define GDT_AT 0x90000u
#define INFO_AT 0x91000u
#define MODULES_AT 0x91100u
#define MODULES_MAX 48u
#define MAP_AT 0x91400u
#define TEXTS_AT 0x92000u
#define TEXTS_END 0x9a000u
#define STACK_TOP 0x9f000u
#define MIB 0x100000u
#define KIB_SHIFT 10u
#define LOWER_KIB 639u /* e820.c's first range */
#define PAGE 0x1000ull
#define CODE_SELECTOR 0x08u
#define DATA_SELECTOR 0x10u
#define LOADER_NAME "Whimbrel"

struct plan {
    struct elf_image image;
    uint64_t modules_at; /* the first one, page aligned */
};

static uint32_t get(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static void put(uint8_t *at, uint64_t value)
{
    uint32_t word = (uint32_t)value;
    memcpy(at, &word, sizeof(word));
}

/* The header's offset in the file; the file's size if there is none. */
static uint64_t find_header(const struct boot_file *f)
{
    for (uint64_t at = 0; at + 12 <= f->size && at + 12 <= SEARCH; at += 4) {
        const uint8_t *h = f->data + at;
        if (get(h) == MAGIC && get(h) + get(h + 4) + get(h + 8) == 0) {
            return at;
        }
    }
    return f->size;
}

/* A flat image: the header says where it is to stand. */
static const char *parse_addresses(const struct boot_file *f, uint64_t header, struct elf_image *image)
{
    if (header + HEADER_ADDRESSES > f->size) {
        return "the multiboot header is cut";
    }
    const uint8_t *h = f->data + header;
    uint64_t at = get(h + 12), begin = get(h + 16), load_end = get(h + 20), bss_end = get(h + 24);
    if (begin > at || at - begin > header) {
        return "the multiboot header's load addresses contradict each other";
    }
    uint64_t offset = header - (at - begin), rest = f->size - offset;
    uint64_t size = load_end == 0 ? rest : load_end - begin;
    if (load_end != 0 && (load_end < begin || size > rest)) {
        return "the multiboot header's load addresses lie outside the file";
    }
    uint64_t memory = bss_end > begin + size ? bss_end - begin : size;
    memset(image, 0, sizeof(*image));
    image->entry = get(h + 28);
    image->count = 1;
    image->segments[0] = (struct elf_segment){offset, size, begin, memory, begin};
    image->low = begin;
    image->high = begin + memory;
    return NULL;
}

static const char *parse(const struct boot_file *kernel, struct elf_image *image)
{
    uint64_t header = find_header(kernel);
    if (header == kernel->size) {
        return "the kernel has no multiboot header in its first 8 KiB";
    }
    uint32_t flags = get(kernel->data + header + 4);
    if ((flags & FLAGS_NEEDED & ~FLAGS_KNOWN) != 0) {
        return "the kernel needs something of its loader that this one does not have (multiboot flags 3 to 15)";
    }
    return (flags & FLAG_ADDRESSES) != 0 ? parse_addresses(kernel, header, image) : elf_parse(kernel, image);
}

const char *load_multiboot_note(const struct boot_file *kernel)
{
    uint64_t header = find_header(kernel);
    bool screen = header != kernel->size && (get(kernel->data + header + 4) & FLAG_VIDEO) != 0;
    return screen ? "its multiboot header asks for a screen, which guests do not have" : NULL;
}

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(PAGE - 1);
}

static const char *plan_modules(const struct guest_memory *m, const struct boot_file *modules, uint32_t count,
                                const char *command_line, struct plan *p)
{
    uint64_t texts = strlen(command_line) + 1 + sizeof(LOADER_NAME), end = page_up(p->image.high);
    end = end > MIB ? end : MIB;
    p->modules_at = end;
    if (count > MODULES_MAX) {
        return "the kernel has more than 48 modules";
    }
    for (uint32_t i = 0; i < count; i++) {
        texts += strlen(modules[i].text) + 1;
        end = page_up(end) + modules[i].size;
        if (modules[i].size > GUEST_LOW_MAX) {
            return load_too_small("this module", modules[i].size);
        }
    }
    if (end > m->low_size) {
        return load_too_small("this kernel and its modules", end);
    }
    return texts > TEXTS_END - TEXTS_AT ? "the command lines are too long" : NULL;
}

/* Copies a text to *at and moves *at behind it; returns where it is. */
static uint32_t put_text(uint8_t *low, uint32_t *at, const char *text)
{
    uint32_t begin = *at;
    size_t size = strlen(text) + 1;
    memcpy(low + begin, text, size);
    *at += (uint32_t)size;
    return begin;
}

static void put_modules(const struct guest_memory *m, const struct boot_file *modules, uint32_t count, uint64_t at,
                        uint32_t *texts)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = m->low + MODULES_AT + 16u * i;
        if (modules[i].size != 0) {
            memcpy(m->low + at, modules[i].data, modules[i].size);
        }
        put(entry, at);
        put(entry + 4, at + modules[i].size);
        put(entry + 8, put_text(m->low, texts, modules[i].text));
        put(entry + 12, 0);
        at = page_up(at + modules[i].size);
    }
}

static uint32_t put_map(uint8_t *low, const struct e820_map *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        uint8_t *entry = low + MAP_AT + 24u * i;
        put(entry, 20);
        memcpy(entry + 4, &map->entries[i].base, 8);
        memcpy(entry + 12, &map->entries[i].size, 8);
        put(entry + 20, map->entries[i].type);
    }
    return 24u * map->count;
}

static void put_info(const struct guest_memory *m, const struct boot_file *modules, uint32_t count,
                     const char *command_line, const struct e820_map *map, const struct plan *p)
{
    uint8_t *info = m->low + INFO_AT;
    uint32_t texts = TEXTS_AT;
    memset(info, 0, INFO_SIZE);
    put(info, INFO_MEMORY | INFO_COMMAND_LINE | INFO_MODULES | INFO_MAP | INFO_LOADER);
    put(info + 4, LOWER_KIB);
    put(info + 8, (m->low_size - MIB) >> KIB_SHIFT);
    put(info + 16, put_text(m->low, &texts, command_line));
    put(info + 20, count);
    put(info + 24, MODULES_AT);
    put(info + 44, put_map(m->low, map));
    put(info + 48, MAP_AT);
    put(info + 64, put_text(m->low, &texts, LOADER_NAME));
    put_modules(m, modules, count, p->modules_at, &texts);
}

static void put_gdt(uint8_t *g)
{
    static const uint64_t entries[3] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
    memcpy(g, entries, sizeof(entries));
}

const char *load_multiboot(const struct guest_memory *m, const struct boot_file *kernel,
                           const struct boot_file *modules, uint32_t module_count, const char *command_line,
                           const struct e820_map *map, struct boot_state *state)
{
    struct plan p = {.modules_at = 0};
    const char *problem = parse(kernel, &p.image);
    problem = problem != NULL ? problem : elf_check_memory(&p.image, m, KEPT_FROM);
    problem = problem != NULL ? problem : plan_modules(m, modules, module_count, command_line, &p);
    if (problem != NULL) {
        return problem;
    }
    elf_place(&p.image, kernel, m);
    put_info(m, modules, module_count, command_line, map, &p);
    put_gdt(m->low + GDT_AT);
    *state = (struct boot_state){.mode = BOOT_PROTECTED,
                                 .rip = p.image.entry,
                                 .rsp = STACK_TOP,
                                 .rax = MAGIC_TO_KERNEL,
                                 .rbx = INFO_AT,
                                 .gdt = GDT_AT,
                                 .gdt_limit = 23,
                                 .code = CODE_SELECTOR,
                                 .data = DATA_SELECTOR};
    return NULL;
}
