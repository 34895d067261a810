/* SPDX-License-Identifier: MIT */
/* sources: vmm/apic_model.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/apic_model.h"

static uint32_t page[1024];
static struct apic apic;

static void reset(uint32_t id)
{
    memset(page, 0xee, sizeof(page));
    apic = (struct apic){.page = page, .id = id};
    apic_reset(&apic);
}

static void enable(void)
{
    assert_int_equal(apic_write(&apic, APIC_SVR, 0x1ff, 0).effect, APIC_NOTHING);
}

static uint32_t read_at(uint32_t offset, uint64_t now)
{
    uint32_t value;
    assert_true(apic_read(&apic, offset, now, &value));
    return value;
}

static void test_reset(void **state)
{
    (void)state;
    reset(3);
    assert_int_equal(read_at(APIC_ID, 0), 3u << 24);
    assert_int_equal(read_at(APIC_VERSION, 0), 0x50014);
    assert_int_equal(read_at(APIC_DFR, 0), 0xffffffff);
    assert_int_equal(read_at(APIC_SVR, 0), 0xff);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
        assert_int_equal(read_at(lvt, 0), APIC_LVT_MASKED);
    }
    assert_int_equal(read_at(APIC_TPR, 0), 0);
    assert_int_equal(apic_pending(&apic), 0);
}

static void test_priorities(void **state)
{
    (void)state;
    reset(0);
    apic_accept(&apic, 0x41, false); /* software-disabled: dropped */
    assert_int_equal(apic_pending(&apic), 0);
    enable();
    apic_accept(&apic, 0x41, false);
    apic_accept(&apic, 0x45, false);
    apic_accept(&apic, 0x51, true);
    assert_int_equal(apic_pending(&apic), 0x51);
    apic_deliver(&apic, 0x51);
    assert_int_equal(read_at(APIC_PPR, 0), 0x50);
    assert_int_equal(apic_pending(&apic), 0); /* a lower class waits */
    apic_accept(&apic, 0x5f, false);
    assert_int_equal(apic_pending(&apic), 0); /* so does the same class */
    apic_accept(&apic, 0x60, false);
    assert_int_equal(apic_pending(&apic), 0x60);
    apic_deliver(&apic, 0x60);
    struct apic_write w = apic_write(&apic, APIC_EOI, 0, 0);
    assert_int_equal(w.effect, APIC_ENDED);
    assert_int_equal(w.vector, 0x60);
    assert_false(w.level);
    w = apic_write(&apic, APIC_EOI, 0, 0);
    assert_int_equal(w.vector, 0x51);
    assert_true(w.level);
    assert_int_equal(apic_pending(&apic), 0x5f);
    assert_int_equal(apic_write(&apic, APIC_EOI, 0, 0).effect, APIC_NOTHING); /* nothing in service */
    (void)apic_write(&apic, APIC_TPR, 0x73, 0);
    assert_int_equal(read_at(APIC_PPR, 0), 0x73);
}

static void test_illegal_vectors(void **state)
{
    (void)state;
    reset(0);
    enable();
    apic_accept(&apic, 15, false);
    assert_int_equal(apic_pending(&apic), 0);
    assert_int_equal(read_at(APIC_ESR, 0), 0);
    (void)apic_write(&apic, APIC_ESR, 0, 0);
    assert_int_equal(read_at(APIC_ESR, 0), 1u << 6);
    (void)apic_write(&apic, APIC_ESR, 0, 0);
    assert_int_equal(read_at(APIC_ESR, 0), 0);
}

static bool expires(uint64_t now, uint8_t vector)
{
    uint8_t came = 0;
    bool fired = apic_timer_expire(&apic, now, &came);
    if (fired) {
        assert_int_equal(came, vector);
    }
    return fired;
}

static void test_one_shot(void **state)
{
    (void)state;
    reset(0);
    enable();
    (void)apic_write(&apic, APIC_DIVIDE, 0, 0); /* by 2 */
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40, 0);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, 1000);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1000), 100);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1101), 50);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1200), 0);
    assert_false(expires(1199, 0x40));
    assert_true(expires(1200, 0x40));
    assert_false(expires(5000, 0x40));
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1300), 0);
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x10040, 0);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, 2000);
    assert_false(expires(3000, 0x40)); /* masked, but spent */
    assert_false(apic.timer_armed);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, 2000);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 0, 2000);
    assert_false(apic.timer_armed);
}

