/* SPDX-License-Identifier: MIT */
#include "root/monitor/load_linux.h"

#include <stdbool.h>

#include "root/lib/string.h"
#include "root/monitor/load_problem.h"

/* Offsets in the setup header, which are those in the zero page too. */
#define SETUP_SECTS 0x1f1u
#define SYSSIZE 0x1f4u /* of the kernel behind the setup, in paragraphs */
#define BOOT_FLAG 0x1feu
#define JUMP 0x200u
#define HEADER_MAGIC 0x202u
#define VERSION 0x206u
#define TYPE_OF_LOADER 0x210u
#define LOADFLAGS 0x211u
#define RAMDISK_IMAGE 0x218u
#define RAMDISK_SIZE 0x21cu
#define CMD_LINE_PTR 0x228u
#define INITRD_ADDR_MAX 0x22cu
#define KERNEL_ALIGNMENT 0x230u
#define XLOADFLAGS 0x236u
#define CMDLINE_SIZE 0x238u
#define PREF_ADDRESS 0x258u
#define INIT_SIZE 0x260u
#define HEADER_END_MIN 0x268u
#define HEADER_END_MAX 0x290u /* the zero page has something else from there on */
#define SETUP_MIN 0x800u

/* Offsets in the zero page alone. */
#define ZP_ACPI_RSDP 0x070u
#define ZP_E820_COUNT 0x1e8u
#define ZP_E820 0x2d0u
#define ZP_SIZE 0x1000u

#define MAGIC_HDRS 0x53726448u
#define VERSION_MIN 0x20cu
#define LOADED_HIGH 0x01u
#define CAN_USE_HEAP 0x80u
#define XLF_KERNEL_64 0x01u
#define XLF_LOADED_ABOVE_4G 0x02u
#define LOADER_UNASSIGNED 0xffu
#define SECTOR 512u
#define PARAGRAPH 16ull
#define DEFAULT_SECTORS 4u
#define ENTRY_64 0x200u

/* Where this loader puts its own things; the kernel is above 1 MiB. */
#define GDT_AT 0x8000u
#define TABLES_AT 0x9000u /* PML4, PDPT, and page directories */
#define DIRECTORIES 4u
#define ZERO_PAGE_AT 0x10000u
#define COMMAND_LINE_AT 0x20000u
#define COMMAND_LINE_ROOM 0x10000u
#define KERNEL_LOWEST 0x100000u
#define PAGE 0x1000ull
#define STACK_TOP 0x8000u

#define CODE_SELECTOR 0x10u /* __BOOT_CS, __BOOT_DS */
#define DATA_SELECTOR 0x18u
#define PTE_PRESENT_WRITE 3u
#define PTE_LARGE 0x80u

struct plan {
    uint64_t setup_size, bytes;             /* in the file */
    uint64_t kernel_at, kernel_end;         /* all that the kernel needs before it reads the memory map */
    uint64_t initrd_at, initrd_size;        /* 0, 0: none */
    uint32_t header_end, command_line_size; /* without its zero */
};

static uint32_t get(const uint8_t *data, size_t at, size_t size)
{
    uint32_t value = 0;
    memcpy(&value, data + at, size);
    return value;
}

static uint64_t get64(const uint8_t *data, size_t at)
{
    return get(data, at, 4) | (uint64_t)get(data, at + 4, 4) << 32;
}

static const char *check_header(const struct boot_file *k, struct plan *p)
{
    if (k->size < PAGE || get(k->data, BOOT_FLAG, 2) != 0xaa55 || get(k->data, HEADER_MAGIC, 4) != MAGIC_HDRS) {
        return "the kernel is not a Linux bzImage";
    }
    if (get(k->data, VERSION, 2) < VERSION_MIN || (k->data[LOADFLAGS] & LOADED_HIGH) == 0 ||
        (get(k->data, XLOADFLAGS, 2) & XLF_KERNEL_64) == 0) {
        return "the kernel has no 64-bit entry point (it is older than Linux 3.8, or made for 32 bits)";
    }
    uint32_t sectors = k->data[SETUP_SECTS] == 0 ? DEFAULT_SECTORS : k->data[SETUP_SECTS];
    p->header_end = JUMP + 2 + k->data[JUMP + 1];
    p->setup_size = (sectors + 1ull) * SECTOR;
    if (p->header_end < HEADER_END_MIN || p->header_end > HEADER_END_MAX || p->setup_size < SETUP_MIN) {
        return "the kernel's setup header is damaged";
    }
    if (k->size <= p->setup_size + ENTRY_64 || k->size - p->setup_size < get(k->data, SYSSIZE, 4) * PARAGRAPH) {
        return "the kernel's file is cut: its header promises more than there is";
    }
    p->bytes = k->size - p->setup_size;
    return NULL;
}

static bool aligned(uint64_t value, uint64_t alignment)
{
    return alignment != 0 && (alignment & (alignment - 1)) == 0 && (value & (alignment - 1)) == 0;
}

/*
 * The kernel stands where it prefers to: it runs there without moving itself first. Lower would not need less memory,
 * since it would move itself up to there (boot.rst, init_size).
 */
static const char *plan_kernel(const struct guest_memory *m, const struct boot_file *k, struct plan *p)
{
    uint64_t need = get(k->data, INIT_SIZE, 4), alignment = get(k->data, KERNEL_ALIGNMENT, 4);
    need = need > p->bytes ? need : p->bytes;
    p->kernel_at = get64(k->data, PREF_ADDRESS);
    if (p->kernel_at < KERNEL_LOWEST || p->kernel_at >= GUEST_LOW_MAX || !aligned(p->kernel_at, PAGE) ||
        !aligned(p->kernel_at, alignment)) {
        return "the kernel's preferred address makes no sense: its setup header is damaged";
    }
    p->kernel_end = p->kernel_at + need;
    return p->kernel_end > m->low_size ? load_too_small("this kernel", p->kernel_end) : NULL;
}

