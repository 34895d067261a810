/* SPDX-License-Identifier: MIT */
/* sources: */
/* Where fields are in an enlightened VMCS. */
#include <stdbool.h>

#include "arch/vmx/evmcs.h"
#include "tests/unit/cmocka_tests.h"

#define FIELDS_END 0x7000u
#define PAGE_USED 1024u

/* By bits 14:13 of the encoding. */
static uint32_t bytes_of(uint32_t encoding)
{
    static const uint32_t bytes[] = {2, 8, 4, 8};
    return bytes[encoding >> 13 & 3u];
}

static void test_places(void **state)
{
    (void)state;
    bool used[PAGE_USED] = {false};
    uint32_t found = 0;
    for (uint32_t encoding = 0; encoding < FIELDS_END; encoding++) {
        uint32_t place = evmcs_place(encoding), size = bytes_of(encoding);
        if (place == EVMCS_NOWHERE) {
            continue;
        }
        found++;
        assert_int_equal(place % size, 0);
        assert_true(place + size <= PAGE_USED);
        assert_true(place + size <= EVMCS_CLEAN_FIELDS || place >= EVMCS_CLEAN_FIELDS + 4);
        for (uint32_t i = 0; i < size; i++) {
            assert_false(used[place + i]);
            used[place + i] = true;
        }
    }
    assert_true(found > 100);
}

/* Some of each group, from the TLFS's table of offsets. */
static void test_known(void **state)
{
    (void)state;
    assert_int_equal(evmcs_place(VMCS_HOST_ES_SELECTOR.encoding), 8);
    assert_int_equal(evmcs_place(VMCS_HOST_PAT.encoding), 24);
    assert_int_equal(evmcs_place(VMCS_GUEST_ES_SELECTOR.encoding), 128);
    assert_int_equal(evmcs_place(VMCS_VPID.encoding), 632);
    assert_int_equal(evmcs_place(VMCS_EXIT_REASON.encoding), 692);
    assert_int_equal(evmcs_place(VMCS_GUEST_RIP.encoding), 816);
}

static void test_absent(void **state)
{
    (void)state;
    assert_int_equal(evmcs_place(VMCS_GUEST_PREEMPTION_TIMER.encoding), EVMCS_NOWHERE);
    assert_int_equal(evmcs_place(VMCS_GUEST_INTERRUPT_STATUS.encoding), EVMCS_NOWHERE);
    assert_int_equal(evmcs_place(VMCS_EOI_EXIT0.encoding), EVMCS_NOWHERE);
    assert_int_equal(evmcs_place(0x1234), EVMCS_NOWHERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
