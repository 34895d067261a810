/* SPDX-License-Identifier: MIT */
/* sources: root/devices/pit.c root/devices/pit_channel.c */
#include "tests/unit/pit_bench.h"

/* Ten hours at 100 Hz, each tick at the first ns at which the clock is over. */
static void test_no_drift(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    const uint64_t count = 11932, hours = 10;
    program(b, 0, 2, (uint32_t)count);
    uint64_t ticks = hours * 3600 * PIT_HZ / count;
    for (uint64_t n = 1; n <= ticks; n++) {
        uint64_t due = ns_of(1 + n * count);
        assert_true(pit_ops.deadline(&b->pit) == due);
        b->now = due;
        pit_ops.advance(&b->pit, due);
        assert_int_equal(b->rises, n);
    }
    at_clock(b, 1 + ticks * count);
    assert_int_equal(count_of(b, 0), count);
    assert_true(b->now > (hours * 3600 - 1) * NS_PER_S && b->now <= hours * 3600 * NS_PER_S);
}

/* A machine that is late by up to 50 ms gives every tick, none too early, and with room between them. */
static void test_late_machine_loses_nothing(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    const uint64_t count = 1193;
    program(b, 0, 2, (uint32_t)count);
    uint64_t last = 0, lateness = 12345, stalls = 0;
    while (b->now < 600 * NS_PER_S) {
        uint64_t next = pit_ops.deadline(&b->pit);
        lateness = (lateness * 6364136223846793005ull + 1442695040888963407ull);
        bool stall = (lateness >> 32) % 512 == 0;
        stalls += stall;
        b->now = (next > b->now ? next : b->now) + (stall ? lateness >> 20 & 0x2ffffff : lateness >> 40 & 0xfff);
        uint32_t before = b->rises;
        pit_ops.advance(&b->pit, b->now);
        assert_true(b->rises <= before + 1);
        if (b->rises != before) {
            assert_true(b->now - last >= PIT_EDGE_GAP || last == 0);
            assert_true(b->now >= ns_of(1 + (uint64_t)b->rises * count));
            last = b->now;
        }
    }
    assert_true(stalls > 500);
    uint64_t until = b->now + NS_PER_S;
    run_to(b, until);
    assert_int_equal(b->rises, (until * PIT_HZ / NS_PER_S - 1) / count);
}

static void test_backlog_is_bounded(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 0, 3, 1193);
    b->now = 100 * NS_PER_S;
    pit_ops.advance(&b->pit, b->now);
    assert_int_equal(b->rises, 1);
    assert_true(pit_ops.deadline(&b->pit) == b->now + PIT_EDGE_GAP);
    pit_ops.advance(&b->pit, b->now + PIT_EDGE_GAP - 1);
    assert_int_equal(b->rises, 1);
    run_to(b, 102 * NS_PER_S);
    assert_in_range(b->rises, 3000, 3002); /* those of the last second, and of the two after */
}

/* What is owed is of no use to a guest that wants something else; but what was due before is given. */
static void test_new_control_word_forgets(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 0, 2, 1193);
    b->now = NS_PER_S / 2;
    out(b, 3, 0x34);
    assert_int_equal(b->rises, 1);
    assert_true(pit_ops.deadline(&b->pit) == DEVICE_NEVER);
    out(b, 0, 0);
    out(b, 0, 0x10);
    run_to(b, NS_PER_S);
    assert_in_range(b->rises, 1 + 144, 1 + 146);
}

/* A new count alone changes the rate; the backlog of the old one is still given. */
static void test_new_count_keeps_what_is_owed(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 0, 2, 1193);
    b->now = NS_PER_S / 10;
    out(b, 0, 0xff);
    out(b, 0, 0xff);
    run_to(b, NS_PER_S / 5);
    assert_in_range(b->rises, 101, 103);
}

static void test_short_periods_are_not_too_short(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 0, 2, 2); /* 596 kHz */
    run_to(b, NS_PER_S / 100);
    assert_in_range(b->rises, 900, 1001);
    program(b, 0, 2, 50); /* 24 kHz, which DOS programs play sound with */
    uint32_t before = b->rises;
    run_to(b, NS_PER_S / 100 + NS_PER_S);
    assert_in_range(b->rises - before, 23862, 23864);
}

