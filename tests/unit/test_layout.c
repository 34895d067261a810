/* SPDX-License-Identifier: MIT */
/* sources: kernel/memory/layout.c tests/unit/stubs.c */
#include "tests/unit/cmocka_tests.h"

#include <string.h>

#include "kernel/boot/multiboot2.h"
#include "kernel/memory/layout.h"
#include "tests/unit/stubs.h"

#define MIB (1ull << 20)
#define IMAGE_SIZE 0x5000u

/* What linker.ld gives: the bounds of an image of IMAGE_SIZE bytes. */
__asm__(".bss\n"
        ".balign 4096\n"
        ".globl image_start, image_end\n"
        "image_start: .skip 0x5000\n"
        "image_end: .skip 1\n"
        ".text\n");
extern const char image_start[];

static struct boot_info info;

static void add_range(uint64_t base, uint64_t size, uint32_t type)
{
    info.ranges[info.range_count++] = (struct memory_range){base, size, type, 0};
}

static void add_module(uint64_t start, uint64_t end)
{
    info.modules[info.module_count].start = start;
    info.modules[info.module_count++].end = end;
}

/* 64 MiB with the usual hole below 1 MiB, ACPI tables at its end, something reserved behind it. */
static void make_machine(void)
{
    memset(&info, 0, sizeof(info));
    add_range(0, 0x9f000, MEMORY_AVAILABLE);
    add_range(0x9f000, 0x61000, MEMORY_RESERVED);
    add_range(1 * MIB, 62 * MIB, MEMORY_AVAILABLE);
    add_range(63 * MIB, 1 * MIB, MEMORY_ACPI);
    add_range(64 * MIB, 1 * MIB, MEMORY_RESERVED);
}

static void test_ram_is_merged(void **state)
{
    (void)state;
    struct layout_span spans[LAYOUT_MAX_SPANS];
    make_machine();
    add_module(10 * MIB + 5, 10 * MIB + 7);                /* inside */
    add_module(64 * MIB + 0x1800, 64 * MIB + 0x1900);      /* in no RAM by the map */
    assert_int_equal(layout_collect_ram(&info, spans), 3); /* the ACPI tables continue what is before them */
    assert_int_equal(spans[0].base, 0);
    assert_int_equal(spans[0].size, 0x9f000);
    assert_int_equal(spans[1].base, 1 * MIB);
    assert_int_equal(spans[1].size, 63 * MIB);
    assert_int_equal(spans[2].base, 64 * MIB + 0x1000);
    assert_int_equal(spans[2].size, 0x1000);
}

static void test_ram_questions(void **state)
{
    (void)state;
    make_machine();
    layout_init(&info, 2 * MIB, 3 * MIB, 100, 4 * MIB);
    assert_true(layout_is_ram(0, 1));
    assert_true(layout_is_ram(1 * MIB, 63 * MIB));
    assert_false(layout_is_ram(1 * MIB, 63 * MIB + 1));
    assert_false(layout_is_ram(0x9efff, 2));
    assert_false(layout_is_ram(0xa0000, 1));
    assert_false(layout_is_ram(1 * MIB, 0));
    assert_false(layout_is_ram(2 * MIB, UINT64_MAX - MIB));
    assert_int_equal(layout_ram_top(), 64 * MIB);
    const struct layout_span *spans;
    assert_int_equal(layout_ram_spans(&spans), 2);
}

static void test_own_memory(void **state)
{
    (void)state;
    make_machine();
    layout_init(&info, 2 * MIB, 3 * MIB, 100, 4 * MIB);
    assert_int_equal(memory_layout.image_size, IMAGE_SIZE);
    assert_int_equal(memory_layout.heap_base, 58 * MIB); /* the highest multiple of 2 MiB below the ACPI tables */
    assert_int_equal(memory_layout.heap_size, 4 * MIB);
    assert_true(layout_is_hypervisor(2 * MIB, 1));
    assert_true(layout_is_hypervisor(2 * MIB + IMAGE_SIZE - 1, 1));
    assert_false(layout_is_hypervisor(2 * MIB + IMAGE_SIZE, MIB));
    assert_false(layout_is_hypervisor(2 * MIB - 8, 8));
    assert_true(layout_is_hypervisor(2 * MIB - 8, 9));
    assert_true(layout_is_hypervisor(57 * MIB, 8 * MIB));
    assert_false(layout_is_hypervisor(62 * MIB, MIB));
    assert_true(layout_is_hypervisor(UINT64_MAX - 8, 16));
    assert_int_equal(layout_image_pa(image_start + 0x123), 2 * MIB + 0x123);
}

/* From the top the heap moves below each span in its way. */
static void test_heap_avoids_what_is_taken(void **state)
{
    (void)state;
    make_machine();
    add_module(61 * MIB, 61 * MIB + 1);
    const struct layout_span blocked[] = {{61 * MIB, 4096}, {56 * MIB, 2 * MIB}};
    assert_int_equal(layout_choose_heap(&info, blocked, 2, 4 * MIB), 52 * MIB);
    assert_int_equal(layout_choose_heap(&info, blocked, 2, 2 * MIB), 58 * MIB);
    assert_int_equal(layout_choose_heap(&info, blocked, 0, 4 * MIB), 58 * MIB);
    assert_int_equal(layout_choose_heap(&info, blocked, 0, 60 * MIB), 2 * MIB);
    assert_int_equal(layout_choose_heap(&info, blocked, 0, 62 * MIB), 0);
}

/* Never below 1 MiB, never above 4 GiB. */
static void test_heap_window(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    add_range(0, 8 * MIB, MEMORY_AVAILABLE);
    add_range(4096 * MIB, 64 * MIB, MEMORY_AVAILABLE);
    assert_int_equal(layout_choose_heap(&info, NULL, 0, 4 * MIB), 4 * MIB);
    assert_int_equal(layout_choose_heap(&info, NULL, 0, 8 * MIB), 0);
}

static void test_no_place_stops(void **state)
{
    (void)state;
    make_machine();
    EXPECT_PANIC(layout_init(&info, 2 * MIB, 3 * MIB, 100, 64 * MIB));
    assert_non_null(strstr(stub_panic_text, "heap="));
}

static void test_low_pages(void **state)
{
    (void)state;
    make_machine();
    add_module(0x9d000, 0x9d001);
    layout_init(&info, 2 * MIB, 3 * MIB, 100, 4 * MIB);
    assert_int_equal(layout_low_pages(&info, 1), 0x9e000);
    assert_int_equal(layout_low_pages(&info, 2), 0x9b000);
    assert_int_equal(layout_low_pages(&info, 0x9c), 0x1000);
    assert_int_equal(layout_low_pages(&info, 0x9d), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram_is_merged), cmocka_unit_test(test_ram_questions),
        cmocka_unit_test(test_own_memory),    cmocka_unit_test(test_heap_avoids_what_is_taken),
        cmocka_unit_test(test_heap_window),   cmocka_unit_test(test_no_place_stops),
        cmocka_unit_test(test_low_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
