/* SPDX-License-Identifier: MIT */
/* sources: root/devices/keyboard.c */
#include <string.h>

#include "root/devices/keyboard.h"
#include "tests/unit/cmocka_tests.h"

enum { DATA = 0, COMMAND = 4, STATUS = COMMAND };
enum { FULL = 0x01, SYSTEM = 0x04, WAS_COMMAND = 0x08, UNLOCKED = 0x10, AUX = 0x20, TIMEOUT = 0x40 };
enum { READ_CONFIG = 0x20, WRITE_CONFIG = 0x60, CONFIG_IRQ = 0x01, KEYBOARD_OFF = 0x10, AUX_OFF = 0x20 };

#define IDLE (SYSTEM | UNLOCKED)

static struct keyboard keyboard;
static bool line;
static uint32_t rises, resets;

static void on_line(void *context, uint32_t number, bool level)
{
    assert_ptr_equal(context, &line);
    assert_int_equal(number, 1);
    rises += level && !line;
    line = level;
}

static void on_reset(void *context)
{
    assert_ptr_equal(context, &resets);
    resets++;
}

static int fresh(void **state)
{
    const struct irq_line irq = {on_line, &line, 1};
    (void)state;
    line = false;
    memset(&keyboard, 0xff, sizeof(keyboard));
    keyboard_init(&keyboard, &irq, on_reset, &resets);
    rises = resets = 0;
    return 0;
}

static uint8_t in(uint64_t offset)
{
    return (uint8_t)keyboard_ops.read(&keyboard, offset, 1);
}

static void out(uint64_t offset, uint8_t value)
{
    keyboard_ops.write(&keyboard, offset, 1, value);
}

static void expect_idle(void)
{
    assert_int_equal(in(STATUS) & ~WAS_COMMAND, IDLE);
}

static void expect_byte(uint8_t value)
{
    assert_int_equal(in(STATUS) & (FULL | AUX | TIMEOUT), FULL);
    assert_int_equal(in(DATA), value);
}

/* The only answer to a command to the controller. */
static void expect_answer(uint8_t command, uint8_t value)
{
    out(COMMAND, command);
    expect_byte(value);
    expect_idle();
}

static void write_config(uint8_t value)
{
    out(COMMAND, WRITE_CONFIG);
    out(DATA, value);
}

/* The keyboard's answers to `byte`, of which there are `count`. */
static void expect_keys(uint8_t byte, const char *answers, size_t count)
{
    out(DATA, byte);
    for (size_t i = 0; i < count; i++) {
        expect_byte((uint8_t)answers[i]);
    }
    expect_idle();
}

static void after_reset_it_is_quiet(void **state)
{
    (void)state;
    assert_int_equal(in(STATUS), IDLE);
    assert_int_equal(in(DATA), 0);
    assert_int_equal(in(STATUS), IDLE);
    expect_answer(READ_CONFIG, 0x64);
    assert_int_equal(rises, 0);
}

static void the_status_tells_which_port_was_written(void **state)
{
    (void)state;
    out(COMMAND, 0xae);
    assert_int_equal(in(STATUS), IDLE | WAS_COMMAND);
    out(COMMAND, WRITE_CONFIG);
    assert_int_equal(in(STATUS), IDLE | WAS_COMMAND);
    out(DATA, SYSTEM);
    assert_int_equal(in(STATUS), IDLE);
}

static void self_tests_are_good(void **state)
{
    (void)state;
    write_config(0);
    assert_int_equal(in(STATUS), UNLOCKED);
    out(COMMAND, 0xaa);
    assert_int_equal(in(STATUS), FULL | SYSTEM | WAS_COMMAND | UNLOCKED);
    assert_int_equal(in(DATA), 0x55);
    expect_answer(0xab, 0x00);
    expect_answer(READ_CONFIG, AUX_OFF | SYSTEM);
}

static void the_configuration_is_kept(void **state)
{
    (void)state;
    write_config(0x45);
    expect_answer(READ_CONFIG, 0x45 | AUX_OFF);
    assert_int_equal(in(DATA), 0x65);
    write_config(0x74);
    assert_false(line);
    expect_answer(READ_CONFIG, 0x74);
}

