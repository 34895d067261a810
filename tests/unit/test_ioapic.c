/* SPDX-License-Identifier: MIT */
/* sources: root/devices/ioapic.c */
#include <string.h>

#include "root/devices/ioapic.h"
#include "tests/unit/cmocka_tests.h"

enum { SELECT = 0x00, WINDOW = 0x10, EOI = 0x40 };
enum { ID = 0, VERSION = 1, ARBITRATION = 2, TABLE = 0x10 };

#define MASKED 0x10000u
#define LEVEL 0x8000u
#define REMOTE_IRR 0x4000u
#define LOW 0x2000u
#define PENDING 0x1000u
#define LOGICAL 0x0800u

static struct ioapic ioapic;
static struct ioapic_message last;
static uint32_t sent;
static bool taken;

static bool on_message(void *context, const struct ioapic_message *message)
{
    assert_ptr_equal(context, &sent);
    last = *message;
    sent++;
    return taken;
}

static int fresh(void **state)
{
    (void)state;
    memset(&ioapic, 0xff, sizeof(ioapic));
    ioapic_init(&ioapic, on_message, &sent);
    sent = 0;
    taken = true;
    return 0;
}

static uint32_t in(uint32_t index)
{
    ioapic_ops.write(&ioapic, SELECT, 4, index);
    return (uint32_t)ioapic_ops.read(&ioapic, WINDOW, 4);
}

static void out(uint32_t index, uint32_t value)
{
    ioapic_ops.write(&ioapic, SELECT, 4, index);
    ioapic_ops.write(&ioapic, WINDOW, 4, value);
}

static uint32_t entry(uint32_t pin)
{
    return in(TABLE + 2 * pin);
}

static void program(uint32_t pin, uint32_t value)
{
    out(TABLE + 2 * pin, value);
}

static void set(uint32_t pin, bool level)
{
    ioapic_set_irq(&ioapic, pin, level);
}

static void expect_sent(uint32_t count)
{
    assert_int_equal(sent, count);
}

static void registers_after_reset(void **state)
{
    (void)state;
    assert_int_equal(in(ID), 0);
    assert_int_equal(in(VERSION), 0x170020);
    assert_int_equal(in(ARBITRATION), 0);
    for (uint32_t pin = 0; pin < PLATFORM_IOAPIC_PINS; pin++) {
        assert_int_equal(entry(pin), MASKED);
        assert_int_equal(in(TABLE + 2 * pin + 1), 0);
        set(pin, true);
    }
    expect_sent(0);
}

static void the_id_has_four_bits(void **state)
{
    (void)state;
    out(ID, 0xffffffff);
    assert_int_equal(in(ID), 0x0f000000);
    assert_int_equal(in(ARBITRATION), 0x0f000000);
    out(ID, 0x02000000);
    assert_int_equal(in(ID), 0x02000000);
}

static void some_registers_are_read_only(void **state)
{
    (void)state;
    out(VERSION, 0);
    out(ARBITRATION, 0x0f000000);
    assert_int_equal(in(VERSION), 0x170020);
    assert_int_equal(in(ARBITRATION), 0);
}

static void entries_keep_what_is_writable(void **state)
{
    (void)state;
    out(TABLE + 5, 0xffffffff);
    program(2, 0xffffffff);
    assert_int_equal(entry(2), 0x0001afff);
    assert_int_equal(in(TABLE + 5), 0xff000000);
    program(2, 0);
    assert_int_equal(entry(2), 0);
    assert_int_equal(in(TABLE + 5), 0xff000000);
    out(TABLE + 47, 0x12345678);
    assert_int_equal(in(TABLE + 47), 0x12000000);
    expect_sent(0);
}

static void other_indexes_are_nothing(void **state)
{
    (void)state;
    static const uint32_t indexes[] = {3, 0x0f, TABLE + 48, 0xff};
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        out(indexes[i], 0);
        assert_int_equal(in(indexes[i]), 0xffffffff);
    }
    assert_int_equal(in(0x101), 0x170020); /* the select register has 8 bits */
    assert_int_equal(ioapic_ops.read(&ioapic, SELECT, 4), 1);
}

static void accesses_have_32_bits(void **state)
{
    (void)state;
    out(ID, 0x05000000);
    static const uint32_t sizes[] = {1, 2, 8};
    for (size_t i = 0; i < 3; i++) {
        ioapic_ops.write(&ioapic, WINDOW, sizes[i], 0);
        assert_true(ioapic_ops.read(&ioapic, WINDOW, sizes[i]) == UINT64_MAX);
        assert_true(ioapic_ops.read(&ioapic, SELECT, sizes[i]) == UINT64_MAX);
    }
    ioapic_ops.write(&ioapic, SELECT, 8, 1);
    assert_int_equal(ioapic_ops.read(&ioapic, WINDOW, 4), 0x05000000);
    ioapic_ops.write(&ioapic, SELECT, 1, VERSION); /* a byte is all that this one has */
    assert_int_equal(ioapic_ops.read(&ioapic, WINDOW, 4), 0x170020);
}

