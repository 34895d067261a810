/* SPDX-License-Identifier: MIT */
/* sources: root/devices/pic.c tests/unit/pic_pair.c */
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/pic_pair.h"

static void all_is_masked_before_it_is_programmed(void **state)
{
    (void)state;
    pic_init(&pic, LEVEL_LINES, pic_on_output, &pic);
    assert_int_equal(pic_in(MASTER + DATA), 0xff);
    assert_int_equal(pic_in(SLAVE + DATA), 0xff);
    assert_int_equal(pic_in(ELCR), 0x20);
    assert_int_equal(pic_in(ELCR + 1), 0x0e);
    for (uint32_t line = 0; line < 16; line++) {
        pic_set(line, true);
    }
    pic_expect_quiet();
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    pic_init(&pic, 0, NULL, NULL);
    pic_program_both(ICW4, ICW4);
    pic_set(1, true);
    assert_true(pic_has_interrupt(&pic));
    assert_int_equal(pic_acknowledge(&pic), 0x31);
}

static void a_slave_that_asks_is_heard_after_the_masters_programming(void **state)
{
    (void)state;
    pic_set(10, true);
    pic_program(MASTER, 0x50, 0x04, ICW4);
    pic_expect_vector(0x3a);
}

static void polling_takes_an_interrupt(void **state)
{
    (void)state;
    pic_out(MASTER, POLL);
    assert_int_equal(pic_in(MASTER), 0);
    assert_int_equal(pic_in(MASTER), 0); /* the IRR */
    pic_set(6, true);
    pic_out(MASTER, POLL);
    assert_int_equal(pic_in(MASTER), 0x86);
    pic_expect_quiet();
    assert_int_equal(pic_isr(MASTER), 0x40);
    pic_out(MASTER, EOI);
    pic_set(9, true);
    pic_out(MASTER, POLL);
    assert_int_equal(pic_in(MASTER + DATA), 0x82); /* at either port */
    pic_out(SLAVE, POLL);
    assert_int_equal(pic_in(SLAVE), 0x81);
    assert_int_equal(pic_isr(SLAVE), 0x02);
    assert_int_equal(pic_isr(MASTER), 0x04);
}

static void the_register_to_read_stays_chosen(void **state)
{
    (void)state;
    pic_set(3, true);
    pic_expect_vector(0x33);
    pic_out(MASTER, READ_ISR);
    pic_out(MASTER, 0x08);
    assert_int_equal(pic_in(MASTER), 0x08);
    assert_int_equal(pic_in(MASTER), 0x08);
    pic_out(MASTER, READ_IRR);
    assert_int_equal(pic_in(MASTER), 0);
}

static void programming_clears_the_state(void **state)
{
    (void)state;
    pic_set(4, true);
    pic_expect_vector(0x34);
    pic_set(3, true);
    pic_out(MASTER, SET_LOWEST | 2);
    pic_out(MASTER + DATA, 0x80);
    pic_out(MASTER, SPECIAL_MASK);
    pic_out(MASTER, READ_ISR);
    pic_out(MASTER, ICW1);
    assert_int_equal(pic_in(MASTER), 0); /* the IRR: the edge is forgotten */
    pic_out(MASTER + DATA, 0x47);        /* the low bits are not of the vector */
    pic_out(MASTER + DATA, 0x04);
    pic_out(MASTER + DATA, ICW4);
    assert_int_equal(pic_in(MASTER + DATA), 0);
    assert_int_equal(pic_isr(MASTER), 0);
    pic_expect_quiet();
    pic_set(5, true);
    pic_set(1, true);
    pic_expect_vector(0x41);
}

static void levels_survive_programming(void **state)
{
    (void)state;
    pic_set(5, true);
    pic_program(MASTER, 0x40, 0x04, ICW4);
    pic_expect_vector(0x45);
}

static void fewer_words_program_too(void **state)
{
    (void)state;
    pic_program(MASTER, 0x30, 0x04, ICW4_AUTO_EOI);
    pic_out(MASTER, 0x10); /* cascade, no ICW4 */
    pic_out(MASTER + DATA, 0x60);
    pic_out(MASTER + DATA, 0x04);
    pic_out(MASTER + DATA, 0xfe);
    assert_int_equal(pic_in(MASTER + DATA), 0xfe);
    pic_set(0, true);
    pic_expect_vector(0x60);
    assert_int_equal(pic_isr(MASTER), 0x01);
    pic_out(MASTER, 0x12); /* single, no ICW4 */
    pic_out(MASTER + DATA, 0x70);
    pic_out(MASTER + DATA, 0xfb);
    assert_int_equal(pic_in(MASTER + DATA), 0xfb);
    pic_set(8, true); /* nobody asks the slave for its vector */
    pic_expect_vector(0x72);
    assert_int_equal(pic_isr(SLAVE), 0);
    pic_out(MASTER, 0x13); /* single, ICW4 */
    pic_out(MASTER + DATA, 0x78);
    pic_out(MASTER + DATA, ICW4_AUTO_EOI);
    pic_out(MASTER + DATA, 0xf7);
    assert_int_equal(pic_in(MASTER + DATA), 0xf7);
}

