/* SPDX-License-Identifier: MIT */
/* sources: root/devices/pic.c */
#include <string.h>

#include "root/devices/pic.h"
#include "tests/unit/cmocka_tests.h"

enum { MASTER = 0, SLAVE = 0x80, DATA = 1, ELCR = 0x4b0 };
enum { ICW1 = 0x11, ICW4 = 0x01, ICW4_AUTO_EOI = 0x03, ICW4_NESTED = 0x11 };
enum { EOI = 0x20, EOI_OF = 0x60, ROTATE_EOI = 0xa0, ROTATE_EOI_OF = 0xe0, SET_LOWEST = 0xc0 };
enum { ROTATE_AUTO = 0x80, ROTATE_AUTO_OFF = 0x00 };
enum { READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, SPECIAL_MASK = 0x68, SPECIAL_MASK_OFF = 0x48 };

#define LEVEL_LINES 0x0e20u /* 5, 9, 10, 11 */

static struct pic pic;
static uint32_t changes;
static bool intr;

static void on_output(void *context, bool level)
{
    assert_ptr_equal(context, &pic);
    assert_int_not_equal(level, intr);
    intr = level;
    changes++;
}

static uint8_t in(uint64_t port)
{
    return (uint8_t)pic_ops.read(&pic, port, 1);
}

static void out(uint64_t port, uint8_t value)
{
    pic_ops.write(&pic, port, 1, value);
}

static uint8_t irr(uint64_t chip)
{
    out(chip, READ_IRR);
    return in(chip);
}

static uint8_t isr(uint64_t chip)
{
    out(chip, READ_ISR);
    return in(chip);
}

static void program(uint64_t chip, uint8_t base, uint8_t wiring, uint8_t icw4)
{
    out(chip, ICW1);
    out(chip + DATA, base);
    out(chip + DATA, wiring);
    out(chip + DATA, icw4);
}

static void program_both(uint8_t master_icw4, uint8_t slave_icw4)
{
    program(MASTER, 0x30, 0x04, master_icw4);
    program(SLAVE, 0x38, 0x02, slave_icw4);
}

static int fresh(void **state)
{
    (void)state;
    intr = false;
    pic_init(&pic, LEVEL_LINES, on_output, &pic);
    program_both(ICW4, ICW4);
    changes = 0;
    return 0;
}

static void set(uint32_t line, bool level)
{
    pic_set_irq(&pic, line, level);
}

static void expect_vector(uint8_t vector)
{
    assert_true(intr);
    assert_int_equal(pic_acknowledge(&pic), vector);
}

static void expect_quiet(void)
{
    assert_false(intr);
    assert_false(pic_has_interrupt(&pic));
}

static void all_is_masked_before_it_is_programmed(void **state)
{
    (void)state;
    pic_init(&pic, LEVEL_LINES, on_output, &pic);
    assert_int_equal(in(MASTER + DATA), 0xff);
    assert_int_equal(in(SLAVE + DATA), 0xff);
    assert_int_equal(in(ELCR), 0x20);
    assert_int_equal(in(ELCR + 1), 0x0e);
    for (uint32_t line = 0; line < 16; line++) {
        set(line, true);
    }
    expect_quiet();
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    pic_init(&pic, 0, NULL, NULL);
    program_both(ICW4, ICW4);
    set(1, true);
    assert_true(pic_has_interrupt(&pic));
    assert_int_equal(pic_acknowledge(&pic), 0x31);
}

static void an_edge_comes_once(void **state)
{
    (void)state;
    set(4, true);
    assert_true(pic_has_interrupt(&pic));
    assert_int_equal(changes, 1);
    assert_int_equal(irr(MASTER), 0x10);
    expect_vector(0x34);
    assert_int_equal(irr(MASTER), 0);
    assert_int_equal(isr(MASTER), 0x10);
    out(MASTER, EOI);
    assert_int_equal(isr(MASTER), 0);
    set(4, true); /* the level that it has */
    expect_quiet();
    set(4, false);
    set(4, true);
    expect_vector(0x34);
    assert_int_equal(changes, 4);
}

static void an_edge_in_service_waits_for_its_end(void **state)
{
    (void)state;
    set(4, true);
    expect_vector(0x34);
    set(4, false);
    set(4, true);
    expect_quiet();
    assert_int_equal(irr(MASTER), 0x10);
    out(MASTER, EOI);
    expect_vector(0x34);
}