static void the_keyboard_is_switched_off_and_on(void **state)
{
    (void)state;
    write_config(SYSTEM);
    out(COMMAND, 0xad);
    expect_answer(READ_CONFIG, SYSTEM | AUX_OFF | KEYBOARD_OFF);
    out(COMMAND, 0xae);
    expect_answer(READ_CONFIG, SYSTEM | AUX_OFF);
    out(COMMAND, 0xad);
    expect_keys(0xf4, "\xfa", 1); /* a byte to the keyboard switches it on */
    expect_answer(READ_CONFIG, SYSTEM | AUX_OFF);
}

static void there_is_no_mouse(void **state)
{
    (void)state;
    expect_answer(0xa9, 0x02);
    out(COMMAND, 0xa8);
    expect_answer(READ_CONFIG, 0x64);
    out(COMMAND, 0xa7);
    expect_answer(READ_CONFIG, 0x64);
    write_config(0x47);
    static const uint8_t commands[] = {0xd3, 0xd4};
    for (size_t i = 0; i < 2; i++) {
        out(COMMAND, commands[i]);
        out(DATA, 0x5a);
        assert_int_equal(in(STATUS), FULL | AUX | TIMEOUT | IDLE);
        assert_int_equal(in(DATA), 0xfe);
        expect_idle();
    }
    assert_int_equal(rises, 0);
}

/* drivers/input/serio/i8042.c: i8042_controller_init(), i8042_controller_selftest(), i8042_check_aux(). */
static void linux_sees_it_at_once(void **state)
{
    (void)state;
    assert_int_equal(in(STATUS)&FULL, 0);
    expect_answer(READ_CONFIG, 0x64);
    write_config(0x74);
    expect_answer(0xaa, 0x55);
    out(COMMAND, 0xd3);
    out(DATA, 0x5a);
    assert_int_equal(in(STATUS) & (FULL | AUX), FULL | AUX);
    assert_int_not_equal(in(DATA), 0x5a);
    expect_answer(0xa9, 0x02);
    write_config(0x65);
    expect_keys(0xf2, "\xfa\xab\x41", 3);
    expect_keys(0xed, "\xfa", 1);
    expect_keys(0x00, "\xfa", 1);
    expect_keys(0xf3, "\xfa", 1);
    expect_keys(0x00, "\xfa", 1);
    expect_keys(0xf4, "\xfa", 1);
}

static void the_keyboard_answers(void **state)
{
    (void)state;
    expect_keys(0xff, "\xfa\xaa", 2);
    expect_keys(0xee, "\xee", 1);
    expect_keys(0xf4, "\xfa", 1);
    expect_keys(0xf5, "\xfa", 1);
    expect_keys(0xf6, "\xfa", 1);
    expect_keys(0x55, "\xfe", 1);
    expect_keys(0xec, "\xfe", 1);
    expect_keys(0xf0, "\xfa", 1);
    expect_keys(0x02, "\xfa", 1);
    expect_keys(0xf0, "\xfa", 1);
    expect_keys(0x00, "\xfa\x41", 2);
    write_config(SYSTEM); /* without translation */
    expect_keys(0xf0, "\xfa", 1);
    expect_keys(0x00, "\xfa\x02", 2);
    expect_keys(0xf2, "\xfa\xab\x83", 3);
    expect_keys(0xfe, "\x83", 1); /* once more */
}

static void a_command_takes_the_place_of_data(void **state)
{
    (void)state;
    expect_keys(0xed, "\xfa", 1);
    expect_keys(0xff, "\xfa\xaa", 2);
    expect_keys(0x07, "\xfe", 1); /* no data any more */
}

static void a_command_to_the_controller_ends_another(void **state)
{
    (void)state;
    out(COMMAND, WRITE_CONFIG);
    out(COMMAND, 0xae);
    expect_keys(0xee, "\xee", 1);
    expect_answer(READ_CONFIG, 0x64);
}

static void each_byte_is_an_edge(void **state)
{
    (void)state;
    write_config(0x41);
    out(DATA, 0xf2);
    assert_true(line);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(rises, i);
        assert_true(line);
        (void)in(DATA);
    }
    assert_false(line);
    (void)in(DATA);
    assert_int_equal(rises, 3);
}

static void the_configuration_gates_the_interrupt(void **state)
{
    (void)state;
    write_config(0x40);
    out(DATA, 0xee);
    assert_false(line);
    write_config(0x41);
    assert_true(line);
    write_config(0x40);
    assert_false(line);
    expect_byte(0xee);
}

