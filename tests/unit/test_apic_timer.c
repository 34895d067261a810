/* SPDX-License-Identifier: MIT */
/* sources: vmm/apic/model/apic_model.c vmm/apic/model/apic_timer.c vmm/apic/model/apic_restore.c
 * vmm/apic/model/apic_address.c */
/* The timer by two clocks, and all of an APIC's state as a block (SDM vol. 3A, 11.5.4). */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/apic/model/apic_model.h"

#define MASKED_40 0x10040u
#define ONE_SHOT_40 0x40u
#define PERIODIC_40 0x20040u
#define DEADLINE_40 0x40040u
#define BY_1 0xbu
#define BY_16 3u

static uint32_t page[1024], other_page[1024], block[APIC_BLOCK_WORDS];
static struct apic apic;

static struct apic_time at(uint64_t clock, uint64_t tsc)
{
    return (struct apic_time){.clock = clock, .tsc = tsc};
}

/* An enabled APIC whose timer counts ticks, with vector 40H. */
static void start(uint32_t lvt)
{
    apic = (struct apic){.page = page, .id = 1};
    apic_reset(&apic);
    (void)apic_write(&apic, APIC_SVR, 0x1ff, at(0, 0));
    (void)apic_write(&apic, APIC_DIVIDE, BY_1, at(0, 0));
    (void)apic_write(&apic, APIC_LVT_TIMER, lvt, at(0, 0));
}

static uint32_t count_at(uint64_t clock)
{
    uint32_t value;
    assert_true(apic_peek(&apic, APIC_CURRENT_COUNT, at(clock, 0), &value));
    return value;
}

static bool requested(void)
{
    return (page[(APIC_IRR + 0x20) / 4] & 1) != 0;
}

/* Whether 40H is requested by now; the request is taken back. */
static bool fired(struct apic_time now)
{
    (void)apic_timer_expire(&apic, now);
    bool came = requested();
    page[(APIC_IRR + 0x20) / 4] = 0;
    return came;
}

/* A deadline is an unsigned time: what is far ahead is not past, however far. */
static void test_deadline_range(void **state)
{
    (void)state;
    const uint64_t now = 5000, ahead[] = {5001, 1ull << 63, (1ull << 63) + 5000, (1ull << 63) + 5001, ~0ull};
    const uint64_t past[] = {1, 4999, 5000};
    for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
        start(DEADLINE_40);
        apic_write_deadline(&apic, ahead[i], at(0, now));
        assert_false(fired(at(0, now)));
        assert_int_equal(apic_timer_left(&apic, at(0, now)), ahead[i] - now);
        assert_int_equal(apic_read_deadline(&apic), ahead[i]);
        assert_false(fired(at(~0ull, ahead[i] - 1)));
        assert_true(fired(at(0, ahead[i])));
        assert_int_equal(apic_read_deadline(&apic), 0);
        assert_false(fired(at(0, ~0ull)));
    }
    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
        start(DEADLINE_40);
        apic_write_deadline(&apic, past[i], at(0, now));
        assert_int_equal(apic_timer_left(&apic, at(0, now)), 0);
        assert_true(fired(at(0, now)));
        assert_int_equal(apic_read_deadline(&apic), 0);
        assert_false(apic_timer_runs(&apic));
    }
    start(DEADLINE_40);
    apic_write_deadline(&apic, 6000, at(0, now));
    apic_write_deadline(&apic, 0, at(0, now));
    assert_int_equal(apic_timer_left(&apic, at(0, now)), APIC_TIMER_NEVER);
    assert_false(fired(at(0, ~0ull)));
}

static void test_deadline_modes(void **state)
{
    (void)state;
    const uint32_t others[] = {ONE_SHOT_40, PERIODIC_40, MASKED_40};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        start(DEADLINE_40);
        apic_write_deadline(&apic, 900, at(0, 0));
        (void)apic_write(&apic, APIC_LVT_TIMER, others[i], at(0, 0));
        assert_int_equal(apic_read_deadline(&apic), 0);
        apic_write_deadline(&apic, 900, at(0, 0)); /* not in that mode: ignored */
        (void)apic_write(&apic, APIC_LVT_TIMER, DEADLINE_40, at(0, 0));
        assert_int_equal(apic_read_deadline(&apic), 0);
        assert_false(fired(at(1000, 1000)));
    }
    start(DEADLINE_40);
    apic_write_deadline(&apic, 900, at(0, 0));
    (void)apic_write(&apic, APIC_LVT_TIMER, DEADLINE_40 + 1, at(0, 0)); /* the same mode: armed */
    (void)apic_write(&apic, APIC_LVT_TIMER, DEADLINE_40 | APIC_LVT_MASKED, at(0, 0));
    assert_int_equal(apic_read_deadline(&apic), 900);
    assert_true(apic_timer_expire(&apic, at(0, 900))); /* masked: spent all the same */
    assert_false(requested());
    assert_int_equal(apic_read_deadline(&apic), 0);
    start(ONE_SHOT_40);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 500, at(0, 0));
    (void)apic_write(&apic, APIC_LVT_TIMER, DEADLINE_40, at(0, 0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 500, at(0, 0)); /* ignored there */
    assert_int_equal(count_at(10), 0);
    (void)apic_write(&apic, APIC_LVT_TIMER, ONE_SHOT_40, at(0, 0));
    assert_false(fired(at(1000, 1000)));
    assert_int_equal(count_at(1000), 0);
}

