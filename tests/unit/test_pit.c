/* SPDX-License-Identifier: MIT */
/* sources: root/devices/pit.c root/devices/pit_channel.c */
#include "tests/unit/pit_bench.h"

/* The count that a program at clock 10 with `mode` and `count` shows at 11 + t, when it is loaded. */
static void assert_at(struct bench *b, uint32_t channel, uint64_t t, uint32_t count, bool level)
{
    at_clock(b, 11 + t);
    assert_int_equal(count_of(b, channel), count);
    assert_int_equal(out_of(b, channel), level);
}

static void open_gate(struct bench *b, bool gate)
{
    out(b, PORT_61, gate);
}

static void test_mode_0(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 0, 5);
    assert_int_equal(status_of(b, 0), 0x70); /* null: not loaded yet; low and high byte; mode 0 */
    assert_at(b, 0, 0, 5, false);
    assert_int_equal(status_of(b, 0), 0x30);
    assert_at(b, 0, 1, 4, false);
    assert_at(b, 0, 4, 1, false);
    assert_int_equal(b->rises, 0);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(16));
    run_to(b, ns_of(17));
    assert_int_equal(b->rises, 1);
    assert_true(b->level);
    assert_at(b, 0, 5, 0, true);
    assert_at(b, 0, 6, 0xffff, true);
    run_to(b, 10 * NS_PER_S);
    assert_int_equal(b->rises, 1);
    assert_true(pit_ops.deadline(&b->pit) == DEVICE_NEVER);
    out(b, 0, 100); /* the low byte stops the count, and the output falls */
    assert_false(b->level);
    assert_false(out_of(b, 0));
    run_to(b, 11 * NS_PER_S);
    assert_int_equal(b->rises, 1);
    out(b, 0, 0);
    run_to(b, 12 * NS_PER_S);
    assert_int_equal(b->rises, 2);
}

static void test_mode_0_gate(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    open_gate(b, true);
    at_clock(b, 10);
    program(b, 2, 0, 100);
    assert_at(b, 2, 40, 60, false);
    open_gate(b, false);
    assert_at(b, 2, 70, 60, false);
    open_gate(b, true);
    assert_at(b, 2, 80, 50, false);
    assert_at(b, 2, 129, 1, false);
    assert_int_equal(in(b, PORT_61) & 0x20, 0);
    assert_at(b, 2, 130, 0, true);
    assert_int_equal(in(b, PORT_61) & 0x20, 0x20);
}

static void test_mode_1(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 2, 1, 50);
    assert_true(out_of(b, 2));
    at_clock(b, 10);
    assert_int_equal(status_of(b, 2), 0xf2); /* null until the gate rises */
    open_gate(b, true);
    assert_at(b, 2, 0, 50, false);
    open_gate(b, false); /* the gate's level does not matter */
    assert_at(b, 2, 20, 30, false);
    out(b, 2, 5); /* a new count waits for the next rise */
    out(b, 2, 0);
    assert_int_equal(status_of(b, 2), 0x72);
    assert_at(b, 2, 49, 1, false);
    assert_at(b, 2, 50, 0, true);
    assert_at(b, 2, 59, 0xfff7, true);
    at_clock(b, 99);
    open_gate(b, true);
    assert_at(b, 2, 100 - 11, 5, false);
    assert_int_equal(status_of(b, 2), 0x32);
    assert_at(b, 2, 105 - 11, 0, true);
    run_to(b, NS_PER_S);
    assert_int_equal(b->rises, 0);
}

static void test_mode_2(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 2, 1000);
    assert_int_equal(b->rises, 0); /* no tick for a control word */
    for (uint64_t t = 0; t < 3000; t++) {
        assert_at(b, 0, t, (uint32_t)(1000 - t % 1000), t % 1000 != 999);
    }
    b->now = ns_of(10);
    for (uint64_t n = 1; n < 100; n++) {
        assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + n * 1000));
        run_to(b, ns_of(11 + n * 1000) - 1);
        assert_int_equal(b->rises, n - 1);
        run_to(b, ns_of(11 + n * 1000));
        assert_int_equal(b->rises, n);
    }
}

