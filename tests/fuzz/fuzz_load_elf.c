/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_pvh.c root/monitor/load_multiboot.c root/monitor/load_elf.c root/monitor/load_problem.c */
#include "root/monitor/load_elf.h"
#include "root/monitor/load_multiboot.h"
#include "root/monitor/load_pvh.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "tests/unit/elf_file.h"

#define MIB 0x100000u
#define FILL 0xcc
#define MODULES 3u
#define HEADER 0x800u
#define NOTE 0x900u
#define MODULE_MAX 0x8000u

static struct elf_file f;
static uint8_t module_data[MODULE_MAX];

/* Mostly near 1 MiB; now and then low, or anywhere. */
static uint64_t place(struct tape *t)
{
    uint32_t how = tape_choose(t, 16);
    return (how < 14 ? MIB : 0) + (tape_address(t) & (how == 15 ? UINT64_MAX : 0x3ffff));
}

static uint64_t length(struct tape *t)
{
    return tape_choose(t, 16) == 15 ? tape_u64(t) : tape_address(t) % 0x3000;
}

static void add_multiboot(struct tape *t)
{
    uint32_t words[8] = {0x1badb002, tape_choose(t, 4)};
    words[1] |= tape_choose(t, 2) << 16 | (tape_choose(t, 16) == 15 ? tape_byte(t) : 0u);
    words[2] = 0u - words[0] - words[1];
    words[4] = (uint32_t)place(t);
    words[3] = words[4] + (tape_choose(t, 8) == 7 ? (uint32_t)tape_u64(t) : HEADER);
    words[5] = tape_choose(t, 2) == 0 ? 0 : words[4] + (uint32_t)length(t);
    words[6] = tape_choose(t, 2) == 0 ? 0 : words[4] + (uint32_t)length(t);
    words[7] = words[4] + tape_byte(t);
    memcpy(f.bytes + HEADER, words, sizeof(words));
}

static void add_note(struct tape *t, uint64_t entry)
{
    uint32_t words[4] = {4, 8, 18, 0};
    memcpy(words + 3, "Xen", 4);
    if (tape_choose(t, 8) == 7) {
        words[tape_choose(t, 3)] = (uint32_t)tape_u64(t);
    }
    memcpy(f.bytes + NOTE, words, sizeof(words));
    memcpy(f.bytes + NOTE + 16, &entry, 8);
    elf_file_add(&f, PT_NOTE, NOTE, 24u + tape_choose(t, 2), 0, 0, 0);
}

static void build(struct tape *t)
{
    uint64_t entry = place(t);
    uint32_t count = tape_choose(t, 20);
    elf_file_begin(&f, tape_choose(t, 2) == 0, entry);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x80, entry, 0x100, entry);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = length(t), size = length(t);
        uint64_t more = tape_choose(t, 2) == 0 ? 0 : length(t), at = place(t);
        elf_file_add(&f, tape_choose(t, 8) == 7 ? tape_byte(t) : PT_LOAD, offset, size, at, size + more, place(t));
    }
    add_note(t, entry);
    add_multiboot(t);
    for (uint32_t i = tape_choose(t, 8) == 7 ? tape_byte(t) : 0; i > 0; i--) {
        f.bytes[tape_u64(t) % 0x200] = tape_byte(t);
    }
}

static void check_image(const struct boot_file *file)
{
    struct elf_image image;
    if (elf_parse(file, &image) != NULL) {
        return;
    }
    CHECK(image.count > 0 && image.count <= ELF_SEGMENTS_MAX && image.notes <= ELF_SEGMENTS_MAX);
    for (uint32_t i = 0; i < image.count; i++) {
        const struct elf_segment *s = &image.segments[i];
        CHECK(s->mem_size > 0 && s->file_size <= s->mem_size && s->address + s->mem_size >= s->address);
        CHECK(s->file_size == 0 || (s->offset <= file->size && s->file_size <= file->size - s->offset));
        CHECK(s->address >= image.low && s->address + s->mem_size <= image.high);
    }
    for (uint32_t i = 0; i < image.notes; i++) {
        CHECK(image.notes_offset[i] <= file->size && image.notes_size[i] <= file->size - image.notes_offset[i]);
    }
}

static void check_untouched(const struct guest_memory *m)
{
    for (uint64_t i = 0; i < m->low_size; i += 64) {
        CHECK(m->low[i] == FILL);
    }
}

static void check_started(const struct guest_memory *m, const struct boot_state *s)
{
    CHECK(s->mode == BOOT_PROTECTED && s->rip < m->low_size && s->rbx < MIB && s->gdt + s->gdt_limit < MIB);
}

static uint32_t word(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

/* All modules are whole, apart from each other and above 1 MiB. */
static void check_modules(const struct guest_memory *m, const struct boot_state *s, const struct boot_file *modules)
{
    const uint8_t *info = m->low + s->rbx, *list = m->low + word(info + 24);
    uint64_t free_from = MIB;
    CHECK(word(info + 20) == MODULES);
    for (uint32_t i = 0; i < MODULES; i++) {
        uint32_t begin = word(list + 16 * i), end = word(list + 16 * i + 4);
        CHECK(begin >= free_from && end - begin == modules[i].size && end <= m->low_size);
        CHECK(memcmp(m->low + begin, modules[i].data, modules[i].size) == 0);
        free_from = end;
    }
}

static void check_loaders(const struct guest_memory *m, const struct boot_file *file, const struct boot_file *modules)
{
    static const struct e820_map map = {3, {{0, 0x9fc00, 1}, {0x9fc00, 0x400, 2}, {0xe0000, 0x20000, 2}}};
    struct boot_state state;
    memset(m->low, FILL, m->low_size);
    if (load_multiboot(m, file, modules, MODULES, "line", &map, &state) == NULL) {
        check_started(m, &state);
        check_modules(m, &state, modules);
        memset(m->low, FILL, m->low_size);
    } else {
        check_untouched(m);
    }
    (void)load_multiboot_note(file);
    if (load_pvh(m, file, &modules[0], "line", &map, 0xe0000, &state) == NULL) {
        check_started(m, &state);
    } else {
        check_untouched(m);
    }
}

/* Of its exact size, for the sanitizer. */
static void check_file(const uint8_t *data, size_t size, const struct guest_memory *m, const struct boot_file *modules)
{
    struct boot_file file = {malloc(size + 1), size, ""};
    memcpy(file.data, data, size);
    check_image(&file);
    check_loaders(m, &file, modules);
    free(file.data);
}

/* Each input is a file as it is, and directions for building one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape t = {data, size};
    struct boot_file modules[MODULES];
    struct guest_memory m = {.low_size = MIB + 0x10000 + (tape_address(&t) & 0x3f000)};

    for (uint32_t i = 0; i < MODULES; i++) {
        modules[i] = (struct boot_file){module_data, tape_address(&t) % MODULE_MAX, "text"};
    }
    m.low = malloc(m.low_size);
    check_file(data, size, &m, modules);
    build(&t);
    check_file(f.bytes, tape_choose(&t, 4) == 3 ? tape_u64(&t) % ELF_FILE_SIZE : ELF_FILE_SIZE, &m, modules);
    free(m.low);
    return 0;
}