static void other_offsets_are_nothing(void **state)
{
    (void)state;
    out(ID, 0x05000000);
    static const uint64_t offsets[] = {0x04, 0x08, 0x11, 0x14, 0x20, 0x40, 0xffc};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        ioapic_ops.write(&ioapic, offsets[i], 4, 0);
        assert_int_equal((uint32_t)ioapic_ops.read(&ioapic, offsets[i], 4), 0xffffffff);
    }
    assert_int_equal(in(ID), 0x05000000);
}

static void a_message_says_what_the_entry_says(void **state)
{
    (void)state;
    out(TABLE + 9, 0xab000000);
    program(4, LOGICAL | 0x100 | LOW | 0x51);
    set(4, true);
    expect_sent(1);
    assert_int_equal(last.vector, 0x51);
    assert_int_equal(last.delivery_mode, 1);
    assert_int_equal(last.destination, 0xab);
    assert_true(last.logical);
    assert_false(last.level);
    out(TABLE + 11, 0x03000000);
    program(5, LEVEL | 0xfe);
    set(5, true);
    expect_sent(2);
    assert_int_equal(last.vector, 0xfe);
    assert_int_equal(last.delivery_mode, 0);
    assert_int_equal(last.destination, 3);
    assert_false(last.logical);
    assert_true(last.level);
}

static void each_rise_is_an_edge(void **state)
{
    (void)state;
    program(4, 0x34);
    set(4, true);
    set(4, true);
    expect_sent(1);
    assert_int_equal(entry(4), 0x34);
    set(4, false);
    expect_sent(1);
    set(4, true);
    expect_sent(2);
    ioapic_eoi(&ioapic, 0x34);
    expect_sent(2);
}

static void edges_at_a_masked_pin_are_gone(void **state)
{
    (void)state;
    program(4, MASKED | 0x34);
    set(4, true);
    program(4, 0x34);
    expect_sent(0);
    set(4, false);
    set(4, true);
    expect_sent(1);
}

static void an_edge_that_nobody_takes_is_gone(void **state)
{
    (void)state;
    program(4, 0x34);
    taken = false;
    set(4, true);
    expect_sent(1);
    taken = true;
    program(4, 0x34);
    expect_sent(1);
    assert_int_equal(entry(4), 0x34);
}

static void a_level_comes_until_it_falls(void **state)
{
    (void)state;
    program(9, LEVEL | 0x39);
    set(9, true);
    expect_sent(1);
    assert_int_equal(entry(9), LEVEL | REMOTE_IRR | 0x39);
    set(9, false);
    set(9, true); /* on its way */
    expect_sent(1);
    ioapic_eoi(&ioapic, 0x39);
    expect_sent(2);
    assert_int_equal(entry(9), LEVEL | REMOTE_IRR | 0x39);
    set(9, false);
    ioapic_eoi(&ioapic, 0x39);
    expect_sent(2);
    assert_int_equal(entry(9), LEVEL | 0x39);
    ioapic_eoi(&ioapic, 0x39);
    expect_sent(2);
}

static void an_end_is_for_its_vector(void **state)
{
    (void)state;
    program(9, LEVEL | 0x39);
    program(10, LEVEL | 0x3a);
    program(11, LEVEL | 0x3a);
    set(9, true);
    set(10, true);
    set(11, true);
    expect_sent(3);
    ioapic_eoi(&ioapic, 0x38);
    expect_sent(3);
    ioapic_eoi(&ioapic, 0x3a); /* both of a shared vector */
    expect_sent(5);
    assert_int_equal(entry(9), LEVEL | REMOTE_IRR | 0x39);
}

static void the_eoi_register_ends_too(void **state)
{
    (void)state;
    program(9, LEVEL | 0x39);
    set(9, true);
    ioapic_ops.write(&ioapic, EOI, 1, 0x39);
    expect_sent(1);
    ioapic_ops.write(&ioapic, EOI, 4, 0x39);
    expect_sent(2);
}

static void a_level_waits_behind_its_mask(void **state)
{
    (void)state;
    program(9, MASKED | LEVEL | 0x39);
    set(9, true);
    expect_sent(0);
    assert_int_equal(entry(9), MASKED | LEVEL | 0x39);
    program(9, LEVEL | 0x39);
    expect_sent(1);
    program(9, MASKED | LEVEL | 0x39); /* the mask does not end it */
    assert_int_equal(entry(9), MASKED | LEVEL | REMOTE_IRR | 0x39);
    ioapic_eoi(&ioapic, 0x39);
    expect_sent(1);
    program(9, LEVEL | 0x39);
    expect_sent(2);
}

