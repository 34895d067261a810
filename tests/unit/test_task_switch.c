/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/task_switch.c */
#include <string.h>

#include "root/monitor/task_switch.h"
#include "tests/unit/cmocka_tests.h"

#define MEMORY 0x4000u
#define GDT_AT 0x1000u
#define OLD_AT 0x2000u
#define NEW_AT 0x3000u
#define CODE 8u
#define DATA 0x10u
#define OLD 0x18u
#define NEW 0x20u
#define FLAGS_NT 0x4000u

static uint8_t memory[MEMORY];
static uint32_t missing; /* this page faults; 0: none */
static uint64_t cr3_seen;

static bool inside(uint64_t linear, uint32_t size, uint32_t *error, uint32_t code)
{
    *error = code;
    return linear + size <= MEMORY && (missing == 0 || (linear + size - 1) / 4096 * 4096 != missing);
}

static bool on_read(void *context, uint64_t linear, void *to, uint32_t size, uint32_t *error)
{
    (void)context;
    if (!inside(linear, size, error, 0)) {
        return false;
    }
    memcpy(to, memory + linear, size);
    return true;
}

static bool on_write(void *context, uint64_t linear, const void *from, uint32_t size, uint32_t *error)
{
    (void)context;
    if (!inside(linear, size, error, 2)) {
        return false;
    }
    memcpy(memory + linear, from, size);
    return true;
}

static void on_cr3(void *context, uint64_t cr3)
{
    (void)context;
    cr3_seen = cr3;
}

static const struct task_memory callbacks = {NULL, on_read, on_write, on_cr3};

static void put(uint32_t at, uint64_t value, uint32_t size)
{
    memcpy(memory + at, &value, size);
}

static uint32_t word(uint32_t at, uint32_t size)
{
    uint32_t value = 0;
    memcpy(&value, memory + at, size);
    return value;
}

static struct task_registers start(bool new_is_32)
{
    struct task_registers r;
    memset(&r, 0, sizeof(r));
    memset(memory, 0, sizeof(memory));
    missing = 0;
    cr3_seen = 0;
    put(GDT_AT + CODE, 0x00cf9b000000ffff, 8);
    put(GDT_AT + DATA, 0x00cf93000000ffff, 8);
    put(GDT_AT + OLD, 0x00008b0020000067, 8);
    put(GDT_AT + NEW, new_is_32 ? 0x0000890030000067 : 0x000081003000002b, 8);
    r.gdt_base = GDT_AT;
    r.gdt_limit = 0x27;
    r.tr.Selector = OLD;
    r.tr.Base = OLD_AT;
    r.tr.Limit = 0x67;
    r.tr.Attributes = 0x8b;
    r.eip = 0x500;
    r.eflags = 2;
    r.dr7 = 0x7ff;
    r.cr0 = 0x80000001;
    for (unsigned i = 0; i < 8; i++) {
        r.gpr[i] = 0x1000u + i;
    }
    for (unsigned i = 0; i < TASK_SEGMENTS; i++) {
        r.segment[i].Selector = i == TASK_CS ? CODE : DATA;
        uint32_t selector = i == TASK_CS ? CODE : DATA;
        if (new_is_32) {
            put(NEW_AT + 72 + 4 * i, selector, 4);
        } else if (i < 4) {
            put(NEW_AT + 34 + 2 * i, selector, 2);
        }
    }
    put(NEW_AT + (new_is_32 ? 32 : 14), 0x700, 2);
    put(NEW_AT + 28, new_is_32 ? 0x9000 : 0, 2);
    return r;
}

static bool go(struct task_registers *r, enum task_source source, struct task_fault *fault)
{
    struct task_event e = {.source = source, .selector = NEW, .next_eip = 0x507};
    bool trap;
    return task_switch(r, &e, &callbacks, fault, &trap);
}

static void test_call(void **state)
{
    (void)state;
    struct task_fault fault;
    struct task_registers r = start(true);
    assert_true(go(&r, TASK_CALL, &fault));
    assert_false(fault.raised);
    assert_int_equal(r.eip, 0x700);
    assert_int_equal(r.eflags, 2 | FLAGS_NT);
    assert_int_equal(r.tr.Selector, NEW);
    assert_int_equal(r.tr.SegmentType, 0xb);
    assert_int_equal(r.cr0, 0x80000009);
    assert_int_equal(r.cr3, 0x9000 & 0xffff);
    assert_int_equal(cr3_seen, r.cr3);
    assert_int_equal(r.dr7, 0x6aa);
    assert_int_equal(word(NEW_AT, 2), OLD);
    assert_int_equal(word(OLD_AT + 32, 4), 0x507);
    assert_int_equal(word(OLD_AT + 40 + 4 * 6, 4), 0x1006);
    assert_int_equal(word(OLD_AT + 76, 4), CODE);
    assert_int_equal(memory[GDT_AT + OLD + 5], 0x8b);
    assert_int_equal(memory[GDT_AT + NEW + 5], 0x8b);
}

