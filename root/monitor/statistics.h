/* SPDX-License-Identifier: MIT */
/* What a VP's exits cost, by reason: as `perf kvm stat` counts, from the record until the next run. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum statistics_row {
    STATISTICS_PORT_READ,
    STATISTICS_PORT_WRITE,
    STATISTICS_PORT_STRING,
    STATISTICS_MMIO,
    STATISTICS_WINDOW,
    STATISTICS_HALT,
    STATISTICS_EOI,
    STATISTICS_MSR,
    STATISTICS_CPUID,
    STATISTICS_CANCELED,
    STATISTICS_OTHER,
    STATISTICS_ROWS,
};

struct statistics_entry {
    uint64_t count;
    uint64_t ticks; /* of the TSC, all together */
    uint64_t worst; /* ticks of the longest one */
};

struct vp_statistics {
    uint64_t in_guest; /* ticks inside run-VP: the guest, the hypervisor, and waiting in HLT */
    struct statistics_entry rows[STATISTICS_ROWS];
};

void statistics_count(struct vp_statistics *s, enum statistics_row row, uint64_t ticks);
/* Adds `more` to `sum`. */
void statistics_add(struct vp_statistics *sum, const struct vp_statistics *more);

/* A table for people, then a line of JSON between marker lines. `put` gets whole lines without their end. */
struct statistics_report {
    const char *guest;
    uint32_t vps;
    uint64_t elapsed;   /* ticks since the guest's start */
    uint64_t heap_used; /* bytes of the hypervisor's heap */
    void (*put)(void *context, const char *line);
    void *context;
};
void statistics_print(const struct vp_statistics *s, const struct statistics_report *to);
