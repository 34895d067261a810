/* SPDX-License-Identifier: MIT */
/* What partitions of this machine may have. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/partition/processor_features.h"

struct machine_offer {
    struct processor_features features;
    uint64_t extended_exits; /* WHV_EXTENDED_VM_EXITS */
    uint64_t clock_hz;       /* of the TSC, and of the timers of local APICs, which count its ticks */
    uint32_t address_width;  /* of guest physical addresses, bits */
    uint8_t clflush_size;    /* log2 of bytes */
    bool apic;               /* local APICs in the hypervisor */
};

/* Once at boot, when the processor is known. `apic`: local APICs in the hypervisor; `xcr0`: bits that VPs may set. */
void machine_offer_init(bool apic, uint64_t xcr0);
const struct machine_offer *machine_offer(void);
