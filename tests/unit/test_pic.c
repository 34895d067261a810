/* SPDX-License-Identifier: MIT */
/* sources: root/devices/pic.c tests/unit/pic_pair.c */
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/pic_pair.h"

static void an_edge_comes_once(void **state)
{
    (void)state;
    pic_set(4, true);
    assert_true(pic_has_interrupt(&pic));
    assert_int_equal(pic_changes, 1);
    assert_int_equal(pic_irr(MASTER), 0x10);
    pic_expect_vector(0x34);
    assert_int_equal(pic_irr(MASTER), 0);
    assert_int_equal(pic_isr(MASTER), 0x10);
    pic_out(MASTER, EOI);
    assert_int_equal(pic_isr(MASTER), 0);
    pic_set(4, true); /* the level that it has */
    pic_expect_quiet();
    pic_set(4, false);
    pic_set(4, true);
    pic_expect_vector(0x34);
    assert_int_equal(pic_changes, 4);
}

static void an_edge_in_service_waits_for_its_end(void **state)
{
    (void)state;
    pic_set(4, true);
    pic_expect_vector(0x34);
    pic_set(4, false);
    pic_set(4, true);
    pic_expect_quiet();
    assert_int_equal(pic_irr(MASTER), 0x10);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x34);
}

static void a_level_comes_until_it_falls(void **state)
{
    (void)state;
    pic_set(5, true);
    pic_expect_vector(0x35);
    assert_int_equal(pic_irr(MASTER), 0x20);
    pic_expect_quiet();
    pic_out(MASTER, EOI);
    pic_expect_vector(0x35);
    pic_set(5, false);
    assert_int_equal(pic_irr(MASTER), 0);
    pic_out(MASTER, EOI);
    pic_expect_quiet();
}

static void masks_hold_back_and_keep(void **state)
{
    (void)state;
    pic_out(MASTER + DATA, 0x10);
    assert_int_equal(pic_in(MASTER + DATA), 0x10);
    pic_set(4, true);
    pic_expect_quiet();
    assert_int_equal(pic_irr(MASTER), 0x10);
    pic_out(MASTER + DATA, 0);
    pic_expect_vector(0x34);
}

static void a_request_that_goes_away_is_spurious(void **state)
{
    (void)state;
    pic_set(3, true);
    assert_true(pic_intr);
    pic_set(3, false);
    pic_expect_quiet();
    assert_int_equal(pic_acknowledge(&pic), 0x37); /* the CPU had seen INTR */
    assert_int_equal(pic_isr(MASTER), 0);
    pic_set(12, true);
    pic_set(12, false);
    pic_expect_quiet();
    assert_int_equal(pic_acknowledge(&pic), 0x37);
    assert_int_equal(pic_isr(MASTER), 0);
}

static void higher_priorities_nest_and_lower_wait(void **state)
{
    (void)state;
    pic_set(4, true);
    pic_expect_vector(0x34);
    pic_set(6, true);
    pic_expect_quiet();
    pic_set(1, true);
    pic_expect_vector(0x31);
    assert_int_equal(pic_isr(MASTER), 0x12);
    pic_out(MASTER, EOI); /* of the highest */
    assert_int_equal(pic_isr(MASTER), 0x10);
    pic_expect_quiet();
    pic_out(MASTER, EOI_OF | 4);
    pic_expect_vector(0x36);
    pic_out(MASTER, EOI_OF | 3); /* not in service */
    assert_int_equal(pic_isr(MASTER), 0x40);
    pic_out(MASTER, EOI);
    pic_out(MASTER, EOI); /* nothing is */
    assert_int_equal(pic_isr(MASTER), 0);
}

static void ties_go_by_number(void **state)
{
    (void)state;
    pic_set(7, true);
    pic_set(0, true);
    pic_set(14, true);
    pic_set(8, true);
    pic_expect_vector(0x30);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x38);
    pic_out(SLAVE, EOI);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x3e);
    pic_out(SLAVE, EOI);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x37);
}

