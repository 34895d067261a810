/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_multiboot.c root/monitor/load_elf.c root/monitor/load_problem.c root/monitor/e820.c */
#include <stdlib.h>

#include "root/monitor/e820.h"
#include "root/monitor/load_multiboot.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/elf_file.h"

/* Offsets are those of the Multiboot specification 0.6.96, section 3. */
#define MIB 0x100000u
#define LOW (4 * MIB)
#define FILL 0xcc
#define HEADER 0x200u

static struct elf_file f;
static struct boot_file kernel, modules[3];
static uint8_t *low, module_data[0x1800];
static struct guest_memory memory;
static struct e820_map map;
static struct boot_state result;

static void put_header(uint64_t at, uint32_t flags, const uint32_t addresses[5])
{
    uint32_t words[8] = {0x1badb002, flags, 0u - 0x1badb002u - flags};
    if (addresses != NULL) {
        memcpy(words + 3, addresses, 20);
    }
    memcpy(f.bytes + at, words, addresses != NULL ? 32 : 12);
}

static int fresh(void **state)
{
    (void)state;
    low = malloc(LOW);
    memset(low, FILL, LOW);
    memset(module_data, 0x77, sizeof(module_data));
    memory = (struct guest_memory){low, LOW, NULL, 0};
    elf_file_begin(&f, false, MIB + 0x10);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x800, MIB, 0x2345, MIB);
    put_header(HEADER, 3, NULL);
    kernel = (struct boot_file){f.bytes, ELF_FILE_SIZE, ""};
    modules[0] = (struct boot_file){module_data, sizeof(module_data), "first one"};
    modules[1] = (struct boot_file){module_data, 0, ""};
    modules[2] = (struct boot_file){module_data, 5, "third"};
    e820_for_guest(&map, &memory);
    memset(&result, 0, sizeof(result));
    return 0;
}

static int done(void **state)
{
    (void)state;
    free(low);
    return 0;
}

static const char *load(uint32_t count)
{
    return load_multiboot(&memory, &kernel, modules, count, "one two", &map, &result);
}

static uint32_t word(uint64_t gpa)
{
    uint32_t value;
    assert_true(gpa + 4 <= LOW);
    memcpy(&value, low + gpa, 4);
    return value;
}

static const char *text_at(uint64_t address)
{
    return (const char *)low + address;
}

