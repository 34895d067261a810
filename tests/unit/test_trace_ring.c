/* SPDX-License-Identifier: MIT */
/* sources: vmm/run/trace_ring.c */
#include "tests/unit/cmocka_tests.h"
#include "vmm/run/trace_ring.h"

#define SIZE 4u

static struct trace_raw ring[SIZE];
static struct exit_trace trace;

static int start(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SIZE; i++) {
        ring[i] = (struct trace_raw){0};
    }
    trace_ring_start(&trace, ring, SIZE);
    return 0;
}

static void write_one(uint64_t tsc)
{
    struct trace_raw *e = trace_ring_next(&trace);
    trace_ring_commit(&trace, e);
    e->tsc = tsc;
    e->reason = (uint32_t)tsc;
}

static void check_range(uint64_t asked, uint32_t room, uint64_t position, uint32_t count)
{
    struct whb_trace_read head;
    assert_int_equal(trace_ring_range(&trace, asked, room, &head), count);
    assert_int_equal(head.position, position);
    assert_int_equal(head.written, trace.written);
    assert_int_equal(head.lost, head.written > SIZE ? head.written - SIZE : 0);
}

static void test_positions(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 3 * SIZE; n++) {
        assert_int_equal(trace.written, n);
        check_range(n, SIZE, n, 0);
        check_range(UINT64_MAX, SIZE, n, 0);
        check_range(0, 0, n > SIZE ? n - SIZE : 0, 0);
        uint64_t oldest = n > SIZE ? n - SIZE : 0;
        check_range(0, UINT32_MAX, oldest, (uint32_t)(n - oldest));
        for (uint64_t at = oldest; at < n; at++) {
            struct whb_trace_entry e;
            trace_ring_entry(&trace, at, &e);
            assert_int_equal(e.tsc, 1000 + at);
        }
        write_one(1000 + n);
    }
}

static void check_times(struct trace_raw raw, uint64_t hypervisor, uint64_t root)
{
    struct whb_trace_entry e;
    (void)start(NULL);
    raw.next = trace.current->next->next;
    *trace_ring_next(&trace) = raw;
    trace_ring_commit(&trace, trace_ring_next(&trace));
    trace_ring_entry(&trace, 0, &e);
    assert_int_equal(e.hypervisor_ticks, hypervisor);
    assert_int_equal(e.root_ticks, root);
    assert_int_equal(e.tsc, raw.tsc);
    assert_int_equal(e.vp, raw.vp);
    assert_int_equal(e.reason, raw.reason);
    assert_int_equal(e.qualification, raw.qualification);
    assert_int_equal(e.reserved, 0);
}

/* Points in time of the ring's last lap lie before the exit, and do not count. */
static void test_times(void **state)
{
    (void)state;
    struct trace_raw raw = {.tsc = 1000, .vp = 0x10002, .qualification = 7, .reason = 30};
    check_times(raw, 0, 0);
    raw.left = 900;
    raw.returned = 950;
    raw.entered = 990;
    check_times(raw, 0, 0);
    raw.entered = 1040; /* finished by the hypervisor */
    check_times(raw, 40, 0);
    raw.entered = 990;
    raw.left = 1100; /* the root is at it */
    check_times(raw, 100, 0);
    raw.returned = 1500; /* and back, but the guest was not entered */
    check_times(raw, 100, 400);
    raw.entered = 1530;
    check_times(raw, 130, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_positions, start),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
