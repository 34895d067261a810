/* SPDX-License-Identifier: MIT */
/* sources: vmm/io_event/doorbell_match.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/io_event/doorbell_match.h"

static void check_match(const WHV_DOORBELL_MATCH_DATA *d, const struct doorbell_match *m, struct tape *tape)
{
    uint32_t size = 1u << tape_choose(tape, 4);
    uint64_t value = tape_choose(tape, 2) != 0 ? m->value : tape_u64(tape);
    uint64_t address = tape_choose(tape, 2) != 0 ? m->address : tape_u64(tape);
    value &= size == 8 ? ~0ull : (1ull << size * 8) - 1;
    CHECK(doorbell_match_same(m, m));
    CHECK(d->Reserved == 0);
    if (doorbell_matches(m, address, value, size)) {
        CHECK(address == m->address);
        CHECK(d->MatchOnLength == 0 || d->Length == size);
        CHECK(!m->on_value || value == m->value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    while (tape.left > 0) {
        WHV_DOORBELL_MATCH_DATA d;
        struct doorbell_match m;
        memset(&d, 0, sizeof(d));
        d.GuestAddress = tape_choose(&tape, 2) != 0 ? tape_address(&tape) : tape_u64(&tape);
        d.Value = tape_choose(&tape, 2) != 0 ? tape_byte(&tape) : tape_u64(&tape);
        d.Length = tape_choose(&tape, 12);
        d.MatchOnValue = tape_choose(&tape, 2) & 1u;
        d.MatchOnLength = tape_choose(&tape, 2) & 1u;
        d.Reserved = tape_choose(&tape, 16) == 0 ? 1u : 0u;
        if (doorbell_match_read(&d, 1ull << (36 + tape_choose(&tape, 12)), &m)) {
            check_match(&d, &m, &tape);
        }
    }
    return 0;
}