static void a_byte_as_if_from_the_keyboard(void **state)
{
    (void)state;
    write_config(0x45);
    out(COMMAND, 0xd2);
    out(DATA, 0x1c);
    assert_true(line);
    expect_byte(0x1c);
    expect_idle();
}

static void output_and_input_port(void **state)
{
    (void)state;
    expect_answer(0xd0, 0x03);
    out(COMMAND, 0xd1);
    out(DATA, 0xfd); /* A20 stays open */
    expect_answer(0xd0, 0xcf);
    out(DATA, 0xee);
    out(COMMAND, 0xd0);
    expect_byte(0xee);
    expect_byte(0xdf); /* as it was when it was asked for */
    out(COMMAND, 0xd4);
    out(DATA, 0xff);
    out(COMMAND, 0xd0);
    (void)in(DATA);
    expect_byte(0xef);
    expect_answer(0xc0, 0x80);
    assert_int_equal(resets, 0);
}

static void some_writes_reset_the_machine(void **state)
{
    (void)state;
    out(COMMAND, 0xfe);
    assert_int_equal(resets, 1);
    out(COMMAND, 0xf0);
    assert_int_equal(resets, 2);
    out(COMMAND, 0xff); /* pulses nothing */
    out(COMMAND, 0xf1);
    assert_int_equal(resets, 2);
    out(COMMAND, 0xd1);
    out(DATA, 0x02);
    assert_int_equal(resets, 3);
    out(COMMAND, 0xd1);
    out(DATA, 0x03);
    assert_int_equal(resets, 3);
    expect_idle();
}

static void what_nobody_reads_is_lost_at_last(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        out(DATA, 0xee);
        out(COMMAND, 0xaa);
    }
    for (uint32_t i = 0; i < KEYBOARD_QUEUE; i++) {
        expect_byte(i % 2 == 0 ? 0xee : 0x55);
    }
    expect_idle();
}

static void unknown_commands_are_nothing(void **state)
{
    (void)state;
    static const uint8_t commands[] = {0x00, 0x1f, 0xac, 0xdd, 0xdf, 0xe0, 0xef};
    for (size_t i = 0; i < sizeof(commands); i++) {
        out(COMMAND, commands[i]);
        expect_idle();
    }
    assert_int_equal(resets, 0);
}

static void reset_forgets(void **state)
{
    (void)state;
    write_config(0x41);
    out(DATA, 0xed);
    out(COMMAND, 0xd1);
    assert_true(line);
    keyboard_ops.reset(&keyboard);
    assert_false(line);
    assert_int_equal(in(STATUS), IDLE);
    expect_answer(READ_CONFIG, 0x64);
    expect_keys(0x02, "\xfe", 1);
    assert_int_equal(resets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(after_reset_it_is_quiet, fresh),
        cmocka_unit_test_setup(the_status_tells_which_port_was_written, fresh),
        cmocka_unit_test_setup(self_tests_are_good, fresh),
        cmocka_unit_test_setup(the_configuration_is_kept, fresh),
        cmocka_unit_test_setup(the_keyboard_is_switched_off_and_on, fresh),
        cmocka_unit_test_setup(there_is_no_mouse, fresh),
        cmocka_unit_test_setup(linux_sees_it_at_once, fresh),
        cmocka_unit_test_setup(the_keyboard_answers, fresh),
        cmocka_unit_test_setup(a_command_takes_the_place_of_data, fresh),
        cmocka_unit_test_setup(a_command_to_the_controller_ends_another, fresh),
        cmocka_unit_test_setup(each_byte_is_an_edge, fresh),
        cmocka_unit_test_setup(the_configuration_gates_the_interrupt, fresh),
        cmocka_unit_test_setup(a_byte_as_if_from_the_keyboard, fresh),
        cmocka_unit_test_setup(output_and_input_port, fresh),
        cmocka_unit_test_setup(some_writes_reset_the_machine, fresh),
        cmocka_unit_test_setup(what_nobody_reads_is_lost_at_last, fresh),
        cmocka_unit_test_setup(unknown_commands_are_nothing, fresh),
        cmocka_unit_test_setup(reset_forgets, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
