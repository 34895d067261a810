/* SPDX-License-Identifier: MIT */
/* sources: vmm/registers/xsave_image.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/registers/xsave_image.h"

#define BV 512
#define COMP 520
#define AVX 4u
#define OPMASK 0x20u
#define ZMM 0x40u

/* As on a CPU with AVX and two components of AVX-512. */
static const struct xsave_format format = {
    .components = 3 | AVX | OPMASK | ZMM,
    .size = 1664,
    .mxcsr_mask = 0xffff,
    .component = {[2] = {256, 576, false}, [5] = {64, 1088, false}, [6] = {512, 1152, true}},
};

static uint8_t in[4096], out[4096];

static void put(size_t at, uint64_t value)
{
    memcpy(in + at, &value, sizeof(value));
}

static uint64_t out_word(size_t at)
{
    uint64_t value;
    memcpy(&value, out + at, sizeof(value));
    return value;
}

static void start(void)
{
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)(i * 7 + 1);
    }
    memset(in + BV, 0, 64);
    memset(in + 24, 0, 8);
    memset(out, 0xee, sizeof(out));
}

static void test_standard(void **state)
{
    (void)state;
    start();
    put(BV, 3 | AVX | ZMM);
    assert_true(xsave_image_take(&format, in, 1664, out));
    assert_memory_equal(out, in, 512);
    assert_int_equal(out_word(BV), 3 | AVX | ZMM);
    assert_int_equal(out_word(COMP), 0);
    assert_memory_equal(out + 576, in + 576, 256);
    assert_int_equal(out_word(1088), 0); /* absent component */
    assert_memory_equal(out + 1152, in + 1152, 512);
    assert_int_equal(out_word(4088), 0);
}

static void test_compacted(void **state)
{
    (void)state;
    start();
    put(BV, 3 | OPMASK | ZMM);
    put(COMP, 1ull << 63 | 3 | AVX | OPMASK | ZMM);
    assert_true(xsave_image_take(&format, in, 4096, out));
    assert_int_equal(out_word(COMP), 0);
    assert_int_equal(out_word(576), 0);
    assert_memory_equal(out + 1088, in + 832, 64);  /* 576 + 256 */
    assert_memory_equal(out + 1152, in + 896, 512); /* 896 is a multiple of 64 */
    put(COMP, 1ull << 63 | 3 | OPMASK | ZMM);
    assert_true(xsave_image_take(&format, in, 4096, out));
    assert_memory_equal(out + 1088, in + 576, 64);
    assert_memory_equal(out + 1152, in + 640, 512);
}

/* SDM vol. 1, 13.8.1 and 13.8.2: the standard form's MXCSR always counts, the compacted one's with the SSE state only.
 */
static void test_mxcsr(void **state)
{
    static const struct {
        uint64_t present, compaction;
        uint32_t mxcsr, taken; /* 0: refused */
    } rows[] = {
        {0, 0, 0x1fa0, 0x1fa0},
        {3, 0, 0x1fa0, 0x1fa0},
        {0, 0, 0x80001f80, 0},
        {0, 1ull << 63 | 3, 0x1fa0, 0x1f80},
        {1 | AVX, 1ull << 63 | 3 | AVX, 0x1fa0, 0x1f80},
        {2, 1ull << 63 | 3, 0x1fa0, 0x1fa0},
        {1, 1ull << 63 | 3, 0x80001f80, 0x1f80},
        {2, 1ull << 63 | 3, 0x80001f80, 0},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        put(BV, rows[i].present);
        put(COMP, rows[i].compaction);
        memcpy(in + 24, &rows[i].mxcsr, 4);
        assert_int_equal(xsave_image_take(&format, in, sizeof(in), out), rows[i].taken != 0);
        if (rows[i].taken != 0) {
            assert_int_equal(out_word(24) & 0xffffffff, rows[i].taken);
        }
    }
}

static void assert_refused(uint64_t bv, uint64_t comp, uint64_t size)
{
    put(BV, bv);
    put(COMP, comp);
    assert_false(xsave_image_take(&format, in, size, out));
}

static void test_refusals(void **state)
{
    (void)state;
    start();
    assert_refused(3, 0, 575);
    assert_refused(3, 0, 4097);
    assert_refused(3 | AVX, 0, 831);
    assert_refused(8, 0, 1664);
    assert_refused(1ull << 63, 0, 1664);
    assert_refused(3, 3, 1664); /* a layout without bit 63 */
    assert_refused(3, 1ull << 63 | 8, 1664);
    assert_refused(3 | AVX, 1ull << 63 | 3, 1664); /* present, but not in the layout */
    for (size_t i = 528; i < 576; i += 8) {
        put(i, 1);
        assert_refused(3, 0, 1664);
        put(i, 0);
    }
    put(24, 0x10000);
    assert_refused(0, 0, 1664);
    put(24, 0xffff);
    put(BV, 3);
    put(COMP, 0);
    assert_true(xsave_image_take(&format, in, 576, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard),
        cmocka_unit_test(test_compacted),
        cmocka_unit_test(test_mxcsr),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
