/* SPDX-License-Identifier: MIT */
#include "tests/unit/pic_pair.h"

#include "tests/unit/cmocka_tests.h"

struct pic pic;
uint32_t pic_changes;
bool pic_intr;

void pic_on_output(void *context, bool level)
{
    assert_ptr_equal(context, &pic);
    assert_int_not_equal(level, pic_intr);
    pic_intr = level;
    pic_changes++;
}

uint8_t pic_in(uint64_t port)
{
    return (uint8_t)pic_ops.read(&pic, port, 1);
}

void pic_out(uint64_t port, uint8_t value)
{
    pic_ops.write(&pic, port, 1, value);
}

uint8_t pic_irr(uint64_t chip)
{
    pic_out(chip, READ_IRR);
    return pic_in(chip);
}

uint8_t pic_isr(uint64_t chip)
{
    pic_out(chip, READ_ISR);
    return pic_in(chip);
}

void pic_program(uint64_t chip, uint8_t base, uint8_t wiring, uint8_t icw4)
{
    pic_out(chip, ICW1);
    pic_out(chip + DATA, base);
    pic_out(chip + DATA, wiring);
    pic_out(chip + DATA, icw4);
}

void pic_program_both(uint8_t master_icw4, uint8_t slave_icw4)
{
    pic_program(MASTER, 0x30, 0x04, master_icw4);
    pic_program(SLAVE, 0x38, 0x02, slave_icw4);
}

int pic_fresh(void **state)
{
    (void)state;
    pic_intr = false;
    pic_init(&pic, LEVEL_LINES, pic_on_output, &pic);
    pic_program_both(ICW4, ICW4);
    pic_changes = 0;
    return 0;
}

void pic_set(uint32_t line, bool level)
{
    pic_set_irq(&pic, line, level);
}

void pic_expect_vector(uint8_t vector)
{
    assert_true(pic_intr);
    assert_int_equal(pic_acknowledge(&pic), vector);
}

void pic_expect_quiet(void)
{
    assert_false(pic_intr);
    assert_false(pic_has_interrupt(&pic));
}
