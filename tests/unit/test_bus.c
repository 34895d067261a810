/* SPDX-License-Identifier: MIT */
/* sources: root/devices/bus.c */
#include "root/devices/bus.h"

#include "tests/unit/cmocka_tests.h"

struct recorder {
    uint64_t offset, value, deadline, advanced;
    uint32_t size, reads, writes, deadlines, advances, resets;
    uint64_t answer;
};

static uint64_t rec_read(void *device, uint64_t offset, uint32_t size)
{
    struct recorder *d = device;
    d->offset = offset;
    d->size = size;
    d->reads++;
    return d->answer;
}

static void rec_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct recorder *d = device;
    d->offset = offset;
    d->size = size;
    d->value = value;
    d->writes++;
}

static uint64_t rec_deadline(const void *device)
{
    union {
        const void *is_const;
        struct recorder *d;
    } u = {device};
    u.d->deadlines++;
    return u.d->deadline;
}

static void rec_advance(void *device, uint64_t now)
{
    struct recorder *d = device;
    d->advanced = now;
    d->advances++;
}

static void rec_reset(void *device)
{
    struct recorder *d = device;
    d->resets++;
}

static const struct device_ops plain_ops = {.read = rec_read, .write = rec_write};
static const struct device_ops timed_ops = {
    .read = rec_read, .write = rec_write, .deadline = rec_deadline, .advance = rec_advance, .reset = rec_reset};

struct told {
    uint32_t times, size;
    uint64_t address, value;
    bool write;
};

static void note_unknown(void *context, uint64_t address, uint32_t size, bool write, uint64_t value)
{
    struct told *t = context;
    *t = (struct told){t->times + 1, size, address, value, write};
}

static void test_regions_do_not_overlap(void **state)
{
    (void)state;
    struct bus bus = {0};
    struct recorder d = {0};
    assert_true(bus_add(&bus, 0x100, 0x10, 0, &d, &plain_ops));
    assert_false(bus_add(&bus, 0x100, 0x10, 0, &d, &plain_ops));
    assert_false(bus_add(&bus, 0xf8, 9, 0, &d, &plain_ops));
    assert_false(bus_add(&bus, 0x10f, 1, 0, &d, &plain_ops));
    assert_false(bus_add(&bus, 0, UINT64_MAX, 0, &d, &plain_ops));
    assert_false(bus_add(&bus, 0x200, 0, 0, &d, &plain_ops));
    assert_false(bus_add(&bus, UINT64_MAX, 2, 0, &d, &plain_ops));
    assert_true(bus_add(&bus, 0xf8, 8, 0, &d, &plain_ops));
    assert_true(bus_add(&bus, 0x110, 1, 0, &d, &plain_ops));
    assert_true(bus_add(&bus, UINT64_MAX, 1, 0, &d, &plain_ops));
    assert_int_equal(bus.count, 4);
}

static void test_no_more_regions_than_fit(void **state)
{
    (void)state;
    struct bus bus = {0};
    struct recorder d = {0};
    for (uint32_t i = 0; i < BUS_MAX_REGIONS; i++) {
        assert_true(bus_add(&bus, i, 1, 0, &d, &plain_ops));
    }
    assert_false(bus_add(&bus, 0x1000, 1, 0, &d, &plain_ops));
}

static void test_values_are_cut_to_the_size(void **state)
{
    (void)state;
    struct bus bus = {0};
    struct recorder d = {.answer = 0x1122334455667788};
    assert_true(bus_add(&bus, 0x100, 0x10, 0x20, &d, &plain_ops));
    assert_int_equal(bus_read(&bus, 0x104, 1), 0x88);
    assert_int_equal(d.offset, 0x24);
    assert_int_equal(d.size, 1);
    assert_int_equal(bus_read(&bus, 0x104, 2), 0x7788);
    assert_int_equal(bus_read(&bus, 0x104, 4), 0x55667788);
    assert_int_equal(bus_read(&bus, 0x108, 8), 0x1122334455667788);
    bus_write(&bus, 0x10f, 1, 0xabcd);
    assert_int_equal(d.value, 0xcd);
    assert_int_equal(d.offset, 0x2f);
    bus_write(&bus, 0x100, 8, UINT64_MAX);
    assert_true(d.value == UINT64_MAX);
}

