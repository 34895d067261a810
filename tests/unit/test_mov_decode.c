/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/mov_decode.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "vmm/vp/mov_decode.h"

/* Register n holds this. */
#define R(n) (0x1122334455660000ull + 0x1101 * (n))
#define RIP 0x401000ull

static void fill(uint64_t gpr[16])
{
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = R(i);
    }
}

struct row {
    enum mov_mode mode;
    uint8_t bytes[15];
    uint8_t length, size;
    uint64_t value, offset;
    enum mov_segment segment;
};

/* Encodings as GNU as makes them; the instruction is in the comment. */
static const struct row rows[] = {
    {MOV_MODE_64, {0x88, 0x03}, 2, 1, R(0) & 0xff, R(3), MOV_DS},                    /* mov %al, (%rbx) */
    {MOV_MODE_64, {0x88, 0x23}, 2, 1, 0, R(3), MOV_DS},                              /* mov %ah, (%rbx) */
    {MOV_MODE_64, {0x88, 0x3b}, 2, 1, (R(3) >> 8) & 0xff, R(3), MOV_DS},             /* mov %bh, (%rbx) */
    {MOV_MODE_64, {0x40, 0x88, 0x23}, 3, 1, R(4) & 0xff, R(3), MOV_DS},              /* mov %spl, (%rbx) */
    {MOV_MODE_64, {0x44, 0x88, 0x03}, 3, 1, R(8) & 0xff, R(3), MOV_DS},              /* mov %r8b, (%rbx) */
    {MOV_MODE_64, {0x89, 0x4b, 0xf8}, 3, 4, R(1) & 0xffffffff, R(3) - 8, MOV_DS},    /* mov %ecx, -8(%rbx) */
    {MOV_MODE_64, {0x66, 0x89, 0x0b}, 3, 2, R(1) & 0xffff, R(3), MOV_DS},            /* mov %cx, (%rbx) */
    {MOV_MODE_64, {0x48, 0x89, 0x0b}, 3, 8, R(1), R(3), MOV_DS},                     /* mov %rcx, (%rbx) */
    {MOV_MODE_64, {0x66, 0x48, 0x89, 0x0b}, 4, 8, R(1), R(3), MOV_DS},               /* REX.W wins over 66 */
    {MOV_MODE_64, {0x48, 0x66, 0x89, 0x0b}, 4, 2, R(1) & 0xffff, R(3), MOV_DS},      /* a REX before 66 is void */
    {MOV_MODE_64, {0x4d, 0x89, 0x7d, 0x10}, 4, 8, R(15), R(13) + 16, MOV_DS},        /* mov %r15, 16(%r13) */
    {MOV_MODE_64, {0x89, 0x45, 0x00}, 3, 4, R(0) & 0xffffffff, R(5), MOV_SS},        /* mov %eax, (%rbp) */
    {MOV_MODE_64, {0x89, 0x04, 0x24}, 3, 4, R(0) & 0xffffffff, R(4), MOV_SS},        /* mov %eax, (%rsp) */
    {MOV_MODE_64, {0x41, 0x89, 0x04, 0x24}, 4, 4, R(0) & 0xffffffff, R(12), MOV_DS}, /* mov %eax, (%r12) */
    {MOV_MODE_64, {0x89, 0x44, 0x8b, 0x04}, 4, 4, R(0) & 0xffffffff, R(3) + 4 * R(1) + 4, MOV_DS},
    {MOV_MODE_64, {0x42, 0x89, 0x04, 0xe3}, 4, 4, R(0) & 0xffffffff, R(3) + 8 * R(12), MOV_DS},
    {MOV_MODE_64, {0x89, 0x04, 0x25, 0x00, 0x10, 0x00, 0x80}, 7, 4, R(0) & 0xffffffff, 0xffffffff80001000, MOV_DS},
    {MOV_MODE_64, {0x89, 0x04, 0x8d, 0x10, 0x00, 0x00, 0x00}, 7, 4, R(0) & 0xffffffff, 4 * R(1) + 16, MOV_DS},
    {MOV_MODE_64, {0x89, 0x05, 0x10, 0x00, 0x00, 0x00}, 6, 4, R(0) & 0xffffffff, RIP + 6 + 16, MOV_DS},
    {MOV_MODE_64, {0xc7, 0x05, 0xf0, 0xff, 0xff, 0xff, 1, 2, 3, 4}, 10, 4, 0x04030201, RIP + 10 - 16, MOV_DS},
    {MOV_MODE_64, {0x89, 0x83, 0x00, 0x01, 0x00, 0x00}, 6, 4, R(0) & 0xffffffff, R(3) + 256, MOV_DS},
    {MOV_MODE_64, {0x67, 0x89, 0x03}, 3, 4, R(0) & 0xffffffff, R(3) & 0xffffffff, MOV_DS},
    {MOV_MODE_64, {0x64, 0x89, 0x03}, 3, 4, R(0) & 0xffffffff, R(3), MOV_FS},
    {MOV_MODE_64, {0x65, 0x2e, 0x89, 0x03}, 4, 4, R(0) & 0xffffffff, R(3), MOV_GS}, /* CS: is void in 64-bit mode */
    {MOV_MODE_64, {0xc6, 0x03, 0xfe}, 3, 1, 0xfe, R(3), MOV_DS},
    {MOV_MODE_64, {0x66, 0xc7, 0x03, 0x34, 0x12}, 5, 2, 0x1234, R(3), MOV_DS},
    {MOV_MODE_64, {0x48, 0xc7, 0x03, 0xff, 0xff, 0xff, 0xff}, 7, 8, ~0ull, R(3), MOV_DS},
    {MOV_MODE_64, {0xa2, 1, 2, 3, 4, 5, 6, 7, 8}, 9, 1, R(0) & 0xff, 0x0807060504030201, MOV_DS},
    {MOV_MODE_64, {0x48, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8}, 10, 8, R(0), 0x0807060504030201, MOV_DS},
    {MOV_MODE_64, {0x67, 0xa3, 0, 0, 0, 0x80}, 6, 4, R(0) & 0xffffffff, 0x80000000, MOV_DS},
    {MOV_MODE_32, {0x89, 0x0b}, 2, 4, R(1) & 0xffffffff, R(3) & 0xffffffff, MOV_DS},
    {MOV_MODE_32, {0x66, 0x89, 0x0b}, 3, 2, R(1) & 0xffff, R(3) & 0xffffffff, MOV_DS},
    {MOV_MODE_32, {0x89, 0x05, 0x10, 0, 0, 0x80}, 6, 4, R(0) & 0xffffffff, 0x80000010, MOV_DS},
    {MOV_MODE_32, {0x89, 0x04, 0x24}, 3, 4, R(0) & 0xffffffff, R(4) & 0xffffffff, MOV_SS},
    {MOV_MODE_32, {0x3e, 0x89, 0x04, 0x24}, 4, 4, R(0) & 0xffffffff, R(4) & 0xffffffff, MOV_DS},
    {MOV_MODE_32, {0x67, 0x89, 0x07}, 3, 4, R(0) & 0xffffffff, R(3) & 0xffff, MOV_DS},
    {MOV_MODE_32, {0xa3, 0x10, 0, 0, 0x80}, 5, 4, R(0) & 0xffffffff, 0x80000010, MOV_DS},
    {MOV_MODE_16, {0x89, 0x00}, 2, 2, R(0) & 0xffff, (R(3) + R(6)) & 0xffff, MOV_DS}, /* mov %ax, (%bx,%si) */
    {MOV_MODE_16, {0x89, 0x43, 0x02}, 3, 2, R(0) & 0xffff, (R(5) + R(7) + 2) & 0xffff, MOV_SS},
    {MOV_MODE_16, {0x89, 0x46, 0xfe}, 3, 2, R(0) & 0xffff, (R(5) - 2) & 0xffff, MOV_SS}, /* mov %ax, -2(%bp) */
    {MOV_MODE_16, {0x89, 0x06, 0x00, 0xf0}, 4, 2, R(0) & 0xffff, 0xf000, MOV_DS},        /* mov %ax, 0xf000 */
    {MOV_MODE_16, {0x26, 0x89, 0x85, 0x00, 0x01}, 5, 2, R(0) & 0xffff, (R(7) + 256) & 0xffff, MOV_ES},
    {MOV_MODE_16, {0x66, 0x89, 0x07}, 3, 4, R(0) & 0xffffffff, R(3) & 0xffff, MOV_DS},
    {MOV_MODE_16, {0x67, 0x66, 0xc7, 0x03, 1, 2, 3, 4}, 8, 4, 0x04030201, R(3) & 0xffffffff, MOV_DS},
    {MOV_MODE_16, {0xa2, 0x34, 0x12}, 3, 1, R(0) & 0xff, 0x1234, MOV_DS},
    {MOV_MODE_16, {0x36, 0xa3, 0x34, 0x12}, 4, 2, R(0) & 0xffff, 0x1234, MOV_SS},
    {MOV_MODE_16, {0xc7, 0x07, 0x34, 0x12}, 4, 2, 0x1234, R(3) & 0xffff, MOV_DS},
    {MOV_MODE_16, {0x40}, 0, 0, 0, 0, MOV_DS},                   /* INC: REX exists in 64-bit mode alone */
    {MOV_MODE_64, {0x88, 0xc3}, 0, 0, 0, 0, MOV_DS},             /* to a register */
    {MOV_MODE_64, {0xc7, 0x0b, 1, 2, 3, 4}, 0, 0, 0, 0, MOV_DS}, /* /1 */
    {MOV_MODE_64, {0x8b, 0x03}, 0, 0, 0, 0, MOV_DS},             /* a load */
    {MOV_MODE_64, {0xf0, 0x89, 0x03}, 0, 0, 0, 0, MOV_DS},       /* LOCK */
    {MOV_MODE_64, {0xf3, 0x89, 0x03}, 0, 0, 0, 0, MOV_DS},       /* XRELEASE */
    {MOV_MODE_64, {0x0f, 0xc3, 0x03}, 0, 0, 0, 0, MOV_DS},       /* MOVNTI */
    {MOV_MODE_64,
     {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x89},
     0,
     0,
     0,
     0,
     MOV_DS},
};