static void a_level_comes_until_it_falls(void **state)
{
    (void)state;
    set(5, true);
    expect_vector(0x35);
    assert_int_equal(irr(MASTER), 0x20);
    expect_quiet();
    out(MASTER, EOI);
    expect_vector(0x35);
    set(5, false);
    assert_int_equal(irr(MASTER), 0);
    out(MASTER, EOI);
    expect_quiet();
}

static void masks_hold_back_and_keep(void **state)
{
    (void)state;
    out(MASTER + DATA, 0x10);
    assert_int_equal(in(MASTER + DATA), 0x10);
    set(4, true);
    expect_quiet();
    assert_int_equal(irr(MASTER), 0x10);
    out(MASTER + DATA, 0);
    expect_vector(0x34);
}

static void a_request_that_goes_away_is_spurious(void **state)
{
    (void)state;
    set(3, true);
    assert_true(intr);
    set(3, false);
    expect_quiet();
    assert_int_equal(pic_acknowledge(&pic), 0x37); /* the CPU had seen INTR */
    assert_int_equal(isr(MASTER), 0);
    set(12, true);
    set(12, false);
    expect_quiet();
    assert_int_equal(pic_acknowledge(&pic), 0x37);
    assert_int_equal(isr(MASTER), 0);
}

static void higher_priorities_nest_and_lower_wait(void **state)
{
    (void)state;
    set(4, true);
    expect_vector(0x34);
    set(6, true);
    expect_quiet();
    set(1, true);
    expect_vector(0x31);
    assert_int_equal(isr(MASTER), 0x12);
    out(MASTER, EOI); /* of the highest */
    assert_int_equal(isr(MASTER), 0x10);
    expect_quiet();
    out(MASTER, EOI_OF | 4);
    expect_vector(0x36);
    out(MASTER, EOI_OF | 3); /* not in service */
    assert_int_equal(isr(MASTER), 0x40);
    out(MASTER, EOI);
    out(MASTER, EOI); /* nothing is */
    assert_int_equal(isr(MASTER), 0);
}

static void ties_go_by_number(void **state)
{
    (void)state;
    set(7, true);
    set(0, true);
    set(14, true);
    set(8, true);
    expect_vector(0x30);
    out(MASTER, EOI);
    expect_vector(0x38);
    out(SLAVE, EOI);
    out(MASTER, EOI);
    expect_vector(0x3e);
    out(SLAVE, EOI);
    out(MASTER, EOI);
    expect_vector(0x37);
}

static void eoi_rotates(void **state)
{
    (void)state;
    set(3, true);
    expect_vector(0x33);
    set(4, true);
    set(0, true);
    out(MASTER, ROTATE_EOI); /* 3 is lowest: 4 is highest */
    expect_vector(0x34);
    expect_quiet();
    out(MASTER, ROTATE_EOI_OF | 4);
    expect_vector(0x30);
    out(MASTER, ROTATE_EOI); /* 0 is lowest */
    out(MASTER, ROTATE_EOI); /* nothing in service: stays so */
    set(0, false);
    set(0, true);
    set(7, true);
    expect_vector(0x37);
}

static void priorities_are_set(void **state)
{
    (void)state;
    out(MASTER, SET_LOWEST | 5);
    set(5, true);
    set(0, true);
    set(6, true);
    expect_vector(0x36);
    out(MASTER, 0x40 | 6); /* no operation */
    assert_int_equal(isr(MASTER), 0x40);
    out(MASTER, EOI);
    expect_vector(0x30);
    out(MASTER, EOI);
    expect_vector(0x35);
}

static void automatic_eoi_keeps_nothing_in_service(void **state)
{
    (void)state;
    program(MASTER, 0x30, 0x04, ICW4_AUTO_EOI);
    set(6, true);
    set(1, true);
    expect_vector(0x31);
    assert_int_equal(isr(MASTER), 0);
    expect_vector(0x36);
    expect_quiet();
    set(5, true); /* level: at once again */
    expect_vector(0x35);
    expect_vector(0x35);
    set(5, false);
    expect_quiet();
}