static void a_level_that_fell_behind_its_mask_is_gone(void **state)
{
    (void)state;
    program(9, MASKED | LEVEL | 0x39);
    set(9, true);
    set(9, false);
    program(9, LEVEL | 0x39);
    expect_sent(0);
}

static void a_level_that_nobody_takes_is_tried_again(void **state)
{
    (void)state;
    taken = false;
    program(9, LEVEL | 0x39);
    set(9, true);
    expect_sent(1);
    assert_int_equal(entry(9), LEVEL | PENDING | 0x39);
    taken = true;
    out(TABLE + 19, 0x01000000);
    expect_sent(2);
    assert_int_equal(last.destination, 1);
    assert_int_equal(entry(9), LEVEL | REMOTE_IRR | 0x39);
}

/* arch/x86/kernel/apic/io_apic.c, __eoi_ioapic_pin(): how Linux ends what no local APIC will end. */
static void switching_to_edge_and_back_ends(void **state)
{
    (void)state;
    program(9, LEVEL | 0x39);
    set(9, true);
    program(9, MASKED | 0x39);
    assert_int_equal(entry(9), MASKED | 0x39);
    set(9, false);
    program(9, LEVEL | 0x39);
    assert_int_equal(entry(9), LEVEL | 0x39);
    expect_sent(1);
}

static void what_is_no_interrupt_is_an_edge(void **state)
{
    (void)state;
    static const uint32_t modes[] = {2, 4, 5, 7};
    for (size_t i = 0; i < 4; i++) {
        program(9, LEVEL | modes[i] << 8);
        set(9, true);
        expect_sent((uint32_t)i + 1);
        assert_int_equal(last.delivery_mode, modes[i]);
        assert_false(last.level);
        assert_int_equal(entry(9), LEVEL | modes[i] << 8);
        set(9, false);
    }
}

static void polarity_is_kept_and_changes_nothing(void **state)
{
    (void)state;
    program(9, LEVEL | LOW | 0x39);
    expect_sent(0);
    assert_int_equal(entry(9), LEVEL | LOW | 0x39);
    set(9, true);
    expect_sent(1);
}

static void pins_that_are_not_there(void **state)
{
    (void)state;
    set(PLATFORM_IOAPIC_PINS, true);
    set(31, true);
    set(UINT32_MAX, true);
    program(23, LEVEL | 0x40);
    expect_sent(0);
    set(23, true);
    expect_sent(1);
}

static void reset_keeps_the_lines(void **state)
{
    (void)state;
    out(ID, 0x01000000);
    out(TABLE + 19, 0x01000000);
    program(9, LEVEL | 0x39);
    set(9, true);
    ioapic_ops.reset(&ioapic);
    assert_int_equal(ioapic_ops.read(&ioapic, SELECT, 4), 0);
    assert_int_equal(in(ID), 0);
    assert_int_equal(entry(9), MASKED);
    assert_int_equal(in(TABLE + 19), 0);
    program(9, LEVEL | 0x41);
    expect_sent(2);
    assert_int_equal(last.vector, 0x41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_after_reset, fresh),
        cmocka_unit_test_setup(the_id_has_four_bits, fresh),
        cmocka_unit_test_setup(some_registers_are_read_only, fresh),
        cmocka_unit_test_setup(entries_keep_what_is_writable, fresh),
        cmocka_unit_test_setup(other_indexes_are_nothing, fresh),
        cmocka_unit_test_setup(accesses_have_32_bits, fresh),
        cmocka_unit_test_setup(other_offsets_are_nothing, fresh),
        cmocka_unit_test_setup(a_message_says_what_the_entry_says, fresh),
        cmocka_unit_test_setup(each_rise_is_an_edge, fresh),
        cmocka_unit_test_setup(edges_at_a_masked_pin_are_gone, fresh),
        cmocka_unit_test_setup(an_edge_that_nobody_takes_is_gone, fresh),
        cmocka_unit_test_setup(a_level_comes_until_it_falls, fresh),
        cmocka_unit_test_setup(an_end_is_for_its_vector, fresh),
        cmocka_unit_test_setup(the_eoi_register_ends_too, fresh),
        cmocka_unit_test_setup(a_level_waits_behind_its_mask, fresh),
        cmocka_unit_test_setup(a_level_that_fell_behind_its_mask_is_gone, fresh),
        cmocka_unit_test_setup(a_level_that_nobody_takes_is_tried_again, fresh),
        cmocka_unit_test_setup(switching_to_edge_and_back_ends, fresh),
        cmocka_unit_test_setup(what_is_no_interrupt_is_an_edge, fresh),
        cmocka_unit_test_setup(polarity_is_kept_and_changes_nothing, fresh),
        cmocka_unit_test_setup(pins_that_are_not_there, fresh),
        cmocka_unit_test_setup(reset_keeps_the_lines, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