static void test_rows(void **state)
{
    uint64_t gpr[16];
    (void)state;
    fill(gpr);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct mov_store s;
        bool known = mov_decode(r->bytes, sizeof(r->bytes), r->mode, &s);
        if (known != (r->length != 0)) {
            fail_msg("row %zu", i);
        }
        if (!known) {
            continue;
        }
        if (s.length != r->length || s.size != r->size || s.segment != r->segment || mov_value(&s, gpr) != r->value ||
            mov_offset(&s, gpr, RIP) != r->offset) {
            fail_msg("row %zu: length %u size %u segment %u value %#lx offset %#lx", i, s.length, s.size, s.segment,
                     (unsigned long)mov_value(&s, gpr), (unsigned long)mov_offset(&s, gpr, RIP));
        }
        for (unsigned count = 0; count < r->length; count++) {
            assert_false(mov_decode(r->bytes, count, r->mode, &s));
        }
        assert_true(mov_decode(r->bytes, r->length, r->mode, &s));
    }
}

/* 16 bytes may be there; an instruction has 15. */
static void test_longest(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct mov_store s;
    memset(bytes, 0x2e, sizeof(bytes));
    memcpy(bytes + 8, (const uint8_t[]){0x48, 0xc7, 0x03, 1, 2, 3, 4}, 7);
    assert_true(mov_decode(bytes, 16, MOV_MODE_64, &s));
    assert_int_equal(s.length, 15);
    memcpy(bytes + 9, (const uint8_t[]){0x48, 0xc7, 0x03, 1, 2, 3, 4}, 7);
    bytes[8] = 0x2e;
    assert_false(mov_decode(bytes, 16, MOV_MODE_64, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