static void automatic_eoi_rotates(void **state)
{
    (void)state;
    program(MASTER, 0x30, 0x04, ICW4_AUTO_EOI);
    out(MASTER, ROTATE_AUTO);
    set(1, true);
    expect_vector(0x31);
    set(0, true);
    set(4, true);
    expect_vector(0x34); /* 1 is lowest: 2 is highest */
    expect_vector(0x30);
    out(MASTER, ROTATE_AUTO_OFF);
    set(7, true);
    expect_vector(0x37);
    set(1, false);
    set(1, true);
    set(7, false);
    set(7, true);
    expect_vector(0x31); /* 0 is lowest still */
}

static void the_slave_comes_through_the_master(void **state)
{
    (void)state;
    set(12, true);
    assert_int_equal(irr(MASTER), 0x04);
    assert_int_equal(irr(SLAVE), 0x10);
    expect_vector(0x3c);
    assert_int_equal(irr(MASTER), 0);
    assert_int_equal(isr(MASTER), 0x04);
    assert_int_equal(isr(SLAVE), 0x10);
    set(8, true); /* higher in the slave, but its pin is in service at the master */
    assert_int_equal(irr(MASTER), 0x04);
    expect_quiet();
    out(MASTER, EOI);
    expect_vector(0x38);
    out(SLAVE, EOI);
    out(SLAVE, EOI);
    out(MASTER, EOI);
    assert_int_equal(isr(SLAVE), 0);
    expect_quiet();
}

static void line_2_is_the_cascade(void **state)
{
    (void)state;
    set(2, true);
    set(16, true);
    set(UINT32_MAX, true);
    assert_int_equal(irr(MASTER), 0);
    expect_quiet();
    assert_int_equal(changes, 0);
}

static void a_masked_cascade_holds_the_slave_back(void **state)
{
    (void)state;
    out(MASTER + DATA, 0x04);
    set(14, true);
    expect_quiet();
    out(MASTER + DATA, 0);
    expect_vector(0x3e);
}

/* INT of such a slave is up again after each INTA: no edge that the master could miss. */
static void a_slave_with_automatic_eoi_gives_all_it_has(void **state)
{
    (void)state;
    program(SLAVE, 0x38, 0x02, ICW4_AUTO_EOI);
    set(12, true);
    set(14, true);
    set(10, true);
    expect_vector(0x3a);
    out(MASTER, EOI);
    expect_vector(0x3a); /* level */
    set(10, false);
    out(MASTER, EOI);
    expect_vector(0x3c);
    out(MASTER, EOI);
    expect_vector(0x3e);
    out(MASTER, EOI);
    expect_quiet();
}

static void a_slave_that_asks_is_heard_after_the_masters_programming(void **state)
{
    (void)state;
    set(10, true);
    program(MASTER, 0x50, 0x04, ICW4);
    expect_vector(0x3a);
}

static void the_special_fully_nested_mode_lets_the_slave_nest(void **state)
{
    (void)state;
    program(MASTER, 0x30, 0x04, ICW4_NESTED);
    set(12, true);
    expect_vector(0x3c);
    set(3, true); /* below the slave */
    expect_quiet();
    set(8, true);
    expect_vector(0x38);
    assert_int_equal(isr(SLAVE), 0x11);
    set(0, true);
    expect_vector(0x30);
    out(MASTER, EOI);
    out(SLAVE, EOI);
    out(SLAVE, EOI);
    expect_quiet();
    out(MASTER, EOI);
    expect_vector(0x33);
}

static void the_special_mask_mode_lets_lower_ones_in(void **state)
{
    (void)state;
    set(1, true);
    expect_vector(0x31);
    set(6, true);
    out(MASTER + DATA, 0x02);
    expect_quiet();
    out(MASTER, SPECIAL_MASK);
    expect_vector(0x36);
    out(MASTER, EOI); /* not of the masked one */
    assert_int_equal(isr(MASTER), 0x02);
    out(MASTER, EOI);
    assert_int_equal(isr(MASTER), 0x02);
    out(MASTER, 0x28); /* no change of the mode */
    set(7, true);
    expect_vector(0x37);
    out(MASTER, EOI);
    out(MASTER, SPECIAL_MASK_OFF);
    set(5, true);
    expect_quiet();
    out(MASTER, EOI);
    expect_vector(0x35);
}