/* A PIC whose interrupt 0 the guest takes when the test says so. */
struct taker {
    struct bench *b;
    uint32_t taken; /* of the rises */
    bool masked;
};

static enum pit_rise taker_last_rise(void *context)
{
    const struct taker *t = context;
    if (t->taken == t->b->rises) {
        return PIT_RISE_TAKEN;
    }
    return t->masked ? PIT_RISE_MASKED : PIT_RISE_WAITS;
}

/* Takes what comes until `until`, `service` after it came. */
static void take_to(struct taker *t, uint64_t until, uint64_t service)
{
    for (uint64_t next = 0; next <= until;) {
        if (t->taken != t->b->rises) {
            t->b->now += service;
            t->taken++;
            assert_int_equal(t->taken, t->b->rises);
        }
        next = pit_ops.deadline(&t->b->pit);
        if (next <= until) {
            run_to(t->b, next > t->b->now ? next : t->b->now);
        }
    }
    t->b->now = until;
}

static void test_guest_with_interrupts_off_loses_nothing(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    struct taker t = {.b = b};
    pit_set_last_rise(&b->pit, taker_last_rise, &t);
    program(b, 0, 2, 4773); /* 250 Hz */
    take_to(&t, NS_PER_S, 1000);
    assert_int_equal(b->rises, 249);
    run_to(b, NS_PER_S + NS_PER_S / 2); /* its interrupts are off */
    assert_int_equal(b->rises, 250);
    assert_true(pit_ops.deadline(&b->pit) == DEVICE_NEVER); /* nobody needs to wake up */
    uint64_t on = b->now;
    t.taken = b->rises;
    assert_in_range(pit_ops.deadline(&b->pit), NS_PER_S, on); /* at once */
    take_to(&t, on + 124 * 1000 + 124 * PIT_EDGE_GAP_MIN, 1000);
    assert_in_range(b->rises, 374, 375);
    take_to(&t, 60 * NS_PER_S, 1000);
    assert_int_equal(b->rises, (60ull * PIT_HZ - 1) / 4773);
}

/* A guest that waits for its first tick with a masked line gets no burst; one that masks it for a handler's time does.
 */
static void test_masked_line_forgets(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    struct taker t = {.b = b, .masked = true};
    pit_set_last_rise(&b->pit, taker_last_rise, &t);
    program(b, 0, 2, 11932);
    run_to(b, 5 * NS_PER_S);
    t.masked = false;
    uint32_t before = b->rises;
    t.taken = before;
    take_to(&t, 6 * NS_PER_S, 1000);
    assert_in_range(b->rises - before, 99, 101);

    b->now = 6 * NS_PER_S + NS_PER_S / 5; /* late by 20 ticks; each is masked for 100 us after it was taken */
    before = b->rises;
    for (uint32_t i = 0; i < 20; i++) {
        run_to(b, b->now);
        t.taken = b->rises;
        t.masked = true;
        run_to(b, b->now + 100000);
        t.masked = false;
    }
    assert_in_range(b->rises - before, 19, 21);
    assert_int_equal(b->pit.owed, 0);
}

static void test_masked_line_stays_forgotten(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    struct taker t = {.b = b};
    pit_set_last_rise(&b->pit, taker_last_rise, &t);
    program(b, 0, 2, 11932);
    run_to(b, NS_PER_S / 2);
    t.masked = true; /* with 49 owed, for good */
    run_to(b, 2 * NS_PER_S);
    assert_in_range(b->pit.owed, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_drift),
        cmocka_unit_test(test_late_machine_loses_nothing),
        cmocka_unit_test(test_backlog_is_bounded),
        cmocka_unit_test(test_new_control_word_forgets),
        cmocka_unit_test(test_new_count_keeps_what_is_owed),
        cmocka_unit_test(test_guest_with_interrupts_off_loses_nothing),
        cmocka_unit_test(test_masked_line_forgets),
        cmocka_unit_test(test_masked_line_stays_forgotten),
        cmocka_unit_test(test_short_periods_are_not_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