/* One-shot and periodic timers do not see the guest's TSC, a deadline sees nothing else. */
static void test_clocks(void **state)
{
    (void)state;
    const uint64_t tscs[] = {0, 1, 1ull << 32, 1ull << 63, ~0ull};
    for (size_t i = 0; i < sizeof(tscs) / sizeof(tscs[0]); i++) {
        start(ONE_SHOT_40);
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 400, at(1000, 7777));
        assert_false(fired(at(1399, tscs[i])));
        assert_true(fired(at(1400, tscs[i])));
        start(PERIODIC_40);
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 400, at(1000, 7777));
        assert_false(fired(at(1399, tscs[i])));
        assert_true(fired(at(1400, tscs[i])));
        assert_false(fired(at(1799, tscs[i])));
        assert_true(fired(at(1800, tscs[i])));
        start(DEADLINE_40);
        apic_write_deadline(&apic, 10000, at(1000, 7777));
        assert_int_equal(fired(at(1000, tscs[i])), tscs[i] >= 10000);
    }
}

/* A new divide configuration changes how fast the count falls, not the count. */
static void test_divide(void **state)
{
    (void)state;
    const uint32_t lvts[] = {ONE_SHOT_40, PERIODIC_40};
    for (size_t i = 0; i < sizeof(lvts) / sizeof(lvts[0]); i++) {
        for (uint32_t code = 0; code < 16; code++) {
            start(lvts[i]);
            (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0, 0));
            (void)apic_write(&apic, APIC_DIVIDE, code, at(300, 0));
            assert_int_equal(count_at(300), 700);
            uint32_t by = 1u << (((code & 3) + (code >> 1 & 4) + 1) & 7);
            assert_int_equal(count_at(300 + by), 699);
            assert_false(fired(at(300 + 700 * by - 1, 0)));
            assert_true(fired(at(300 + 700 * by, 0)));
            assert_int_equal(count_at(300 + 700 * by), i == 0 ? 0 : 1000);
            assert_int_equal(fired(at(300 + 1700 * by, 0)), i == 1);
        }
    }
    start(ONE_SHOT_40);
    (void)apic_write(&apic, APIC_DIVIDE, BY_16, at(0, 0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 10, at(0, 0));
    for (uint64_t now = 0; now < 160; now++) {
        (void)apic_write(&apic, APIC_DIVIDE, BY_16, at(now, 0)); /* the same: no tick is lost */
        assert_false(fired(at(now, 0)));
    }
    assert_true(fired(at(160, 0)));
    (void)apic_write(&apic, APIC_DIVIDE, BY_1, at(200, 0)); /* spent: nothing starts */
    assert_int_equal(count_at(200), 0);
    assert_false(fired(at(1000000, 0)));
}

/* The modes with a count go on from each other; a spent one-shot stays spent. */
static void test_change_of_mode(void **state)
{
    (void)state;
    start(ONE_SHOT_40);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0, 0));
    (void)apic_write(&apic, APIC_LVT_TIMER, PERIODIC_40, at(600, 0));
    assert_int_equal(count_at(600), 400);
    assert_true(fired(at(1000, 0)));
    assert_int_equal(count_at(1000), 1000);
    (void)apic_write(&apic, APIC_LVT_TIMER, ONE_SHOT_40, at(1600, 0));
    assert_int_equal(count_at(1600), 400);
    assert_true(fired(at(2000, 0)));
    (void)apic_write(&apic, APIC_LVT_TIMER, PERIODIC_40, at(2100, 0));
    assert_int_equal(count_at(2100), 0);
    assert_false(fired(at(9000, 0)));
}

/* The time of an exit is before the write that made it: what was due then is not lost. */
static void test_due_before_write(void **state)
{
    (void)state;
    const struct {
        uint32_t offset, value;
    } writes[] = {{APIC_LVT_TIMER, MASKED_40}, {APIC_LVT_TIMER, DEADLINE_40}, {APIC_INITIAL_COUNT, 0},
                  {APIC_INITIAL_COUNT, 500},   {APIC_DIVIDE, BY_16},          {APIC_SVR, 0xff}};
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        start(ONE_SHOT_40);
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, at(0, 0));
        (void)apic_write(&apic, writes[i].offset, writes[i].value, at(100, 0));
        assert_true(requested());
        start(DEADLINE_40);
        apic_write_deadline(&apic, 100, at(0, 0));
        (void)apic_write(&apic, writes[i].offset, writes[i].value, at(0, 100));
        assert_int_equal(requested(), true);
    }
    start(DEADLINE_40);
    apic_write_deadline(&apic, 100, at(0, 0));
    apic_write_deadline(&apic, 900, at(0, 100));
    assert_true(requested());
    assert_int_equal(apic_read_deadline(&apic), 900);
}

