/* SPDX-License-Identifier: MIT */
#include "tests/attack/attack.h"

void random_seed(struct random *r, uint64_t seed, uint32_t stream)
{
    r->state = (seed + 1) * 0x9e3779b97f4a7c15ull + stream * 0xd1b54a32d192ed03ull;
    r->state = r->state == 0 ? 1 : r->state;
    for (unsigned i = 0; i < 8; i++) {
        (void)random_u64(r);
    }
}

uint64_t random_u64(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dull;
}

uint32_t random_below(struct random *r, uint32_t limit)
{
    return (uint32_t)((random_u64(r) >> 32) * limit >> 32);
}

bool random_once_in(struct random *r, uint32_t n)
{
    return random_below(r, n) == 0;
}