static void eoi_rotates(void **state)
{
    (void)state;
    pic_set(3, true);
    pic_expect_vector(0x33);
    pic_set(4, true);
    pic_set(0, true);
    pic_out(MASTER, ROTATE_EOI); /* 3 is lowest: 4 is highest */
    pic_expect_vector(0x34);
    pic_expect_quiet();
    pic_out(MASTER, ROTATE_EOI_OF | 4);
    pic_expect_vector(0x30);
    pic_out(MASTER, ROTATE_EOI); /* 0 is lowest */
    pic_out(MASTER, ROTATE_EOI); /* nothing in service: stays so */
    pic_set(0, false);
    pic_set(0, true);
    pic_set(7, true);
    pic_expect_vector(0x37);
}

static void priorities_are_set(void **state)
{
    (void)state;
    pic_out(MASTER, SET_LOWEST | 5);
    pic_set(5, true);
    pic_set(0, true);
    pic_set(6, true);
    pic_expect_vector(0x36);
    pic_out(MASTER, 0x40 | 6); /* no operation */
    assert_int_equal(pic_isr(MASTER), 0x40);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x30);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x35);
}

static void automatic_eoi_keeps_nothing_in_service(void **state)
{
    (void)state;
    pic_program(MASTER, 0x30, 0x04, ICW4_AUTO_EOI);
    pic_set(6, true);
    pic_set(1, true);
    pic_expect_vector(0x31);
    assert_int_equal(pic_isr(MASTER), 0);
    pic_expect_vector(0x36);
    pic_expect_quiet();
    pic_set(5, true); /* level: at once again */
    pic_expect_vector(0x35);
    pic_expect_vector(0x35);
    pic_set(5, false);
    pic_expect_quiet();
}

static void automatic_eoi_rotates(void **state)
{
    (void)state;
    pic_program(MASTER, 0x30, 0x04, ICW4_AUTO_EOI);
    pic_out(MASTER, ROTATE_AUTO);
    pic_set(1, true);
    pic_expect_vector(0x31);
    pic_set(0, true);
    pic_set(4, true);
    pic_expect_vector(0x34); /* 1 is lowest: 2 is highest */
    pic_expect_vector(0x30);
    pic_out(MASTER, ROTATE_AUTO_OFF);
    pic_set(7, true);
    pic_expect_vector(0x37);
    pic_set(1, false);
    pic_set(1, true);
    pic_set(7, false);
    pic_set(7, true);
    pic_expect_vector(0x31); /* 0 is lowest still */
}

static void the_slave_comes_through_the_master(void **state)
{
    (void)state;
    pic_set(12, true);
    assert_int_equal(pic_irr(MASTER), 0x04);
    assert_int_equal(pic_irr(SLAVE), 0x10);
    pic_expect_vector(0x3c);
    assert_int_equal(pic_irr(MASTER), 0);
    assert_int_equal(pic_isr(MASTER), 0x04);
    assert_int_equal(pic_isr(SLAVE), 0x10);
    pic_set(8, true); /* higher in the slave, but its pin is in service at the master */
    assert_int_equal(pic_irr(MASTER), 0x04);
    pic_expect_quiet();
    pic_out(MASTER, EOI);
    pic_expect_vector(0x38);
    pic_out(SLAVE, EOI);
    pic_out(SLAVE, EOI);
    pic_out(MASTER, EOI);
    assert_int_equal(pic_isr(SLAVE), 0);
    pic_expect_quiet();
}

static void line_2_is_the_cascade(void **state)
{
    (void)state;
    pic_set(2, true);
    pic_set(16, true);
    pic_set(UINT32_MAX, true);
    assert_int_equal(pic_irr(MASTER), 0);
    pic_expect_quiet();
    assert_int_equal(pic_changes, 0);
}

static void a_masked_cascade_holds_the_slave_back(void **state)
{
    (void)state;
    pic_out(MASTER + DATA, 0x04);
    pic_set(14, true);
    pic_expect_quiet();
    pic_out(MASTER + DATA, 0);
    pic_expect_vector(0x3e);
}

