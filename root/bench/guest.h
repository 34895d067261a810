/* SPDX-License-Identifier: MIT */
/* A guest of the bench: 2 MiB of RAM at GPA 0, VPs in long mode, everything mapped onto itself up to 1 GiB. */
#pragma once

#include "root/bench/bench.h"

#define GUEST_RAM 0x200000u
#define GUEST_CODE 0x1000u
#define GUEST_COUNTERS 0x3000u   /* what the code counts in */
#define GUEST_SAMPLES 0x40000u   /* what the code measures, 32 bits each */
#define GUEST_DEVICE 0x20000000u /* nothing is mapped there */

/* Code of guests.S. */
#define BENCH_CODE(name) extern const uint8_t bench_##name[], bench_##name##_end[]

struct guest {
    WHV_PARTITION_HANDLE partition;
    uint8_t *ram;
    uint32_t vps;
    HRESULT hr; /* of the last run */
    WHV_RUN_VP_EXIT_CONTEXT record;
};

struct guest_options {
    uint32_t vps;        /* 0: one */
    uint64_t exits;      /* WHV_EXTENDED_VM_EXITS */
    uint64_t exceptions; /* vectors that exit */
    bool apic;           /* a local APIC in x2APIC mode */
    uint8_t *ram;        /* NULL: the block that all guests get one after another */
};

/* Not where the VMX preemption timer is missing. */
bool guest_has_apics(void);
/* Whether the command line wants this case, and, for one with local APICs, the hypervisor has them here. */
bool guest_wants(const char *name, bool apic);

/* False: a step failed, which was reported under `name`. There is nothing to destroy then. */
bool guest_create(struct guest *g, const char *name, const struct guest_options *options);
void guest_destroy(struct guest *g);

/* Copies the code to GUEST_CODE, and puts the VP at its begin in long mode. */
bool guest_load(struct guest *g, uint32_t vp, const uint8_t *begin, const uint8_t *end);
#define GUEST_LOAD(g, vp, name) guest_load(g, vp, bench_##name, bench_##name##_end)
/* Copies a handler to `at` and makes the guest's IDT name it. Before guest_load. */
void guest_handler(struct guest *g, unsigned vector, uint32_t at, const uint8_t *begin, const uint8_t *end);

bool guest_set(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name, uint64_t value);
volatile uint64_t *guest_counter(const struct guest *g, uint32_t index);

/* One WHvRunVirtualProcessor of VP 0; the result is in g->hr and g->record. */
static inline void guest_run(struct guest *g)
{
    g->hr = WHvRunVirtualProcessor(g->partition, 0, &g->record, sizeof(g->record));
}

/* Takes the physical interrupt that cut a run off; discards the run. */
enum bench_verdict guest_judge(const struct guest *g, WHV_RUN_VP_EXIT_REASON reason);