/* As high as it may be: the kernel's own need grows from below. */
static const char *plan_initrd(const struct guest_memory *m, const struct boot_file *k, const struct boot_file *initrd,
                               struct plan *p)
{
    if (initrd == NULL || initrd->size == 0) {
        return NULL;
    }
    uint64_t limit = (uint64_t)get(k->data, INITRD_ADDR_MAX, 4) + 1;
    bool anywhere = (get(k->data, XLOADFLAGS, 2) & XLF_LOADED_ABOVE_4G) != 0;
    uint64_t top = anywhere || limit > m->low_size ? m->low_size : limit;
    p->initrd_size = initrd->size;
    p->initrd_at = initrd->size > top ? 0 : (top - initrd->size) & ~(PAGE - 1);
    if (p->initrd_at >= p->kernel_end) {
        return NULL;
    }
    uint64_t end = ((p->kernel_end + PAGE - 1) & ~(PAGE - 1)) + initrd->size;
    return top < m->low_size ? "the initrd is too large: this kernel takes one only in its first memory"
                             : load_too_small("this kernel and its initrd", end);
}

static const char *plan_command_line(const struct boot_file *k, const char *command_line, struct plan *p)
{
    size_t length = strlen(command_line);
    if (length >= COMMAND_LINE_ROOM || length > get(k->data, CMDLINE_SIZE, 4)) {
        return "the kernel's command line is longer than this kernel takes";
    }
    p->command_line_size = (uint32_t)length;
    return NULL;
}

static void put(uint8_t *to, size_t at, uint64_t value, size_t size)
{
    memcpy(to + at, &value, size);
}

static void fill_zero_page(uint8_t *z, const struct boot_file *k, const struct plan *p, const struct e820_map *map,
                           uint64_t rsdp)
{
    memset(z, 0, ZP_SIZE);
    memcpy(z + SETUP_SECTS, k->data + SETUP_SECTS, p->header_end - SETUP_SECTS);
    z[TYPE_OF_LOADER] = LOADER_UNASSIGNED;
    z[LOADFLAGS] = (uint8_t)(z[LOADFLAGS] & ~CAN_USE_HEAP);
    put(z, RAMDISK_IMAGE, p->initrd_at, 4);
    put(z, RAMDISK_SIZE, p->initrd_size, 4);
    put(z, CMD_LINE_PTR, COMMAND_LINE_AT, 4);
    put(z, ZP_ACPI_RSDP, rsdp, 8);
    z[ZP_E820_COUNT] = (uint8_t)map->count;
    for (uint32_t i = 0; i < map->count; i++) {
        size_t at = ZP_E820 + 20u * i;
        put(z, at, map->entries[i].base, 8);
        put(z, at + 8, map->entries[i].size, 8);
        put(z, at + 16, map->entries[i].type, 4);
    }
}

/* 2 MiB pages for the first 4 GiB: all that the entry needs is there. */
static void fill_tables(uint8_t *t)
{
    memset(t, 0, (2 + DIRECTORIES) * PAGE);
    put(t, 0, (TABLES_AT + PAGE) | PTE_PRESENT_WRITE, 8);
    for (uint64_t d = 0; d < DIRECTORIES; d++) {
        put(t, PAGE + 8 * d, (TABLES_AT + (2 + d) * PAGE) | PTE_PRESENT_WRITE, 8);
        for (uint64_t i = 0; i < 512; i++) {
            put(t, (2 + d) * PAGE + 8 * i, (d << 30) | (i << 21) | PTE_LARGE | PTE_PRESENT_WRITE, 8);
        }
    }
}

static void fill_gdt(uint8_t *g)
{
    memset(g, 0, 32);
    put(g, CODE_SELECTOR, 0x00af9b000000ffff, 8);
    put(g, DATA_SELECTOR, 0x00cf93000000ffff, 8);
}

const char *load_linux(const struct guest_memory *m, const struct boot_file *kernel, const struct boot_file *initrd,
                       const char *command_line, const struct e820_map *map, uint64_t rsdp, struct boot_state *state)
{
    struct plan p = {.initrd_at = 0};
    const char *problem = check_header(kernel, &p);
    problem = problem != NULL ? problem : plan_kernel(m, kernel, &p);
    problem = problem != NULL ? problem : plan_initrd(m, kernel, initrd, &p);
    problem = problem != NULL ? problem : plan_command_line(kernel, command_line, &p);
    if (problem != NULL) {
        return problem;
    }
    memcpy(m->low + p.kernel_at, kernel->data + p.setup_size, p.bytes);
    if (p.initrd_size != 0) {
        memcpy(m->low + p.initrd_at, initrd->data, p.initrd_size);
    }
    memcpy(m->low + COMMAND_LINE_AT, command_line, p.command_line_size + 1);
    fill_zero_page(m->low + ZERO_PAGE_AT, kernel, &p, map, rsdp);
    fill_tables(m->low + TABLES_AT);
    fill_gdt(m->low + GDT_AT);
    *state = (struct boot_state){.mode = BOOT_LONG,
                                 .rip = p.kernel_at + ENTRY_64,
                                 .rsp = STACK_TOP,
                                 .rsi = ZERO_PAGE_AT,
                                 .cr3 = TABLES_AT,
                                 .gdt = GDT_AT,
                                 .gdt_limit = 31,
                                 .code = CODE_SELECTOR,
                                 .data = DATA_SELECTOR};
    return NULL;
}
