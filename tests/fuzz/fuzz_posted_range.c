/* SPDX-License-Identifier: MIT */
/* sources: vmm/io_event/posted_range.c */
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/io_event/posted_range.h"

static uint64_t any_address(struct tape *tape)
{
    uint64_t address = tape_choose(tape, 2) != 0 ? tape_address(tape) : tape_u64(tape);
    return tape_choose(tape, 2) != 0 ? address : WHB_POSTED_PORT | (address & 0x1ffff);
}

/* Byte by byte, near the ends of the range and where the tape says. */
static void check_holds(const struct posted_range *r, struct tape *tape)
{
    const uint64_t near[] = {r->first - 4, r->first, r->last - 3, r->last, any_address(tape)};
    uint32_t size = 1u << tape_choose(tape, 4);
    for (unsigned i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        uint64_t at = near[i] + tape_choose(tape, 8);
        bool all = at + size > at;
        for (uint32_t b = 0; b < size; b++) {
            all = all && at + b >= r->first && at + b <= r->last;
        }
        CHECK(posted_range_holds(r, at, size) == all);
    }
}

static void check_range(const struct posted_range *r, uint64_t address, uint64_t size, uint64_t limit)
{
    CHECK(r->first == address && r->last - r->first == size - 1 && r->last >= r->first);
    CHECK((r->first & WHB_POSTED_PORT) == (r->last & WHB_POSTED_PORT));
    CHECK((r->last & WHB_POSTED_PORT) != 0 ? (r->last & ~WHB_POSTED_PORT) < 0x10000 : r->last < limit);
    CHECK(posted_range_overlaps(r, r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct posted_range before = {0, 0};
    while (tape.left > 0) {
        struct posted_range r;
        uint64_t address = any_address(&tape), limit = 1ull << (36 + tape_choose(&tape, 17));
        uint64_t bytes =
            tape_choose(&tape, 2) != 0 ? (uint64_t)tape_byte(&tape) << tape_choose(&tape, 10) : tape_u64(&tape);
        if (!posted_range_read(address, bytes, limit, &r)) {
            continue;
        }
        check_range(&r, address, bytes, limit);
        check_holds(&r, &tape);
        bool apart = r.last < before.first || before.last < r.first;
        CHECK(posted_range_overlaps(&r, &before) == !apart && posted_range_overlaps(&before, &r) == !apart);
        before = r;
    }
    return 0;
}