static void polling_takes_an_interrupt(void **state)
{
    (void)state;
    out(MASTER, POLL);
    assert_int_equal(in(MASTER), 0);
    assert_int_equal(in(MASTER), 0); /* the IRR */
    set(6, true);
    out(MASTER, POLL);
    assert_int_equal(in(MASTER), 0x86);
    expect_quiet();
    assert_int_equal(isr(MASTER), 0x40);
    out(MASTER, EOI);
    set(9, true);
    out(MASTER, POLL);
    assert_int_equal(in(MASTER + DATA), 0x82); /* at either port */
    out(SLAVE, POLL);
    assert_int_equal(in(SLAVE), 0x81);
    assert_int_equal(isr(SLAVE), 0x02);
    assert_int_equal(isr(MASTER), 0x04);
}

static void the_register_to_read_stays_chosen(void **state)
{
    (void)state;
    set(3, true);
    expect_vector(0x33);
    out(MASTER, READ_ISR);
    out(MASTER, 0x08);
    assert_int_equal(in(MASTER), 0x08);
    assert_int_equal(in(MASTER), 0x08);
    out(MASTER, READ_IRR);
    assert_int_equal(in(MASTER), 0);
}

static void programming_clears_the_state(void **state)
{
    (void)state;
    set(4, true);
    expect_vector(0x34);
    set(3, true);
    out(MASTER, SET_LOWEST | 2);
    out(MASTER + DATA, 0x80);
    out(MASTER, SPECIAL_MASK);
    out(MASTER, READ_ISR);
    out(MASTER, ICW1);
    assert_int_equal(in(MASTER), 0); /* the IRR: the edge is forgotten */
    out(MASTER + DATA, 0x47);        /* the low bits are not of the vector */
    out(MASTER + DATA, 0x04);
    out(MASTER + DATA, ICW4);
    assert_int_equal(in(MASTER + DATA), 0);
    assert_int_equal(isr(MASTER), 0);
    expect_quiet();
    set(5, true);
    set(1, true);
    expect_vector(0x41);
}

static void levels_survive_programming(void **state)
{
    (void)state;
    set(5, true);
    program(MASTER, 0x40, 0x04, ICW4);
    expect_vector(0x45);
}

static void fewer_words_program_too(void **state)
{
    (void)state;
    program(MASTER, 0x30, 0x04, ICW4_AUTO_EOI);
    out(MASTER, 0x10); /* cascade, no ICW4 */
    out(MASTER + DATA, 0x60);
    out(MASTER + DATA, 0x04);
    out(MASTER + DATA, 0xfe);
    assert_int_equal(in(MASTER + DATA), 0xfe);
    set(0, true);
    expect_vector(0x60);
    assert_int_equal(isr(MASTER), 0x01);
    out(MASTER, 0x12); /* single, no ICW4 */
    out(MASTER + DATA, 0x70);
    out(MASTER + DATA, 0xfb);
    assert_int_equal(in(MASTER + DATA), 0xfb);
    set(8, true); /* nobody asks the slave for its vector */
    expect_vector(0x72);
    assert_int_equal(isr(SLAVE), 0);
    out(MASTER, 0x13); /* single, ICW4 */
    out(MASTER + DATA, 0x78);
    out(MASTER + DATA, ICW4_AUTO_EOI);
    out(MASTER + DATA, 0xf7);
    assert_int_equal(in(MASTER + DATA), 0xf7);
}

static void elcr_leaves_out_what_is_always_an_edge(void **state)
{
    (void)state;
    pic_ops.write(&pic, ELCR, 2, 0xffff);
    assert_int_equal(in(ELCR), 0xf8);
    assert_int_equal(in(ELCR + 1), 0xde);
    assert_int_equal(pic_ops.read(&pic, ELCR, 2), 0xdef8);
}

static void elcr_changes_lines_that_are_up(void **state)
{
    (void)state;
    set(4, true);
    expect_vector(0x34);
    out(MASTER, EOI);
    expect_quiet();
    out(ELCR, 0x10);
    expect_vector(0x34);
    out(MASTER, EOI);
    set(4, false);
    expect_quiet();
}