static void test_jump_and_iret(void **state)
{
    (void)state;
    struct task_fault fault;
    struct task_registers r = start(true);
    assert_true(go(&r, TASK_JMP, &fault));
    assert_int_equal(r.eflags, 2);
    assert_int_equal(word(NEW_AT, 2), 0);
    assert_int_equal(memory[GDT_AT + OLD + 5], 0x89);
    r = start(true);
    r.eflags |= FLAGS_NT;
    memory[GDT_AT + NEW + 5] = 0x8b;
    assert_true(go(&r, TASK_IRET, &fault));
    assert_int_equal(word(OLD_AT + 36, 4), 2);
    assert_int_equal(memory[GDT_AT + OLD + 5], 0x89);
    assert_int_equal(memory[GDT_AT + NEW + 5], 0x8b);
}

static void test_16_bit(void **state)
{
    (void)state;
    struct task_fault fault;
    struct task_registers r = start(false);
    put(NEW_AT + 18, 0x1234, 2);
    assert_true(go(&r, TASK_CALL, &fault));
    assert_false(fault.raised);
    assert_int_equal(r.eip, 0x700);
    assert_int_equal(r.gpr[0] & 0xffff, 0x1234);
    assert_int_equal(r.segment[TASK_DS].Selector, DATA);
    assert_int_equal(r.segment[TASK_FS].Attributes, 0);
    assert_int_equal(cr3_seen, 0);
    assert_int_equal(r.tr.SegmentType, 3);
}

static void test_error_code(void **state)
{
    (void)state;
    struct task_fault fault;
    struct task_event e = {.source = TASK_GATE, .selector = NEW, .has_error = true, .error = 0x2a, .external = true};
    bool trap;
    struct task_registers r = start(true);
    put(NEW_AT + 56, 0x800, 4);
    put(NEW_AT + 100, 1, 2);
    assert_true(task_switch(&r, &e, &callbacks, &fault, &trap));
    assert_true(trap);
    assert_int_equal(r.gpr[4], 0x7fc);
    assert_int_equal(word(0x7fc, 4), 0x2a);
    r = start(true);
    put(GDT_AT + DATA, 0x0040930000000010, 8); /* a stack of 17 bytes */
    put(NEW_AT + 56, 0x800, 4);
    assert_true(task_switch(&r, &e, &callbacks, &fault, &trap));
    assert_int_equal(fault.vector, 12);
    assert_int_equal(fault.error, 1);
}

/* Before the new task is there nothing changes; a later fault is the new task's. */
static void test_faults(void **state)
{
    (void)state;
    struct task_fault fault;
    static uint8_t before[MEMORY];
    struct task_registers r = start(true), was = r;
    memcpy(before, memory, sizeof(before));
    missing = NEW_AT;
    assert_false(go(&r, TASK_CALL, &fault));
    assert_true(fault.is_page_fault && fault.vector == 14);
    assert_int_equal(fault.address, NEW_AT);
    assert_memory_equal(&r, &was, sizeof(r));
    missing = OLD_AT;
    assert_false(go(&r, TASK_CALL, &fault));
    assert_memory_equal(memory, before, sizeof(before));
    static const struct {
        uint32_t at, value;
        uint8_t vector;
    } cases[] = {{NEW_AT + 96, CODE, 10}, {NEW_AT + 96, 0xc, 10},  {NEW_AT + 76, DATA, 10},
                 {NEW_AT + 76, 0, 10},    {NEW_AT + 80, CODE, 10}, {NEW_AT + 80, DATA | 3, 10},
                 {NEW_AT + 84, OLD, 10},  {NEW_AT + 84, 0x400, 10}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = start(true);
        put(cases[i].at, cases[i].value, 2);
        assert_true(go(&r, TASK_CALL, &fault));
        assert_true(fault.raised);
        assert_int_equal(fault.vector, cases[i].vector);
        assert_int_equal(fault.error, cases[i].value & 0xfffc);
        assert_int_equal(r.tr.Selector, NEW);
    }
    r = start(true);
    memory[GDT_AT + DATA + 5] = 0x13;
    assert_true(go(&r, TASK_CALL, &fault));
    assert_int_equal(fault.vector, 12); /* the stack comes first */
    r = start(true);
    memory[GDT_AT + NEW] = 0x66;
    assert_false(go(&r, TASK_CALL, &fault));
    assert_int_equal(fault.vector, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),       cmocka_unit_test(test_jump_and_iret), cmocka_unit_test(test_16_bit),
        cmocka_unit_test(test_error_code), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
