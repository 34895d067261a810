/* SPDX-License-Identifier: MIT */
/* sources: arch/cpu/mtrr.c */
#include <string.h>

#include "arch/cpu/mtrr.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

static void take_state(struct tape *tape, struct mtrr_state *s)
{
    memset(s, 0, sizeof(*s));
    s->physical_bits = (uint8_t)(36 + tape_choose(tape, 17));
    s->cap = tape_u64(tape);
    s->def_type = tape_choose(tape, 2) != 0 ? 0xc06 : tape_u64(tape);
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++) {
        s->fixed[i] = tape_choose(tape, 2) != 0 ? 0x0606060606060606 : tape_u64(tape);
    }
    s->variable_count = tape_choose(tape, MTRR_VARIABLE_MAX + 1);
    for (unsigned i = 0; i < s->variable_count; i++) {
        uint64_t block = 4096ull << tape_choose(tape, 20);
        s->base[i] = (tape_u64(tape) & ((1ull << s->physical_bits) - 1) & ~(block - 1)) | tape_choose(tape, 8);
        s->mask[i] =
            tape_choose(tape, 8) == 0 ? tape_u64(tape) : (~(block - 1) & ((1ull << s->physical_bits) - 1)) | 0x800;
    }
}

/* One type for a block means that type for each of its pages. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct mtrr_state s;
    take_state(&tape, &s);
    uint64_t pages = 1 + tape_choose(&tape, 64), pa = tape_u64(&tape) & ((1ull << s.physical_bits) - 1) & ~4095ull;
    pa = tape_choose(&tape, 2) != 0 ? pa & 0xfffff : pa;
    uint8_t whole = mtrr_type(&s, pa, pages << 12);
    CHECK(whole == MTRR_TYPE_MIXED || whole == 0 || whole == 1 || (whole >= 4 && whole <= 6));
    for (uint64_t i = 0; i < pages; i++) {
        uint8_t type = mtrr_type(&s, pa + (i << 12), 4096);
        CHECK(type == 0 || type == 1 || (type >= 4 && type <= 6) || type == MTRR_TYPE_MIXED);
        CHECK(whole == MTRR_TYPE_MIXED || type == whole);
    }
    return 0;
}