static void a_word_is_two_bytes(void **state)
{
    (void)state;
    set(6, true);
    pic_ops.write(&pic, MASTER, 2, 0xaa00 | READ_IRR);
    assert_int_equal(pic_ops.read(&pic, MASTER, 2), 0xaa40);
    assert_int_equal(in(MASTER + DATA), 0xaa);
}

static void reset_keeps_lines_and_wiring(void **state)
{
    (void)state;
    set(4, true);
    set(10, true);
    out(ELCR, 0);
    pic_ops.reset(&pic);
    expect_quiet();
    assert_int_equal(in(ELCR), 0x20);
    assert_int_equal(in(MASTER + DATA), 0xff);
    program_both(ICW4, ICW4);
    expect_vector(0x3a); /* the level; the edge was before */
    set(10, false);
    out(SLAVE, EOI);
    out(MASTER, EOI);
    expect_quiet();
}

/* arch/x86/kernel/i8259.c: probe_8259A(), init_8259A(), mask_and_ack_8259A(). */
static void linux_finds_and_uses_it(void **state)
{
    (void)state;
    out(SLAVE + DATA, 0xff);
    out(MASTER + DATA, 0xfb);
    assert_int_equal(in(MASTER + DATA), 0xfb);
    out(MASTER + DATA, 0xff);
    program_both(ICW4, ICW4);
    out(MASTER + DATA, 0xfa);
    out(SLAVE + DATA, 0xef);
    set(12, true);
    set(0, true);
    expect_vector(0x30);
    out(MASTER + DATA, 0xfb);
    out(MASTER, EOI_OF | 0);
    expect_vector(0x3c);
    (void)in(SLAVE + DATA);
    out(SLAVE + DATA, 0xff);
    out(SLAVE, EOI_OF | 4);
    out(MASTER, EOI_OF | 2);
    expect_quiet();
    assert_int_equal(isr(MASTER) | isr(SLAVE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_is_masked_before_it_is_programmed, fresh),
        cmocka_unit_test_setup(nobody_has_to_listen, fresh),
        cmocka_unit_test_setup(an_edge_comes_once, fresh),
        cmocka_unit_test_setup(an_edge_in_service_waits_for_its_end, fresh),
        cmocka_unit_test_setup(a_level_comes_until_it_falls, fresh),
        cmocka_unit_test_setup(masks_hold_back_and_keep, fresh),
        cmocka_unit_test_setup(a_request_that_goes_away_is_spurious, fresh),
        cmocka_unit_test_setup(higher_priorities_nest_and_lower_wait, fresh),
        cmocka_unit_test_setup(ties_go_by_number, fresh),
        cmocka_unit_test_setup(eoi_rotates, fresh),
        cmocka_unit_test_setup(priorities_are_set, fresh),
        cmocka_unit_test_setup(automatic_eoi_keeps_nothing_in_service, fresh),
        cmocka_unit_test_setup(automatic_eoi_rotates, fresh),
        cmocka_unit_test_setup(the_slave_comes_through_the_master, fresh),
        cmocka_unit_test_setup(line_2_is_the_cascade, fresh),
        cmocka_unit_test_setup(a_masked_cascade_holds_the_slave_back, fresh),
        cmocka_unit_test_setup(a_slave_with_automatic_eoi_gives_all_it_has, fresh),
        cmocka_unit_test_setup(a_slave_that_asks_is_heard_after_the_masters_programming, fresh),
        cmocka_unit_test_setup(the_special_fully_nested_mode_lets_the_slave_nest, fresh),
        cmocka_unit_test_setup(the_special_mask_mode_lets_lower_ones_in, fresh),
        cmocka_unit_test_setup(polling_takes_an_interrupt, fresh),
        cmocka_unit_test_setup(the_register_to_read_stays_chosen, fresh),
        cmocka_unit_test_setup(programming_clears_the_state, fresh),
        cmocka_unit_test_setup(levels_survive_programming, fresh),
        cmocka_unit_test_setup(fewer_words_program_too, fresh),
        cmocka_unit_test_setup(elcr_leaves_out_what_is_always_an_edge, fresh),
        cmocka_unit_test_setup(elcr_changes_lines_that_are_up, fresh),
        cmocka_unit_test_setup(a_word_is_two_bytes, fresh),
        cmocka_unit_test_setup(reset_keeps_lines_and_wiring, fresh),
        cmocka_unit_test_setup(linux_finds_and_uses_it, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
