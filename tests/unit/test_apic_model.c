/* SPDX-License-Identifier: MIT */
/* sources: vmm/apic/model/apic_model.c vmm/apic/model/apic_timer.c vmm/apic/model/apic_restore.c
 * vmm/apic/model/apic_address.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/apic/model/apic_model.h"

static uint32_t page[1024];
static struct apic apic;

static void reset(uint32_t id)
{
    memset(page, 0xee, sizeof(page));
    apic = (struct apic){.page = page, .id = id};
    apic_reset(&apic);
}

/* Both clocks at once, where nothing moves one alone. */
static struct apic_time at(uint64_t now)
{
    return (struct apic_time){.clock = now, .tsc = now};
}

static void enable(void)
{
    assert_int_equal(apic_write(&apic, APIC_SVR, 0x1ff, at(0)).effect, APIC_NOTHING);
}

static uint32_t read_at(uint32_t offset, uint64_t now)
{
    uint32_t value;
    assert_true(apic_read(&apic, offset, at(now), &value));
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
    struct apic_write w = apic_write(&apic, APIC_EOI, 0, at(0));
    assert_int_equal(w.effect, APIC_ENDED);
    assert_int_equal(w.vector, 0x60);
    assert_false(w.level);
    w = apic_write(&apic, APIC_EOI, 0, at(0));
    assert_int_equal(w.vector, 0x51);
    assert_true(w.level);
    assert_int_equal(apic_pending(&apic), 0x5f);
    assert_int_equal(apic_write(&apic, APIC_EOI, 0, at(0)).effect, APIC_NOTHING); /* nothing in service */
    (void)apic_write(&apic, APIC_TPR, 0x73, at(0));
    assert_int_equal(read_at(APIC_PPR, 0), 0x73);
}

static bool requested(uint8_t vector)
{
    return (page[(APIC_IRR + vector / 32 * 16) / 4] >> vector % 32 & 1) != 0;
}

/* Whether the timer requests its vector at this time; the request is taken back. */
static bool expires_at(struct apic_time now, uint8_t vector)
{
    (void)apic_timer_expire(&apic, now);
    bool fired = requested(vector);
    page[(APIC_IRR + vector / 32 * 16) / 4] = 0;
    return fired;
}

static bool expires(uint64_t now, uint8_t vector)
{
    return expires_at(at(now), vector);
}

/* ESR shows what came until it is written. */
static uint32_t written_esr(void)
{
    (void)apic_write(&apic, APIC_ESR, 0, at(0));
    return read_at(APIC_ESR, 0);
}

static void test_illegal_vectors(void **state)
{
    (void)state;
    reset(0);
    enable();
    apic_accept(&apic, 15, false);
    assert_int_equal(apic_pending(&apic), 0);
    assert_int_equal(read_at(APIC_ESR, 0), 0);
    assert_int_equal(written_esr(), 1u << 6);
    assert_int_equal(written_esr(), 0);
}

/* What sets an ESR bit (11.5.3). */
enum error_source { SEND_FIXED, SEND_LOWEST, SEND_SELF, TIMER_VECTOR, READ_RESERVED, WRITE_RESERVED, ERROR_SOURCES };

static void make_error(enum error_source source)
{
    uint32_t value;
    switch (source) {
    case SEND_FIXED:
        assert_int_equal(apic_write(&apic, APIC_ICR, 0x4000f, at(0)).effect, APIC_NOTHING);
        break;
    case SEND_LOWEST:
        assert_int_equal(apic_write(&apic, APIC_ICR, 0xc0100, at(0)).effect, APIC_NOTHING);
        break;
    case SEND_SELF:
        assert_int_equal(apic_write(&apic, APIC_SELF_IPI, 5, at(0)).effect, APIC_NOTHING);
        break;
    case TIMER_VECTOR:
        (void)apic_write(&apic, APIC_LVT_TIMER, 0x8, at(0));
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 1, at(0));
        assert_true(apic_timer_expire(&apic, at(100)));
        break;
    case READ_RESERVED:
        assert_false(apic_read(&apic, 0x40, at(0), &value));
        break;
    default:
        assert_int_equal(apic_write(&apic, 0x2f0, 0, at(0)).effect, APIC_REFUSED); /* LVT CMCI, not there */
    }
}

/* In x2APIC mode what is reserved faults, in xAPIC mode there is no self-IPI register but a reserved one. */
static uint32_t error_bit(enum error_source source)
{
    if (source == TIMER_VECTOR) {
        return 1u << 6;
    }
    bool wide = apic.mode == APIC_X2APIC;
    if (source == READ_RESERVED || source == WRITE_RESERVED) {
        return wide ? 0 : 1u << 7;
    }
    return 1u << 5;
}

/* Each error interrupts, once until ESR is written; masked it does not, and an illegal vector there is an error more.
 */