static void test_mode_2_gate(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    open_gate(b, true);
    at_clock(b, 10);
    program(b, 2, 2, 10);
    assert_at(b, 2, 9, 1, false);
    open_gate(b, false); /* up at once, and the count stands */
    assert_at(b, 2, 9, 1, true);
    assert_at(b, 2, 30, 1, true);
    open_gate(b, true); /* loads again */
    assert_at(b, 2, 31, 10, true);
    assert_at(b, 2, 40, 1, false);
}

static void test_mode_2_new_count(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 2, 1000);
    at_clock(b, 11 + 400);
    out(b, 0, 2000 & 0xff);
    assert_at(b, 0, 450, 550, true); /* half a count changes nothing */
    out(b, 0, 2000 >> 8);
    assert_int_equal(status_of(b, 0), 0xf4); /* null until the period ends */
    assert_at(b, 0, 999, 1, false);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 1000));
    run_to(b, ns_of(11 + 1000));
    assert_int_equal(b->rises, 1);
    assert_at(b, 0, 1000, 2000, true);
    assert_int_equal(status_of(b, 0), 0xb4);
    assert_at(b, 0, 2999, 1, false);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 3000));
    run_to(b, ns_of(11 + 3000));
    assert_int_equal(b->rises, 2);
}

static void test_mode_3(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 3, 1000);
    for (uint64_t t = 0; t < 2500; t++) {
        assert_at(b, 0, t, (uint32_t)(1000 - t % 500 * 2), t % 1000 < 500);
    }
    at_clock(b, 10);
    program(b, 2, 3, 7); /* the gate is down */
    assert_at(b, 2, 5, 6, true);
    at_clock(b, 10);
    open_gate(b, true);
    static const uint32_t odd[] = {6, 4, 2, 0, 6, 4, 2};
    for (uint64_t t = 0; t < 70; t++) {
        assert_at(b, 2, t, odd[t % 7], t % 7 < 4);
    }
    run_to(b, ns_of(11 + 10 * 1000));
    assert_int_equal(b->rises, 10);
}

/* The half that runs is ended; then the new count goes on with the other half. */
static void test_mode_3_new_count(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 3, 1000);
    at_clock(b, 11 + 100);
    out(b, 0, 2000 & 0xff);
    out(b, 0, 2000 >> 8);
    assert_at(b, 0, 499, 2, true);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 500 + 1000));
    assert_at(b, 0, 500, 2000, false);
    assert_at(b, 0, 1499, 2, false);
    run_to(b, ns_of(11 + 1500));
    assert_int_equal(b->rises, 1);
    assert_at(b, 0, 1500, 2000, true);
    at_clock(b, 11 + 1500 + 1200); /* in the low half: at the end of the period */
    out(b, 0, 10);
    out(b, 0, 0);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 3500));
    assert_at(b, 0, 3499, 2, false);
    assert_at(b, 0, 3500, 10, true);
    assert_at(b, 0, 3505, 10, false);
}

static void test_mode_4(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 4, 500);
    assert_at(b, 0, 0, 500, true);
    assert_at(b, 0, 499, 1, true);
    assert_at(b, 0, 500, 0, false);
    assert_at(b, 0, 501, 0xffff, true);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 501));
    run_to(b, NS_PER_S);
    assert_int_equal(b->rises, 1);
    assert_true(b->level);
    for (uint32_t i = 0; i < 10; i++) { /* each count is an interrupt, as Linux's one-shot mode does */
        out(b, 0, 0x10);
        out(b, 0, 0x27);
        run_to(b, b->now + NS_PER_S / 10);
        assert_int_equal(b->rises, 2 + i);
    }
}

static void test_mode_5(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 2, 5, 20);
    assert_true(out_of(b, 2));
    at_clock(b, 10);
    open_gate(b, true);
    assert_at(b, 2, 19, 1, true);
    assert_at(b, 2, 20, 0, false);
    assert_at(b, 2, 21, 0xffff, true);
}