static void test_nothing_answers_once(void **state)
{
    (void)state;
    struct told told = {0};
    struct bus bus = {.unknown = note_unknown, .context = &told};
    assert_int_equal(bus_read(&bus, 0x80, 1), 0xff);
    assert_int_equal(bus_read(&bus, 0x80, 2), 0xffff);
    bus_write(&bus, 0x80, 4, 0);
    assert_int_equal(told.times, 1);
    assert_false(told.write);
    bus_write(&bus, 0x84, 4, 0x123456789a);
    assert_int_equal(told.times, 2);
    assert_true(told.write);
    assert_int_equal(told.address, 0x84);
    assert_int_equal(told.size, 4);
    assert_int_equal(told.value, 0x3456789a);
    for (uint32_t i = 0; i < 2 * BUS_UNKNOWN_SEEN; i++) {
        assert_true(bus_read(&bus, 0x1000 + i, 8) == UINT64_MAX);
    }
    assert_int_equal(told.times, BUS_UNKNOWN_SEEN);
    for (uint32_t i = 0; i < 2 * BUS_UNKNOWN_SEEN; i++) {
        bus_write(&bus, 0x1000 + i, 1, 0);
    }
    assert_int_equal(told.times, BUS_UNKNOWN_SEEN);
    struct bus silent = {0};
    assert_int_equal(bus_read(&silent, 0, 4), 0xffffffff);
}

/* Regions that came in no order of their addresses: each access finds its own, and between them nothing answers. */
static void test_every_region_is_found(void **state)
{
    (void)state;
    struct bus bus = {0};
    struct recorder devices[BUS_MAX_REGIONS] = {0};
    for (uint32_t i = 0; i < BUS_MAX_REGIONS; i++) {
        uint32_t place = i * 7 % BUS_MAX_REGIONS; /* 7 and BUS_MAX_REGIONS have no common divisor */
        devices[place].answer = place;
        assert_true(bus_add(&bus, 0x100 + 8ull * place, 4, 0, &devices[place], &plain_ops));
    }
    for (uint32_t i = 0; i < BUS_MAX_REGIONS; i++) {
        uint32_t place = i * 11 % BUS_MAX_REGIONS;
        assert_int_equal(bus_read(&bus, 0x100 + 8ull * place + 3, 1), place);
        assert_int_equal(devices[place].offset, 3);
        assert_int_equal(bus_read(&bus, 0x100 + 8ull * place + 4, 1), 0xff);
    }
    assert_int_equal(bus_read(&bus, 0xff, 1), 0xff);
}

static void test_access_over_an_end_is_made_of_bytes(void **state)
{
    (void)state;
    struct told told = {0};
    struct bus bus = {.unknown = note_unknown, .context = &told};
    struct recorder a = {.answer = 0xaa}, b = {.answer = 0xbb};
    assert_true(bus_add(&bus, 0x60, 1, 0, &a, &plain_ops));
    assert_true(bus_add(&bus, 0x61, 1, 0x21, &b, &plain_ops));
    assert_int_equal(bus_read(&bus, 0x60, 4), 0xffffbbaa);
    assert_int_equal(a.size, 1);
    assert_int_equal(b.offset, 0x21);
    assert_int_equal(told.times, 2);
    assert_int_equal(told.address, 0x63);
    bus_write(&bus, 0x5f, 4, 0x44332211);
    assert_int_equal(a.value, 0x22);
    assert_int_equal(b.value, 0x33);
    assert_int_equal(a.writes, 1);
    assert_int_equal(told.times, 3);
    assert_int_equal(bus_read(&bus, UINT64_MAX, 8) >> 56, 0xff); /* goes on at 0, where nothing is */
}

static void test_each_device_is_asked_once(void **state)
{
    (void)state;
    struct bus bus = {0};
    struct recorder a = {.deadline = 500}, b = {.deadline = 300}, c = {0};
    assert_int_equal(bus_deadline(&bus), DEVICE_NEVER);
    assert_true(bus_add(&bus, 0x40, 4, 0, &a, &timed_ops) && bus_add(&bus, 0x70, 2, 0, &b, &timed_ops) &&
                bus_add(&bus, 0x61, 1, 0x21, &a, &timed_ops) && bus_add(&bus, 0x80, 1, 0, &c, &plain_ops));
    assert_int_equal(bus_deadline(&bus), 300);
    assert_int_equal(a.deadlines, 1);
    bus_advance(&bus, 400);
    assert_int_equal(a.advances, 1);
    assert_int_equal(b.advances, 1);
    assert_int_equal(a.advanced, 400);
    bus_reset(&bus);
    assert_int_equal(a.resets, 1);
    assert_int_equal(b.resets, 1);
    a.deadline = b.deadline = DEVICE_NEVER;
    assert_int_equal(bus_deadline(&bus), DEVICE_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions_do_not_overlap),     cmocka_unit_test(test_no_more_regions_than_fit),
        cmocka_unit_test(test_values_are_cut_to_the_size), cmocka_unit_test(test_nothing_answers_once),
        cmocka_unit_test(test_every_region_is_found),      cmocka_unit_test(test_access_over_an_end_is_made_of_bytes),
        cmocka_unit_test(test_each_device_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