static void error_interrupts(enum error_source source)
{
    const uint32_t bit = error_bit(source);
    (void)apic_write(&apic, APIC_LVT_ERROR, 0x45, at(0));
    for (unsigned i = 0; i < 2; i++) {
        make_error(source);
        assert_int_equal(requested(0x45), bit != 0);
        page[(APIC_IRR + 0x20) / 4] = 0;
        make_error(source);
        assert_false(requested(0x45));
        assert_int_equal(written_esr(), bit);
    }
    (void)apic_write(&apic, APIC_LVT_ERROR, 0x10045, at(0));
    make_error(source);
    assert_false(requested(0x45));
    assert_int_equal(written_esr(), bit);
    (void)apic_write(&apic, APIC_LVT_ERROR, 2, at(0));
    make_error(source);
    assert_int_equal(apic_pending(&apic), 0);
    assert_int_equal(written_esr(), bit | (bit != 0 ? 1u << 6 : 0));
}

static void test_errors(void **state)
{
    (void)state;
    for (enum error_source source = SEND_FIXED; source < ERROR_SOURCES; source++) {
        if (source != SEND_SELF) {
            reset(0);
            enable();
            error_interrupts(source);
        }
        reset(0);
        enable();
        apic_set_mode(&apic, APIC_X2APIC);
        error_interrupts(source);
    }
    reset(0); /* software-disabled: the error's entry is masked, the bit is noted */
    make_error(SEND_FIXED);
    assert_int_equal(apic_pending(&apic), 0);
    assert_int_equal(written_esr(), 1u << 5);
}

/* Table 11-1: every other multiple of 16 is reserved, whoever reads or writes it. */
static void test_reserved_registers(void **state)
{
    (void)state;
    reset(0);
    enable();
    for (uint32_t offset = 0; offset < 0x1000; offset += 16) {
        bool there = offset == 0x20 || offset == 0x30 || (offset >= 0x80 && offset <= 0x280) || offset == 0x300 ||
                     offset == 0x310 || (offset >= 0x320 && offset <= 0x390) || offset == 0x3e0;
        uint32_t value;
        (void)apic_read(&apic, offset, at(0), &value);
        assert_int_equal(written_esr(), there ? 0 : 0x80);
        if (offset != APIC_ICR && offset != APIC_ESR) {
            (void)apic_write(&apic, offset, APIC_LVT_MASKED, at(0));
            assert_int_equal(written_esr(), there ? 0 : 0x80);
        }
        (void)apic_write(&apic, APIC_SVR, 0x1ff, at(0));
        assert_int_equal(apic_peek(&apic, offset, at(0), &value), there && offset != APIC_EOI);
        assert_int_equal(apic.pending_errors, 0);
    }
}

/* Software-disabled: LVT entries are masked and stay so, nothing new comes, what was requested is delivered. */
static void test_software_disabled(void **state)
{
    (void)state;
    reset(0);
    enable();
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40, at(0));
    (void)apic_write(&apic, APIC_LVT_LINT1, 0x400, at(0));
    apic_accept(&apic, 0x61, false);
    (void)apic_write(&apic, APIC_SVR, 0xff, at(0));
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
        (void)apic_write(&apic, lvt, 0x33, at(0));
        assert_int_equal(read_at(lvt, 0), 0x10033);
    }
    apic_accept(&apic, 0x71, false);
    assert_int_equal(apic_pending(&apic), 0x61);
    assert_int_equal(apic_interrupt_status(&apic), 0x61);
    (void)apic_write(&apic, APIC_SVR, 0x1ff, at(0));
    assert_int_equal(read_at(APIC_LVT_TIMER, 0), 0x10033); /* enabling unmasks nothing */
}

/* Each bit of each register by WRMSR in x2APIC mode: #GP for what is reserved (11.12.1.2, 11.12.9). */
static void test_x2apic_reserved(void **state)
{
    (void)state;
    const struct {
        uint32_t offset;
        uint64_t allowed;
    } rows[] = {{APIC_TPR, 0xff},
                {APIC_EOI, 0},
                {APIC_SVR, 0x1ff},
                {APIC_ESR, 0},
                {APIC_ICR, 0xffffffff000ccfff},
                {APIC_LVT_TIMER, 0x710ff},
                {APIC_LVT_THERMAL, 0x117ff},
                {APIC_LVT_PERFMON, 0x117ff},
                {APIC_LVT_LINT0, 0x1f7ff},
                {APIC_LVT_LINT1, 0x1f7ff},
                {APIC_LVT_ERROR, 0x110ff},
                {APIC_INITIAL_COUNT, 0xffffffff},
                {APIC_DIVIDE, 0xb},
                {APIC_SELF_IPI, 0xff},
                {APIC_ID, ~0ull},
                {APIC_LDR, ~0ull}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool writable = rows[i].allowed != ~0ull;
        for (unsigned bit = 0; bit < 64; bit++) {
            reset(0);
            enable();
            apic_set_mode(&apic, APIC_X2APIC);
            bool refused = apic_write(&apic, rows[i].offset, 1ull << bit, at(0)).effect == APIC_REFUSED;
            assert_int_equal(refused, !writable || (rows[i].allowed >> bit & 1) == 0);
        }
    }
}