static void test_bcd(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    out(b, 3, 0x35); /* channel 0, both bytes, mode 2, BCD */
    out(b, 0, 0x34);
    out(b, 0, 0x12);
    assert_at(b, 0, 0, 0x1234, true);
    assert_at(b, 0, 35, 0x1199, true);
    assert_at(b, 0, 1233, 0x0001, false);
    assert_int_equal(status_of(b, 0) & 0x3f, 0x35);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 1234));
    at_clock(b, 2010);
    out(b, 3, 0x31); /* mode 0: 0 is 10000 */
    out(b, 0, 0);
    out(b, 0, 0);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(2011 + 10000));
    at_clock(b, 2012);
    assert_int_equal(count_of(b, 0), 0x9999);
    out(b, 3, 0x35);
    out(b, 0, 0xff); /* not decimal: some count */
    out(b, 0, 0xff);
    assert_true(pit_ops.deadline(&b->pit) != DEVICE_NEVER);
}

static void test_largest_and_illegal_counts(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 2, 0);
    assert_true(pit_ops.deadline(&b->pit) == ns_of(11 + 65536));
    assert_at(b, 0, 0, 0, true);
    assert_at(b, 0, 1, 0xffff, true);
    for (uint32_t mode = 2; mode <= 3; mode++) {
        at_clock(b, 10);
        program(b, 0, mode, 1);
        assert_true(pit_ops.deadline(&b->pit) == ns_of(13));
    }
}

static void test_access_to_one_byte(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    out(b, 3, 0x14); /* low byte only */
    out(b, 0, 200);
    at_clock(b, 11 + 50);
    assert_int_equal(in(b, 0), 150);
    assert_int_equal(in(b, 0), 150);
    out(b, 3, 0x00);
    at_clock(b, 11 + 60);
    assert_int_equal(in(b, 0), 150); /* latched, once */
    assert_int_equal(in(b, 0), 140);
    at_clock(b, 10);
    out(b, 3, 0x24); /* high byte only */
    out(b, 0, 0x10);
    at_clock(b, 11 + 0x100);
    assert_int_equal(in(b, 0), 0x0f);
    out(b, 3, 0x00);
    at_clock(b, 11 + 0x200);
    assert_int_equal(in(b, 0), 0x0f);
    assert_int_equal(in(b, 0), 0x0e);
}

static void test_reads_and_writes_have_their_own_toggles(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 2, 0x1234);
    at_clock(b, 11 + 4);
    assert_int_equal(in(b, 0), 0x30);
    out(b, 0, 0x78);
    assert_int_equal(in(b, 0), 0x12);
    out(b, 0, 0x56);
    assert_int_equal(in(b, 0), 0x30);
    out(b, 3, 0x00); /* latching begins with the low byte */
    assert_int_equal(in(b, 0), 0x30);
    assert_int_equal(in(b, 0), 0x12);
    at_clock(b, 11 + 0x1234);
    assert_int_equal(count_of(b, 0), 0x5678);
}

static void test_latch_stays_until_read(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    program(b, 0, 2, 0x4000);
    at_clock(b, 11 + 0x123);
    out(b, 3, 0x00);
    at_clock(b, 11 + 0x1000);
    out(b, 3, 0x00);
    assert_int_equal(in(b, 0), 0xdd);
    out(b, 3, 0x00);
    assert_int_equal(in(b, 0), 0x3e);
    assert_int_equal(count_of(b, 0), 0x3000);
    out(b, 3, 0x00);
    out(b, 3, 0x34); /* a control word drops the latch */
    assert_int_equal(in(b, 0), 0);
}

static void test_read_back(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    open_gate(b, true);
    at_clock(b, 10);
    program(b, 0, 2, 0x4000);
    program(b, 1, 3, 0x2000);
    program(b, 2, 0, 0x1000);
    at_clock(b, 11 + 0x100);
    out(b, 3, 0xce); /* count and status of all three */
    at_clock(b, 11 + 0x800);
    out(b, 3, 0xce);
    static const uint32_t expected[3][3] = {{0xb4, 0x00, 0x3f}, {0xb6, 0x00, 0x1e}, {0x30, 0x00, 0x0f}};
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(in(b, i / 3), expected[i / 3][i % 3]); /* the status comes first */
    }
    out(b, 3, 0xd4); /* the count of channel 1 alone */
    assert_int_equal(in(b, 1), 0x00);
    assert_int_equal(in(b, 1), 0x10);
    out(b, 3, 0xe8); /* the status of channel 2 alone */
    assert_int_equal(in(b, 2), 0x30);
    out(b, 3, 0xfe); /* neither */
    assert_int_equal(in(b, 2), 0x00);
    assert_int_equal(in(b, 2), 0x08);
    assert_int_equal(in(b, 3), 0xff); /* the control word cannot be read */
}

