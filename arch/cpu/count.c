/* SPDX-License-Identifier: MIT */
#include "arch/cpu/count.h"

#ifdef COUNT_INSTRUCTIONS
#include "arch/cpu/percpu.h"

static uint64_t counts[MAX_CPUS][COUNTED_INSTRUCTIONS];
bool count_on;

void count_one(enum counted_instruction which)
{
    counts[this_cpu()->index][which]++;
}

bool count_read(uint64_t *to)
{
    for (unsigned i = 0; i < COUNTED_INSTRUCTIONS; i++) {
        to[i] = counts[this_cpu()->index][i];
    }
    return true;
}

void count_start(void)
{
    count_on = true;
}
#else
bool count_read(uint64_t *to)
{
    (void)to;
    return false;
}

void count_start(void)
{
}
#endif