/* Into a new APIC at another time; true: what was `left` then is left now. */
static bool moves(uint64_t left, struct apic_time then, struct apic_time now)
{
    struct apic moved = {.page = other_page, .id = 1};
    apic_reset(&moved);
    apic_save(&apic, block, then);
    apic_restore(&moved, block, APIC_BLOCK_WORDS, now);
    assert_memory_equal(page, other_page, 0x400);
    assert_int_equal(moved.pending_errors, apic.pending_errors);
    assert_int_equal(moved.tsc_deadline, apic.tsc_deadline);
    return apic_timer_left(&apic, then) == left && apic_timer_left(&moved, now) == left;
}

static void test_block(void **state)
{
    (void)state;
    start(DEADLINE_40);
    assert_true(moves(APIC_TIMER_NEVER, at(5, 5), at(9, 5)));
    apic_write_deadline(&apic, 0x123456789abc, at(0, 0));
    assert_true(moves(0x123456789abc - 5, at(5, 5), at(1000, 5)));
    apic_write_deadline(&apic, ~0ull, at(0, 0));
    assert_true(moves(~0ull - 77, at(5, 77), at(1000, 77)));
    const uint32_t lvts[] = {ONE_SHOT_40, PERIODIC_40};
    for (size_t i = 0; i < 2; i++) {
        start(lvts[i]);
        (void)apic_write(&apic, APIC_DIVIDE, BY_16, at(0, 0));
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(100, 0));
        for (uint64_t passed = 0; passed < 40; passed++) {
            assert_true(moves(16000 - passed, at(100 + passed, 0), at(77, 4)));
        }
    }
    start(ONE_SHOT_40);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0, 0));
    assert_true(fired(at(1000, 0)));
    (void)apic_write(&apic, APIC_ICR, 0x40005, at(0, 0)); /* an error that ESR does not show */
    assert_int_not_equal(apic.pending_errors, 0);
    assert_true(moves(APIC_TIMER_NEVER, at(5000, 0), at(50, 0))); /* spent */
}

/* Blocks of clients that know the registers alone, with and without the current count. */
static void test_plain_block(void **state)
{
    (void)state;
    start(DEADLINE_40);
    apic_write_deadline(&apic, 900, at(0, 0));
    apic_save(&apic, block, at(0, 0));
    apic_restore(&apic, block, 256, at(0, 0));
    assert_int_equal(apic.tsc_deadline, 900);
    const uint32_t lvts[] = {ONE_SHOT_40, PERIODIC_40};
    for (size_t i = 0; i < 2; i++) {
        start(lvts[i]);
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0, 0));
        apic_save(&apic, block, at(300, 0));
        apic_restore(&apic, block, 256, at(400, 0)); /* goes on from the count that was saved */
        assert_int_equal(count_at(400), 700);
        block[APIC_CURRENT_COUNT / 4] = 0;
        apic_restore(&apic, block, 256, at(500, 0)); /* not told: goes on as it does */
        assert_int_equal(count_at(500), 600);
        block[APIC_INITIAL_COUNT / 4] = 2000;
        apic_restore(&apic, block, 256, at(600, 0)); /* another timer */
        assert_int_equal(count_at(600), 2000);
        memset(block + APIC_BLOCK_FLAGS / 4, 0, sizeof(block) - APIC_BLOCK_FLAGS);
        apic_restore(&apic, block, APIC_BLOCK_WORDS, at(700, 0));
        assert_int_equal(count_at(700), 1900);
        apic_poke(&apic, APIC_CURRENT_COUNT, 5000, at(700, 0)); /* no more than the initial count */
        assert_int_equal(count_at(700), 2000);
        apic_poke(&apic, APIC_CURRENT_COUNT, 0, at(700, 0));
        assert_false(apic_timer_runs(&apic));
    }
}

/* Registers one by one, in any order. */
static void test_poke_order(void **state)
{
    (void)state;
    start(MASKED_40);
    apic.tsc_deadline = 900;
    apic_poke(&apic, APIC_LVT_TIMER, DEADLINE_40, at(0, 0));
    assert_true(fired(at(0, 900)));
    apic_poke(&apic, APIC_LVT_TIMER, PERIODIC_40, at(0, 0));
    apic_poke(&apic, APIC_INITIAL_COUNT, 1000, at(0, 0));
    apic_poke(&apic, APIC_CURRENT_COUNT, 300, at(0, 0));
    apic_poke(&apic, APIC_DIVIDE, BY_16, at(0, 0));
    assert_int_equal(count_at(0), 300);
    assert_false(fired(at(300 * 16 - 1, 0)));
    assert_true(fired(at(300 * 16, 0)));
    assert_true(fired(at(1300 * 16, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline_range), cmocka_unit_test(test_deadline_modes),
        cmocka_unit_test(test_clocks),         cmocka_unit_test(test_divide),
        cmocka_unit_test(test_change_of_mode), cmocka_unit_test(test_due_before_write),
        cmocka_unit_test(test_block),          cmocka_unit_test(test_plain_block),
        cmocka_unit_test(test_poke_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