static void test_modes_6_and_7_are_2_and_3(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    out(b, 3, 0x3c);
    assert_int_equal(status_of(b, 0), 0xf4);
    out(b, 3, 0x3e);
    assert_int_equal(status_of(b, 0), 0xf6);
}

static void test_port_61(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    assert_int_equal(in(b, PORT_61), 0x20);
    out(b, PORT_61, 0xff);
    assert_int_equal(in(b, PORT_61), 0x2f);
    out(b, PORT_61, 0x02);
    at_clock(b, 18); /* refresh: each 15 us */
    assert_int_equal(in(b, PORT_61), 0x32);
    at_clock(b, 36);
    assert_int_equal(in(b, PORT_61), 0x22);
}

/* As Linux does, to find the TSC's rate: the high byte of channel 2 counts down from FFH. */
static void test_quick_calibration(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    out(b, PORT_61, (in(b, PORT_61) & ~2u) | 1);
    out(b, 3, 0xb0);
    out(b, 2, 0xff);
    out(b, 2, 0xff);
    (void)in(b, 2);
    (void)in(b, 2);
    for (uint32_t high = 0xff; high > 0xa0; high--) {
        uint32_t polls = 0;
        uint32_t now;
        do {
            b->now += 1500;
            (void)in(b, 2);
            b->now += 1500;
            now = in(b, 2);
            polls++;
        } while (now == high && polls < 1000);
        assert_int_equal(now, high - 1);
        assert_in_range(polls, high == 0xff ? 70 : 71, 73); /* 256 clocks of 838 ns */
    }
}

static void test_wide_accesses_are_bytes(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    at_clock(b, 10);
    pit_ops.write(&b->pit, 2, 2, 0x1400); /* low byte of channel 2, which has none; then the control word */
    out(b, 0, 99);
    at_clock(b, 12);
    assert_int_equal(pit_ops.read(&b->pit, 0, 4) & 0xff0000ff, 0xff000062);
}

static void test_reset(void **state)
{
    (void)state;
    struct bench *b = new_bench();
    program(b, 0, 2, 1000);
    open_gate(b, true);
    run_to(b, NS_PER_S);
    pit_ops.reset(&b->pit);
    assert_false(b->level);
    assert_true(pit_ops.deadline(&b->pit) == DEVICE_NEVER);
    assert_int_equal(in(b, PORT_61) & 0x0f, 0);
    program(b, 0, 0, 1000);
    run_to(b, 2 * NS_PER_S);
    assert_true(b->level);
    pit_ops.advance(&b->pit, UINT64_MAX); /* nothing is due */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mode_0),
        cmocka_unit_test(test_mode_0_gate),
        cmocka_unit_test(test_mode_1),
        cmocka_unit_test(test_mode_2),
        cmocka_unit_test(test_mode_2_gate),
        cmocka_unit_test(test_mode_2_new_count),
        cmocka_unit_test(test_mode_3),
        cmocka_unit_test(test_mode_3_new_count),
        cmocka_unit_test(test_mode_4),
        cmocka_unit_test(test_mode_5),
        cmocka_unit_test(test_bcd),
        cmocka_unit_test(test_largest_and_illegal_counts),
        cmocka_unit_test(test_access_to_one_byte),
        cmocka_unit_test(test_reads_and_writes_have_their_own_toggles),
        cmocka_unit_test(test_latch_stays_until_read),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_modes_6_and_7_are_2_and_3),
        cmocka_unit_test(test_port_61),
        cmocka_unit_test(test_quick_calibration),
        cmocka_unit_test(test_wide_accesses_are_bytes),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