static void assert_refused(const char *problem, const char *words)
{
    assert_non_null(problem);
    if (strstr(problem, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", problem, words);
    }
    for (size_t i = 0; i < LOW; i++) {
        assert_int_equal(low[i], FILL);
    }
}

static void test_start(void **state)
{
    (void)state;
    assert_null(load(0));
    assert_int_equal(result.mode, BOOT_PROTECTED);
    assert_int_equal(result.rip, MIB + 0x10);
    assert_int_equal(result.rax, 0x2badb002);
    assert_memory_equal(low + MIB, f.bytes + 0x1000, 0x800);
    assert_int_equal(low[MIB + 0x2344], 0);
    assert_int_equal(low[MIB + 0x2345], FILL);
    uint64_t code, data;
    memcpy(&code, low + result.gdt + result.code, 8);
    memcpy(&data, low + result.gdt + result.data, 8);
    assert_int_equal(code, 0x00cf9b000000ffff);
    assert_int_equal(data, 0x00cf93000000ffff);
    assert_true(result.gdt_limit >= 0x17);
}

static void test_info(void **state)
{
    (void)state;
    assert_null(load(0));
    uint64_t info = result.rbx;
    assert_int_equal(word(info), 0x24d); /* memory, command line, modules, map, loader's name */
    assert_int_equal(word(info + 4), 639);
    assert_int_equal(word(info + 8), 3 * 1024);
    assert_string_equal(text_at(word(info + 16)), "one two");
    assert_int_equal(word(info + 20), 0);
    assert_string_equal(text_at(word(info + 64)), "Whimbrel");
}

static void test_memory_map(void **state)
{
    (void)state;
    assert_null(load(0));
    uint32_t at = word(result.rbx + 48), end = at + word(result.rbx + 44), count = 0;
    for (; at < end; at += word(at) + 4, count++) {
        assert_int_equal(word(at), 20);
        assert_int_equal(word(at + 4), map.entries[count].base);
        assert_int_equal(word(at + 8), 0);
        assert_int_equal(word(at + 12), map.entries[count].size);
        assert_int_equal(word(at + 20), map.entries[count].type);
    }
    assert_int_equal(at, end);
    assert_int_equal(count, map.count);
}

static void test_modules(void **state)
{
    (void)state;
    static const char *const texts[] = {"first one", "", "third"};
    assert_null(load(3));
    uint32_t at = word(result.rbx + 24), free_from = MIB + 0x2345;
    assert_int_equal(word(result.rbx + 20), 3);
    for (uint32_t i = 0; i < 3; i++, at += 16) {
        uint32_t begin = word(at), end = word(at + 4);
        assert_int_equal(begin % 4096, 0);
        assert_true(begin >= free_from && end == begin + modules[i].size);
        assert_memory_equal(low + begin, module_data, modules[i].size);
        assert_string_equal(text_at(word(at + 8)), texts[i]);
        assert_int_equal(word(at + 12), 0);
        free_from = end;
    }
}

static void test_modules_too_large(void **state)
{
    (void)state;
    modules[1].size = LOW; /* never read */
    assert_refused(load(3), "too small for this kernel and its modules: at least 6M");
    modules[1].size = 1ull << 62;
    assert_refused(load(3), "this module would need");
    static struct boot_file many[49];
    for (int i = 0; i < 49; i++) {
        many[i] = modules[2];
    }
    assert_refused(load_multiboot(&memory, &kernel, many, 49, "", &map, &result), "more than 48 modules");
    assert_null(load_multiboot(&memory, &kernel, many, 48, "", &map, &result));
}

static void test_texts_too_long(void **state)
{
    (void)state;
    static char text[0x8000];
    memset(text, 'x', sizeof(text) - 1);
    assert_refused(load_multiboot(&memory, &kernel, NULL, 0, text, &map, &result), "command lines are too long");
    text[sizeof(text) - 10] = 0; /* "Whimbrel" and both zeros */
    assert_null(load_multiboot(&memory, &kernel, NULL, 0, text, &map, &result));
}

static void test_where_the_header_may_be(void **state)
{
    (void)state;
    memset(f.bytes + HEADER, 0, 12);
    assert_refused(load(0), "no multiboot header");
    put_header(8192 - 8, 0, NULL); /* not all of it is in the first 8 KiB */
    assert_refused(load(0), "no multiboot header");
    put_header(HEADER + 2, 0, NULL);
    assert_refused(load(0), "no multiboot header");
    put_header(8192 - 12, 0, NULL);
    assert_null(load(0));
    kernel.size = 11;
    assert_non_null(load(0));
    kernel.size = 0;
    assert_non_null(load(0));
}

static void test_checksum(void **state)
{
    (void)state;
    f.bytes[HEADER + 8]++;
    assert_refused(load(0), "no multiboot header");
}

static void test_flags(void **state)
{
    (void)state;
    for (uint32_t bit = 3; bit < 16; bit++) {
        put_header(HEADER, 1u << bit, NULL);
        assert_refused(load(0), "multiboot flags 3 to 15");
    }
    assert_null(load_multiboot_note(&kernel));
    put_header(HEADER, 0xfffe0007, NULL); /* those above 16 may be passed over */
    assert_null(load(0));
    assert_non_null(load_multiboot_note(&kernel));
    kernel.size = 0;
    assert_null(load_multiboot_note(&kernel));
}

static void flat(uint32_t header, uint32_t begin, uint32_t load_end, uint32_t bss_end, uint32_t entry)
{
    f.bytes[0] = 0; /* no ELF */
    put_header(HEADER, 0x10003, (uint32_t[5]){header, begin, load_end, bss_end, entry});
}

static void test_flat_image(void **state)
{
    (void)state;
    flat(MIB + 0x100, MIB, MIB + 0x900, MIB + 0x1000, MIB + 0x40);
    assert_null(load(0));
    assert_int_equal(result.rip, MIB + 0x40);
    assert_memory_equal(low + MIB, f.bytes + 0x100, 0x900);
    assert_int_equal(low[MIB + 0x900], 0);
    assert_int_equal(low[MIB + 0xfff], 0);
    assert_int_equal(low[MIB + 0x1000], FILL);
}

static void test_flat_image_to_the_end_of_its_file(void **state)
{
    (void)state;
    flat(MIB + 0x200, MIB, 0, 0, MIB);
    assert_null(load(0));
    assert_memory_equal(low + MIB, f.bytes, ELF_FILE_SIZE);
    assert_int_equal(low[MIB + ELF_FILE_SIZE], FILL);
}

static void test_flat_image_with_wrong_addresses(void **state)
{
    (void)state;
    flat(MIB, MIB + 4, 0, 0, MIB);
    assert_refused(load(0), "contradict");
    flat(MIB + 0x201, MIB, 0, 0, MIB);
    assert_refused(load(0), "contradict");
    flat(MIB + 0x200, MIB, MIB + ELF_FILE_SIZE + 1, 0, MIB);
    assert_refused(load(0), "outside the file");
    flat(MIB + 0x200, MIB, MIB - 1, 0, MIB);
    assert_refused(load(0), "outside the file");
    flat(MIB + 0x200, MIB, 0, 0, MIB + ELF_FILE_SIZE);
    assert_refused(load(0), "entry point");
    flat(MIB + 0x200, MIB, MIB, 0, MIB);
    assert_refused(load(0), "entry point");
    flat(MIB + 0x200, MIB, 0, 0xfffffff0, MIB);
    assert_refused(load(0), "below 4 GiB");
    kernel.size = HEADER + 31;
    assert_refused(load(0), "cut");
}

/* Modules and the loader's own things stay out of each other's way. */
static void test_kernel_below_1_mib(void **state)
{
    (void)state;
    elf_file_begin(&f, true, 0x8000);
    elf_file_add(&f, PT_LOAD, 0x1000, 0x800, 0x8000, 0x1000, 0x8000);
    put_header(HEADER, 0, NULL);
    assert_null(load(1));
    assert_memory_equal(low + 0x8000, f.bytes + 0x1000, 0x800);
    assert_int_equal(word(word(result.rbx + 24)), MIB);
    memory.low_size = MIB;
    assert_null(load(0));
    memory.low_size = MIB - 4096;
    assert_non_null(load(0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_start),
        T(test_info),
        T(test_memory_map),
        T(test_modules),
        T(test_modules_too_large),
        T(test_texts_too_long),
        T(test_where_the_header_may_be),
        T(test_checksum),
        T(test_flags),
        T(test_flat_image),
        T(test_flat_image_to_the_end_of_its_file),
        T(test_flat_image_with_wrong_addresses),
        T(test_kernel_below_1_mib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