static void test_one_shot(void **state)
{
    (void)state;
    reset(0);
    enable();
    (void)apic_write(&apic, APIC_DIVIDE, 0, at(0)); /* by 2 */
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40, at(0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, at(1000));
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1000), 100);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1101), 50);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1200), 0);
    assert_false(expires(1199, 0x40));
    assert_true(expires(1200, 0x40));
    assert_false(expires(5000, 0x40));
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 1300), 0);
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x10040, at(0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, at(2000));
    assert_false(expires(3000, 0x40)); /* masked, but spent */
    assert_false(apic_timer_runs(&apic));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 100, at(2000));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 0, at(2000));
    assert_false(apic_timer_runs(&apic));
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
        (void)apic_write(&apic, APIC_DIVIDE, rows[i].code, at(0));
        (void)apic_write(&apic, APIC_INITIAL_COUNT, 10, at(0));
        assert_int_equal(apic.expiry, 10 * rows[i].by);
    }
}

static void test_periodic(void **state)
{
    (void)state;
    reset(0);
    enable();
    (void)apic_write(&apic, APIC_DIVIDE, 0xb, at(0));
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x20040, at(0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0));
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
    apic_write_deadline(&apic, 500, at(0));
    assert_false(apic_timer_runs(&apic)); /* not in that mode */
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40040, at(0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0));
    assert_false(apic_timer_runs(&apic));
    apic_write_deadline(&apic, 500, at(0));
    assert_int_equal(apic.tsc_deadline, 500);
    assert_false(expires(499, 0x40));
    assert_true(expires(500, 0x40));
    assert_int_equal(apic.tsc_deadline, 0);
    apic_write_deadline(&apic, 900, at(0));
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x40, at(0)); /* a change of mode disarms */
    assert_false(apic_timer_runs(&apic));
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
    assert_false(apic_read(&apic, APIC_DFR, at(0), &value));
    assert_int_equal(apic_write(&apic, APIC_LDR, 1, at(0)).effect, APIC_REFUSED);
    assert_int_equal(apic_write(&apic, APIC_EOI, 1, at(0)).effect, APIC_REFUSED);
    assert_int_equal(apic_write(&apic, APIC_TPR, 0x100, at(0)).effect, APIC_REFUSED);
    assert_int_equal(apic_write(&apic, APIC_SVR, 0x1000, at(0)).effect, APIC_REFUSED);
    struct apic_write w = apic_write(&apic, APIC_SELF_IPI, 0x44, at(0));
    assert_int_equal(w.effect, APIC_SEND);
    assert_int_equal(w.icr, 0x40044);
    w = apic_write(&apic, APIC_ICR, 5ull << 32 | 0x4500, at(0));
    assert_int_equal(w.icr, 5ull << 32 | 0x4500);
}

static void test_xapic_icr(void **state)
{
    (void)state;
    reset(0);
    (void)apic_write(&apic, APIC_ICR_HIGH, 0x07000000, at(0));
    struct apic_write w = apic_write(&apic, APIC_ICR, 0x4843, at(0));
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
            assert_int_equal(apic_write(&apic, offset, 0x5a, at(0)).effect, APIC_REFUSED);
        }
    }
    assert_memory_equal(before, page, sizeof(before));
    assert_int_equal(apic.pending_errors, 0);
    assert_false(apic_timer_runs(&apic));
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
    (void)apic_write(&apic, APIC_DIVIDE, 0xb, at(0));
    (void)apic_write(&apic, APIC_LVT_TIMER, 0x20041, at(0));
    (void)apic_write(&apic, APIC_INITIAL_COUNT, 1000, at(0));
    apic_accept(&apic, 0x62, true);
    memcpy(saved, page, sizeof(saved));
    saved[APIC_CURRENT_COUNT / 4] = read_at(APIC_CURRENT_COUNT, 300);
    reset(1);
    apic_restore(&apic, saved, 256, at(50000));
    assert_int_equal(read_at(APIC_SVR, 0), 0x1ff);
    assert_int_equal(apic_pending(&apic), 0x62);
    assert_int_equal(read_at(APIC_CURRENT_COUNT, 50000), 700);
    assert_false(expires(50699, 0x41));
    assert_true(expires(50700, 0x41));
    saved[APIC_ISR / 4] = 0xffffffff; /* vectors that cannot be */
    apic_restore(&apic, saved, 256, at(0));
    assert_int_equal(read_at(APIC_ISR, 0), 0xffff0000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_illegal_vectors),
        cmocka_unit_test(test_one_shot),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_reserved_registers),
        cmocka_unit_test(test_software_disabled),
        cmocka_unit_test(test_x2apic_reserved),
        cmocka_unit_test(test_divisors),
        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_xapic_icr),
        cmocka_unit_test(test_between_registers),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