static void test_divisors(void **state)
{
    (void)state;
    const struct {
        uint32_t code, by;
    } rows[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reset(0);
        enable();
        (void)apic_write(&apic, APIC_DIVIDE, rows[i].code, 0);
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 10, 0);
        assert_int_equal(apic.expiry, 10 * rows[i].by);
    }
}

static void test_periodic(void **state)
{
    (void)state;
    reset(0);
    enable();
    (void)apic_write(&apic, APIC_DIVIDE, 0xb, 0);
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x20040, 0);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, 0);
    assert_true(expires(1000, 0x40));
    assert_false(expires(1999, 0x40));
    assert_true(expires(2000, 0x40));
    assert_true(expires(5500, 0x40)); /* what was missed collapses */
    assert_false(expires(5999, 0x40));
    assert_true(expires(6000, 0x40)); /* and the beat is kept */
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 6250), 750);
}

static void test_deadline(void **state)
{
    (void)state;
    reset(0);
    enable();
    apic_write_deadline(&apic, 500, 0);
    assert_false(apic.timer_armed); /* not in that mode */
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40040, 0);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, 0);
    assert_false(apic.timer_armed);
    apic_write_deadline(&apic, 500, 0);
    assert_int_equal(apic.tsc_deadline, 500);
    assert_false(expires(499, 0x40));
    assert_true(expires(500, 0x40));
    assert_int_equal(apic.tsc_deadline, 0);
    apic_write_deadline(&apic, 900, 0);
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40, 0); /* a change of mode disarms */
    assert_false(apic.timer_armed);
}

static void test_modes(void **state)
{
    (void)state;
    enum apic_mode next;
    assert_true(apic_mode_change(APIC_XAPIC, 0xc00, true, &next));
    assert_int_equal(next, APIC_X2APIC);
    assert_false(apic_mode_change(APIC_XAPIC, 0xc00, false, &next));
    assert_false(apic_mode_change(APIC_X2APIC, 0x800, true, &next));
    assert_true(apic_mode_change(APIC_X2APIC, 0, true, &next));
    assert_int_equal(next, APIC_DISABLED);
    assert_false(apic_mode_change(APIC_DISABLED, 0xc00, true, &next));
    assert_true(apic_mode_change(APIC_DISABLED, 0x800, true, &next));
    assert_false(apic_mode_change(APIC_XAPIC, 0x400, true, &next));
    reset(0x23);
    apic_set_mode(&apic, APIC_X2APIC);
    assert_int_equal(read_at(APIC_ID, 0), 0x23);
    assert_int_equal(read_at(APIC_LDR, 0), 0x00020008);
    uint32_t value;
    assert_false(apic_read(&apic, APIC_DFR, 0, &value));
    assert_int_equal(apic_write(&apic, APIC_LDR, 1, 0).effect, APIC_REFUSED);
    assert_int_equal(apic_write(&apic, APIC_EOI, 1, 0).effect, APIC_REFUSED);
    assert_int_equal(apic_write(&apic, APIC_TPR, 0x100, 0).effect, APIC_REFUSED);
    assert_int_equal(apic_write(&apic, APIC_SVR, 0x1000, 0).effect, APIC_REFUSED);
    struct apic_write w = apic_write(&apic, APIC_SELF_IPI, 0x44, 0);
    assert_int_equal(w.effect, APIC_SEND);
    assert_int_equal(w.icr, 0x40044);
    w = apic_write(&apic, APIC_ICR, 5ull << 32 | 0x4500, 0);
    assert_int_equal(w.icr, 5ull << 32 | 0x4500);
}