static void elcr_leaves_out_what_is_always_an_edge(void **state)
{
    (void)state;
    pic_ops.write(&pic, ELCR, 2, 0xffff);
    assert_int_equal(pic_in(ELCR), 0xf8);
    assert_int_equal(pic_in(ELCR + 1), 0xde);
    assert_int_equal(pic_ops.read(&pic, ELCR, 2), 0xdef8);
}

static void elcr_changes_lines_that_are_up(void **state)
{
    (void)state;
    pic_set(4, true);
    pic_expect_vector(0x34);
    pic_out(MASTER, EOI);
    pic_expect_quiet();
    pic_out(ELCR, 0x10);
    pic_expect_vector(0x34);
    pic_out(MASTER, EOI);
    pic_set(4, false);
    pic_expect_quiet();
}

static void a_word_is_two_bytes(void **state)
{
    (void)state;
    pic_set(6, true);
    pic_ops.write(&pic, MASTER, 2, 0xaa00 | READ_IRR);
    assert_int_equal(pic_ops.read(&pic, MASTER, 2), 0xaa40);
    assert_int_equal(pic_in(MASTER + DATA), 0xaa);
}

static void reset_keeps_lines_and_wiring(void **state)
{
    (void)state;
    pic_set(4, true);
    pic_set(10, true);
    pic_out(ELCR, 0);
    pic_ops.reset(&pic);
    pic_expect_quiet();
    assert_int_equal(pic_in(ELCR), 0x20);
    assert_int_equal(pic_in(MASTER + DATA), 0xff);
    pic_program_both(ICW4, ICW4);
    pic_expect_vector(0x3a); /* the level; the edge was before */
    pic_set(10, false);
    pic_out(SLAVE, EOI);
    pic_out(MASTER, EOI);
    pic_expect_quiet();
}

/* arch/x86/kernel/i8259.c: probe_8259A(), init_8259A(), mask_and_ack_8259A(). */
static void linux_finds_and_uses_it(void **state)
{
    (void)state;
    pic_out(SLAVE + DATA, 0xff);
    pic_out(MASTER + DATA, 0xfb);
    assert_int_equal(pic_in(MASTER + DATA), 0xfb);
    pic_out(MASTER + DATA, 0xff);
    pic_program_both(ICW4, ICW4);
    pic_out(MASTER + DATA, 0xfa);
    pic_out(SLAVE + DATA, 0xef);
    pic_set(12, true);
    pic_set(0, true);
    pic_expect_vector(0x30);
    pic_out(MASTER + DATA, 0xfb);
    pic_out(MASTER, EOI_OF | 0);
    pic_expect_vector(0x3c);
    (void)pic_in(SLAVE + DATA);
    pic_out(SLAVE + DATA, 0xff);
    pic_out(SLAVE, EOI_OF | 4);
    pic_out(MASTER, EOI_OF | 2);
    pic_expect_quiet();
    assert_int_equal(pic_isr(MASTER) | pic_isr(SLAVE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_is_masked_before_it_is_programmed, pic_fresh),
        cmocka_unit_test_setup(nobody_has_to_listen, pic_fresh),
        cmocka_unit_test_setup(a_slave_that_asks_is_heard_after_the_masters_programming, pic_fresh),
        cmocka_unit_test_setup(polling_takes_an_interrupt, pic_fresh),
        cmocka_unit_test_setup(the_register_to_read_stays_chosen, pic_fresh),
        cmocka_unit_test_setup(programming_clears_the_state, pic_fresh),
        cmocka_unit_test_setup(levels_survive_programming, pic_fresh),
        cmocka_unit_test_setup(fewer_words_program_too, pic_fresh),
        cmocka_unit_test_setup(elcr_leaves_out_what_is_always_an_edge, pic_fresh),
        cmocka_unit_test_setup(elcr_changes_lines_that_are_up, pic_fresh),
        cmocka_unit_test_setup(a_word_is_two_bytes, pic_fresh),
        cmocka_unit_test_setup(reset_keeps_lines_and_wiring, pic_fresh),
        cmocka_unit_test_setup(linux_finds_and_uses_it, pic_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
