/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/xsave_form.c vmm/registers/xsave_image.c */
/* What libwhv gives to clients, by examples and back through the hypervisor's own check. */
#include "root/libwhv/xsave_form.h"

#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/registers/xsave_image.h"

#define BV 512
#define COMP 520
#define AVX 4u
#define OPMASK 0x20u
#define ZMM 0x40u
#define HI16 0x80u
#define ALL (3u | AVX | OPMASK | ZMM | HI16)
#define STANDARD_SIZE 2688u

static const struct xsave_form form = {
    .components = ALL,
    .component =
        {[2] = {256, 576, false}, [5] = {64, 1088, false}, [6] = {512, 1152, false}, [7] = {1024, 1664, false}},
};
/* Components that leave gaps in the compacted form. */
static const struct xsave_form odd = {
    .components = 3 | 8 | 0x10 | ZMM,
    .component = {[3] = {8, 960, false}, [4] = {24, 1024, true}, [6] = {512, 1152, true}},
};
static const struct xsave_format format = {
    .components = ALL,
    .size = STANDARD_SIZE,
    .mxcsr_mask = 0xffff,
    .component =
        {[2] = {256, 576, false}, [5] = {64, 1088, false}, [6] = {512, 1152, false}, [7] = {1024, 1664, false}},
};

static uint8_t standard[XSAVE_STANDARD_MAX], compacted[XSAVE_STANDARD_MAX], back[XSAVE_STANDARD_MAX];

static uint64_t word(const uint8_t *image, size_t at)
{
    uint64_t value;
    memcpy(&value, image + at, sizeof(value));
    return value;
}

static void start(uint64_t present, uint32_t mxcsr)
{
    for (size_t i = 0; i < sizeof(standard); i++) {
        standard[i] = (uint8_t)(i * 7 + 1);
    }
    memset(standard + BV, 0, 64);
    memcpy(standard + BV, &present, sizeof(present));
    memcpy(standard + 24, &mxcsr, sizeof(mxcsr));
    memset(compacted, 0xee, sizeof(compacted));
}

static void test_sizes(void **state)
{
    static const struct xsave_form none = {0};
    (void)state;
    assert_int_equal(xsave_compacted_size(&none), 576);
    assert_int_equal(xsave_compacted_size(&form), 576 + 256 + 64 + 512 + 1024);
    assert_int_equal(xsave_compacted_size(&odd), 1216); /* 8 bytes at 576, 24 at 640, 512 at 704 */
    struct xsave_form_component c = xsave_form_component(64, 1088, 2);
    assert_int_equal(c.size, 64);
    assert_int_equal(c.offset, 1088);
    assert_true(c.align64);
    assert_false(xsave_form_component(64, 1088, 5).align64);
}

static void test_all_present(void **state)
{
    (void)state;
    start(ALL, 0x1f80);
    xsave_compact(&form, standard, compacted);
    assert_memory_equal(compacted, standard, 512);
    assert_int_equal(word(compacted, BV), ALL);
    assert_int_equal(word(compacted, COMP), 1ull << 63 | ALL);
    for (size_t i = 528; i < 576; i += 8) {
        assert_int_equal(word(compacted, i), 0);
    }
    assert_memory_equal(compacted + 576, standard + 576, 256);
    assert_memory_equal(compacted + 832, standard + 1088, 64);
    assert_memory_equal(compacted + 896, standard + 1152, 512);
    assert_memory_equal(compacted + 1408, standard + 1664, 1024);
    assert_int_equal(compacted[xsave_compacted_size(&form)], 0xee);
}

static void test_absent_and_aligned(void **state)
{
    (void)state;
    start(3 | 0x10 | ZMM, 0x1f80);
    xsave_compact(&odd, standard, compacted);
    for (size_t i = 576; i < 640; i++) {
        assert_int_equal(compacted[i], 0); /* absent, and what lies between */
    }
    assert_memory_equal(compacted + 640, standard + 1024, 24);
    assert_int_equal(word(compacted, 696), 0);
    assert_memory_equal(compacted + 704, standard + 1152, 512);
    assert_int_equal(word(compacted, BV), 3 | 0x10 | ZMM);
    assert_int_equal(word(compacted, COMP), 1ull << 63 | 3 | 8 | 0x10 | ZMM);
}

/* MXCSR counts in the standard form without the SSE state, in the compacted one it does not. */
static void test_mxcsr(void **state)
{
    (void)state;
    start(1, 0x1f80);
    xsave_compact(&form, standard, compacted);
    assert_int_equal(word(compacted, BV), 1);
    start(1, 0x1fa0);
    xsave_compact(&form, standard, compacted);
    assert_int_equal(word(compacted, BV), 3);
    assert_int_equal(word(compacted, 24) & 0xffffffff, 0x1fa0);
}

static void test_back(void **state)
{
    (void)state;
    for (uint64_t present = 0; present <= ALL; present++) {
        if ((present & ~(uint64_t)ALL) != 0) {
            continue;
        }
        start(present, present % 3 == 0 ? 0x1f80 : 0x1fbf);
        xsave_compact(&form, standard, compacted);
        assert_true(xsave_image_take(&format, compacted, xsave_compacted_size(&form), back));
        assert_memory_equal(back, standard, 512);
        assert_int_equal(word(back, COMP), 0);
        for (unsigned i = 2; i < 8; i++) {
            const struct xsave_form_component *c = &form.component[i];
            bool there = (present >> i & 1u) != 0;
            for (uint32_t k = 0; k < c->size; k++) {
                assert_int_equal(back[c->offset + k], there ? standard[c->offset + k] : 0);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_all_present), cmocka_unit_test(test_absent_and_aligned),
        cmocka_unit_test(test_mxcsr), cmocka_unit_test(test_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
