/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/fault_class.c */
#include "tests/unit/cmocka_tests.h"

#include "root/libwhv/entry_check/vmx_format.h"
#include "root/libwhv/fault_class.h"

#define INFO(type, vector) (INTERRUPTION_VALID | (uint32_t)(type) << INTERRUPTION_TYPE_SHIFT | (uint32_t)(vector))
#define EXCEPTION(vector) INFO(INTERRUPTION_HARDWARE_EXCEPTION, vector)

enum { BENIGN, CONTRIBUTORY, PAGE };

/* SDM vol. 3A, table 6-4. */
static int class_of(uint32_t vector)
{
    switch (vector) {
    case 0:
    case 10:
    case 11:
    case 12:
    case 13:
    case 21:
        return CONTRIBUTORY;
    case 14:
    case 20:
        return PAGE;
    default:
        return BENIGN;
    }
}

/* Table 6-5: rows are the first exception, columns the second. */
static const enum fault_outcome table[3][3] = {
    [BENIGN] = {FAULT_SERIAL, FAULT_SERIAL, FAULT_SERIAL},
    [CONTRIBUTORY] = {FAULT_SERIAL, FAULT_DOUBLE, FAULT_SERIAL},
    [PAGE] = {FAULT_SERIAL, FAULT_DOUBLE, FAULT_DOUBLE},
};

static void test_table(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 32; first++) {
        for (uint32_t second = 0; second < 32; second++) {
            enum fault_outcome expected = table[class_of(first)][class_of(second)];
            if (first == 8) {
                expected = class_of(second) == BENIGN ? FAULT_SERIAL : FAULT_TRIPLE;
            }
            assert_int_equal(fault_escalate(EXCEPTION(first), EXCEPTION(second)), expected);
            assert_int_equal(fault_escalate(EXCEPTION(first) & ~INTERRUPTION_VALID, EXCEPTION(second)), FAULT_SERIAL);
        }
    }
}

/* INT n is benign also with the vector of an exception, as are interrupts. */
static void test_interrupts(void **state)
{
    const uint32_t types[] = {INTERRUPTION_EXTERNAL, INTERRUPTION_NMI, INTERRUPTION_SOFTWARE_INTERRUPT,
                              INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION, INTERRUPTION_SOFTWARE_EXCEPTION};
    (void)state;
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (uint32_t vector = 0; vector < 256; vector++) {
            assert_int_equal(fault_escalate(INFO(types[i], vector), EXCEPTION(13)), FAULT_SERIAL);
            assert_int_equal(fault_escalate(INFO(types[i], vector), EXCEPTION(14)), FAULT_SERIAL);
        }
        assert_int_equal(fault_escalate(EXCEPTION(14), INFO(types[i], 13)), FAULT_SERIAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
