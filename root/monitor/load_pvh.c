/* SPDX-License-Identifier: MIT */
/* The start-up structures: Xen, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h. */
#include "root/monitor/load_pvh.h"

#include "root/lib/string.h"
#include "root/monitor/load_elf.h"
#include "root/monitor/load_problem.h"

#define NOTE_PHYS32_ENTRY 18u
#define NOTE_HEADER 12u
#define START_MAGIC 0x336ec578u
#define START_VERSION 1u

#define GDT_AT 0x8000u
#define START_AT 0x9000u
#define MODULE_AT 0x9100u
#define MAP_AT 0x9200u
#define COMMAND_LINE_AT 0xa000u
#define COMMAND_LINE_ROOM 0x6000u
#define STACK_TOP 0x8000u
#define PAGE 0x1000ull
#define CODE_SELECTOR 0x08u
#define DATA_SELECTOR 0x10u

static uint64_t get(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static uint64_t pad4(uint64_t size)
{
    return (size + 3) & ~3ull;
}

/* The entry that Xen's note in these bytes names; 0: none. */
static uint64_t entry_in(const uint8_t *note, uint64_t left)
{
    while (left >= NOTE_HEADER) {
        uint64_t name = get(note, 4), value = get(note + 4, 4), size = NOTE_HEADER + pad4(name) + pad4(value);
        if (size > left) {
            return 0;
        }
        const uint8_t *data = note + NOTE_HEADER + pad4(name);
        if (get(note + 8, 4) == NOTE_PHYS32_ENTRY && name == 4 && memcmp(note + NOTE_HEADER, "Xen", 4) == 0 &&
            (value == 4 || value == 8)) {
            return get(data, (size_t)value);
        }
        note += size;
        left -= size;
    }
    return 0;
}

static uint64_t find_entry(const struct elf_image *image, const struct boot_file *kernel)
{
    uint64_t entry = 0;
    for (uint32_t i = 0; i < image->notes && entry == 0; i++) {
        entry = entry_in(kernel->data + image->notes_offset[i], image->notes_size[i]);
    }
    return entry;
}

static const char *check_kind(const struct boot_file *kernel)
{
    if (kernel->size > 0x206 && memcmp(kernel->data + 0x202, "HdrS", 4) == 0) {
        return "the kernel is a packed bzImage: `scripts/mkimage --pvh` unpacks it, or start it with kind=linux";
    }
    return NULL;
}

static uint64_t page_above(uint64_t address)
{
    return (address + PAGE - 1) & ~(PAGE - 1);
}

static void put(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

static uint32_t put_map(uint8_t *low, const struct e820_map *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        uint8_t *entry = low + MAP_AT + 24u * i;
        put(entry, map->entries[i].base);
        put(entry + 8, map->entries[i].size);
        put(entry + 16, map->entries[i].type); /* and 4 reserved bytes */
    }
    return map->count;
}

/* At the top of low memory: far from the kernel's own growth. */
static uint64_t initrd_place(const struct guest_memory *m, const struct boot_file *initrd)
{
    return initrd->size > m->low_size ? 0 : (m->low_size - initrd->size) & ~(PAGE - 1);
}

static void put_start(const struct guest_memory *m, const struct boot_file *initrd, uint64_t initrd_at,
                      const char *command_line, const struct e820_map *map, uint64_t rsdp)
{
    uint8_t *s = m->low + START_AT, *module = m->low + MODULE_AT;
    memcpy(m->low + COMMAND_LINE_AT, command_line, strlen(command_line) + 1);
    put(s, START_MAGIC | (uint64_t)START_VERSION << 32);
    put(s + 8, (uint64_t)(initrd != NULL ? 1 : 0) << 32); /* flags, number of modules */
    put(s + 16, MODULE_AT);
    put(s + 24, COMMAND_LINE_AT);
    put(s + 32, rsdp);
    put(s + 40, MAP_AT);
    put(s + 48, put_map(m->low, map));
    put(module, initrd_at);
    put(module + 8, initrd != NULL ? initrd->size : 0);
    put(module + 16, 0);
    put(module + 24, 0);
}

static void put_gdt(uint8_t *g)
{
    static const uint64_t entries[3] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
    memcpy(g, entries, sizeof(entries));
}

static const char *check(const struct guest_memory *m, const struct boot_file *kernel, const struct boot_file *initrd,
                         const char *command_line, struct elf_image *image)
{
    const char *problem = check_kind(kernel);
    problem = problem != NULL ? problem : elf_parse(kernel, image);
    if (problem != NULL) {
        return problem;
    }
    image->entry = find_entry(image, kernel);
    if (image->entry == 0 || image->entry > UINT32_MAX) {
        return "the kernel has no PVH entry point (Linux needs CONFIG_PVH)";
    }
    problem = elf_check_memory(image, m, 0);
    if (problem == NULL && initrd != NULL && initrd_place(m, initrd) < page_above(image->high)) {
        return load_too_small("this kernel and its initrd", page_above(image->high) + initrd->size);
    }
    return problem == NULL && strlen(command_line) >= COMMAND_LINE_ROOM ? "the command line is too long" : problem;
}

const char *load_pvh(const struct guest_memory *m, const struct boot_file *kernel, const struct boot_file *initrd,
                     const char *command_line, const struct e820_map *map, uint64_t rsdp, struct boot_state *state)
{
    struct elf_image image;
    initrd = initrd != NULL && initrd->size != 0 ? initrd : NULL;
    uint64_t initrd_at = initrd != NULL ? initrd_place(m, initrd) : 0;
    const char *problem = check(m, kernel, initrd, command_line, &image);
    if (problem != NULL) {
        return problem;
    }
    elf_place(&image, kernel, m);
    if (initrd != NULL) {
        memcpy(m->low + initrd_at, initrd->data, initrd->size);
    }
    put_start(m, initrd, initrd_at, command_line, map, rsdp);
    put_gdt(m->low + GDT_AT);
    *state = (struct boot_state){.mode = BOOT_PROTECTED,
                                 .rip = image.entry,
                                 .rsp = STACK_TOP,
                                 .rbx = START_AT,
                                 .gdt = GDT_AT,
                                 .gdt_limit = 23,
                                 .code = CODE_SELECTOR,
                                 .data = DATA_SELECTOR};
    return NULL;
}