static void test_xapic_icr(void **state)
{
    (void)state;
    reset(0);
    (void)apic_write(&apic, APIC_ICR_HIGH, 0x07000000, 0);
    struct apic_write w = apic_write(&apic, APIC_ICR, 0x4843, 0);
    assert_int_equal(w.effect, APIC_SEND);
    assert_int_equal(w.icr, 7ull << 32 | 0x4843);
    struct apic_ipi ipi = apic_decode_icr(w.icr, APIC_XAPIC);
    assert_int_equal(ipi.delivery, APIC_FIXED);
    assert_int_equal(ipi.vector, 0x43);
    assert_true(ipi.logical);
    assert_true(ipi.level_assert);
    assert_false(ipi.level_triggered);
    assert_int_equal(ipi.shorthand, 0);
    assert_int_equal(ipi.destination, 7);
    assert_int_equal(apic_decode_icr(0xc4600, APIC_XAPIC).shorthand, 3);
    assert_int_equal(apic_decode_icr(0xc4600, APIC_XAPIC).delivery, APIC_SIPI);
}

/* Only multiples of 16 are registers (11.4.1). */
static void test_between_registers(void **state)
{
    (void)state;
    static uint32_t before[1024];
    reset(0);
    enable();
    memcpy(before, page, sizeof(before));
    for (uint32_t offset = 0; offset < 0x400; offset++) {
        if (offset % 16 != 0) {
            assert_int_equal(apic_write(&apic, offset, 0x5a, 0).effect, APIC_REFUSED);
        }
    }
    assert_memory_equal(before, page, sizeof(before));
    assert_int_equal(apic.pending_errors, 0);
    assert_false(apic.timer_armed);
}

static void test_addresses(void **state)
{
    (void)state;
    struct apic_address flat = {APIC_XAPIC, 5, 0x02000000, 0xffffffff};
    struct apic_address cluster = {APIC_XAPIC, 6, 0x12000000, 0x0fffffff};
    struct apic_address wide = {APIC_X2APIC, 0x23, 0x00020008, 0};
    assert_true(apic_matches(&flat, 5, false, APIC_XAPIC));
    assert_false(apic_matches(&flat, 6, false, APIC_XAPIC));
    assert_true(apic_matches(&flat, 0xff, false, APIC_XAPIC));
    assert_true(apic_matches(&flat, 0x03, true, APIC_XAPIC));
    assert_false(apic_matches(&flat, 0x05, true, APIC_XAPIC));
    assert_true(apic_matches(&cluster, 0x13, true, APIC_XAPIC));
    assert_false(apic_matches(&cluster, 0x22, true, APIC_XAPIC));
    assert_true(apic_matches(&wide, 0x00020009, true, APIC_X2APIC));
    assert_false(apic_matches(&wide, 0x00030008, true, APIC_X2APIC));
    assert_false(apic_matches(&flat, 0x000100ff, true, APIC_X2APIC));
    assert_true(apic_matches(&wide, 0xffffffff, true, APIC_X2APIC));
    assert_false(apic_matches(&wide, 0xff, false, APIC_X2APIC));
    wide.mode = APIC_DISABLED;
    assert_false(apic_matches(&wide, 0xffffffff, false, APIC_X2APIC));
}

static void test_restore(void **state)
{
    (void)state;
    static uint32_t saved[1024];
    reset(1);
    enable();
    (void)apic_write(&apic, APIC_DIVIDE, 0xb, 0);
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x20041, 0);
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, 0);
    apic_accept(&apic, 0x62, true);
    memcpy(saved, page, sizeof(saved));
    saved[APIC_CURRENT_COUNT / 4] = read_at(APIC_CURRENT_COUNT, 300);
    reset(1);
    apic_restore(&apic, saved, 50000);
    assert_int_equal(read_at(APIC_SVR, 0), 0x1ff);
    assert_int_equal(apic_pending(&apic), 0x62);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 50000), 700);
    assert_false(expires(50699, 0x41));
    assert_true(expires(50700, 0x41));
    saved[APIC_ISR / 4] = 0xffffffff; /* vectors that cannot be */
    apic_restore(&apic, saved, 0);
    assert_int_equal(read_at(APIC_ISR, 0), 0xffff0000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset),           cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_illegal_vectors), cmocka_unit_test(test_one_shot),
        cmocka_unit_test(test_divisors),        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_deadline),        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_xapic_icr),       cmocka_unit_test(test_between_registers),
        cmocka_unit_test(test_addresses),       cmocka_unit_test(test_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
