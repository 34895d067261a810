/* SPDX-License-Identifier: MIT */
#include "root/monitor/load_problem.h"

#include "root/devices/guest_memory.h"
#include "root/lib/format.h"

#define MIB_SHIFT 20u

static char text[160];

const char *load_too_small(const char *what, uint64_t end)
{
    uint64_t mib = (end >> MIB_SHIFT) + ((end & ((1u << MIB_SHIFT) - 1)) != 0 ? 1 : 0);
    const char *format = end > GUEST_LOW_MAX
                             ? "%s would need %llu MiB below 4 GiB, where a guest has at most 3072 MiB of memory"
                             : "the guest's memory= is too small for %s: at least %lluM is needed";
    (void)snprintf(text, sizeof(text), format, what, (unsigned long long)mib);
    return text;
}