/* INT of such a slave is up again after each INTA: no edge that the master could miss. */
static void a_slave_with_automatic_eoi_gives_all_it_has(void **state)
{
    (void)state;
    pic_program(SLAVE, 0x38, 0x02, ICW4_AUTO_EOI);
    pic_set(12, true);
    pic_set(14, true);
    pic_set(10, true);
    pic_expect_vector(0x3a);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x3a); /* level */
    pic_set(10, false);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x3c);
    pic_out(MASTER, EOI);
    pic_expect_vector(0x3e);
    pic_out(MASTER, EOI);
    pic_expect_quiet();
}

static void the_special_fully_nested_mode_lets_the_slave_nest(void **state)
{
    (void)state;
    pic_program(MASTER, 0x30, 0x04, ICW4_NESTED);
    pic_set(12, true);
    pic_expect_vector(0x3c);
    pic_set(3, true); /* below the slave */
    pic_expect_quiet();
    pic_set(8, true);
    pic_expect_vector(0x38);
    assert_int_equal(pic_isr(SLAVE), 0x11);
    pic_set(0, true);
    pic_expect_vector(0x30);
    pic_out(MASTER, EOI);
    pic_out(SLAVE, EOI);
    pic_out(SLAVE, EOI);
    pic_expect_quiet();
    pic_out(MASTER, EOI);
    pic_expect_vector(0x33);
}

static void the_special_mask_mode_lets_lower_ones_in(void **state)
{
    (void)state;
    pic_set(1, true);
    pic_expect_vector(0x31);
    pic_set(6, true);
    pic_out(MASTER + DATA, 0x02);
    pic_expect_quiet();
    pic_out(MASTER, SPECIAL_MASK);
    pic_expect_vector(0x36);
    pic_out(MASTER, EOI); /* not of the masked one */
    assert_int_equal(pic_isr(MASTER), 0x02);
    pic_out(MASTER, EOI);
    assert_int_equal(pic_isr(MASTER), 0x02);
    pic_out(MASTER, 0x28); /* no change of the mode */
    pic_set(7, true);
    pic_expect_vector(0x37);
    pic_out(MASTER, EOI);
    pic_out(MASTER, SPECIAL_MASK_OFF);
    pic_set(5, true);
    pic_expect_quiet();
    pic_out(MASTER, EOI);
    pic_expect_vector(0x35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_edge_comes_once, pic_fresh),
        cmocka_unit_test_setup(an_edge_in_service_waits_for_its_end, pic_fresh),
        cmocka_unit_test_setup(a_level_comes_until_it_falls, pic_fresh),
        cmocka_unit_test_setup(masks_hold_back_and_keep, pic_fresh),
        cmocka_unit_test_setup(a_request_that_goes_away_is_spurious, pic_fresh),
        cmocka_unit_test_setup(higher_priorities_nest_and_lower_wait, pic_fresh),
        cmocka_unit_test_setup(ties_go_by_number, pic_fresh),
        cmocka_unit_test_setup(eoi_rotates, pic_fresh),
        cmocka_unit_test_setup(priorities_are_set, pic_fresh),
        cmocka_unit_test_setup(automatic_eoi_keeps_nothing_in_service, pic_fresh),
        cmocka_unit_test_setup(automatic_eoi_rotates, pic_fresh),
        cmocka_unit_test_setup(the_slave_comes_through_the_master, pic_fresh),
        cmocka_unit_test_setup(line_2_is_the_cascade, pic_fresh),
        cmocka_unit_test_setup(a_masked_cascade_holds_the_slave_back, pic_fresh),
        cmocka_unit_test_setup(a_slave_with_automatic_eoi_gives_all_it_has, pic_fresh),
        cmocka_unit_test_setup(the_special_fully_nested_mode_lets_the_slave_nest, pic_fresh),
        cmocka_unit_test_setup(the_special_mask_mode_lets_lower_ones_in, pic_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
