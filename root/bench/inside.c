/* SPDX-License-Identifier: MIT */
/* Hypercalls that do nothing, and exits that never reach the root: those the guest measures by itself. */
#include "root/bench/guest.h"

BENCH_CODE(inside_cpuid);
BENCH_CODE(inside_pio);
BENCH_CODE(inside_mmio);
BENCH_CODE(inside_nothing);

/* Of guests.S. */
#define POSTED_PORT 0x10u
#define END_PORT 0x11u

static struct guest guest;

static void null_call(void *arg)
{
    (void)arg;
    (void)whb_call(WHB_CALL_VERSION, 0, 0, 0, 0, 0, NULL);
}

void bench_calls(void)
{
    const struct bench_work work = {NULL, null_call, NULL, NULL};
    if (bench_wants("hypercall_null")) {
        bench_measure("hypercall_null", &work);
    }
}

struct inside_case {
    const char *name;
    bool apic;
    const uint8_t *begin, *end;
};

/*
 * A posted write that finds the ring full exits: takes what waits, as a client does, so that the next run tries it
 * again. False: it was another exit.
 */
static bool drain(void)
{
    static struct whb_posted_write writes[WHB_POSTED_SLOTS];
    UINT32 count = 0;
    return whb_posted_waiting(guest.partition, 0) == WHB_POSTED_SLOTS - 1 &&
           whb_take_posted_writes(guest.partition, 0, writes, WHB_POSTED_SLOTS, &count) == S_OK;
}

static enum bench_verdict judge(void)
{
    enum bench_verdict verdict = guest_judge(&guest, WHvRunVpExitReasonX64IoPortAccess);
    return verdict == BENCH_GOOD && guest.record.IoPortAccess.PortNumber != END_PORT ? BENCH_FAILED : verdict;
}

/* Runs code that fills GUEST_SAMPLES with `count` samples, to its end. */
static bool sample_inside(const char *name, const uint8_t *begin, const uint8_t *end, uint32_t count)
{
    if (!guest_load(&guest, 0, begin, end) || !guest_set(&guest, 0, WHvX64RegisterRdi, GUEST_SAMPLES) ||
        !guest_set(&guest, 0, WHvX64RegisterR8, 0) || !guest_set(&guest, 0, WHvX64RegisterR10, count) ||
        !guest_set(&guest, 0, WHvX64RegisterRbx, GUEST_DEVICE)) {
        return false;
    }
    enum bench_verdict verdict;
    do {
        guest_run(&guest);
        verdict = judge();
    } while (verdict == BENCH_DISCARD || (verdict == BENCH_FAILED && drain()));
    if (verdict != BENCH_GOOD) {
        bench_failed(name, "a run", guest.hr);
    }
    return verdict == BENCH_GOOD;
}

static uint32_t sample(uint32_t i)
{
    uint32_t ticks;
    memcpy(&ticks, guest.ram + GUEST_SAMPLES + i * sizeof(ticks), sizeof(ticks));
    return ticks;
}

static void take(const struct inside_case *c)
{
    uint32_t count = bench.runs + BENCH_WARM_UP;
    if (!sample_inside(c->name, bench_inside_nothing, bench_inside_nothing_end, count)) {
        return;
    }
    struct bench_samples *s = bench_begin(c->name);
    uint32_t least = UINT32_MAX;
    for (uint32_t i = BENCH_WARM_UP; i < count; i++) {
        least = sample(i) < least ? sample(i) : least;
    }
    s->overhead = least;
    if (!sample_inside(c->name, c->begin, c->end, count)) {
        return;
    }
    for (uint32_t i = BENCH_WARM_UP; i < count; i++) {
        bench_add(s, sample(i));
    }
    bench_report(s);
}

/* The ranges are there for every case: those that do not write to them must not mind. */
static bool add_ranges(const char *name)
{
    HRESULT hr = whb_add_posted_range(guest.partition, WHB_POSTED_PORT | POSTED_PORT, 1);
    hr = hr == S_OK ? whb_add_posted_range(guest.partition, GUEST_DEVICE, 0x1000) : hr;
    if (hr != S_OK) {
        bench_failed(name, "whb_add_posted_range", hr);
    }
    return hr == S_OK;
}

void bench_inside(void)
{
    static const struct inside_case cases[] = {
        {"exit_internal_cpuid", false, bench_inside_cpuid, bench_inside_cpuid_end},
        {"exit_internal_cpuid_apic", true, bench_inside_cpuid, bench_inside_cpuid_end},
        {"posted_write_pio", false, bench_inside_pio, bench_inside_pio_end},
        {"posted_write_pio_apic", true, bench_inside_pio, bench_inside_pio_end},
        {"posted_write_mmio", false, bench_inside_mmio, bench_inside_mmio_end},
        {"posted_write_mmio_apic", true, bench_inside_mmio, bench_inside_mmio_end},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct inside_case *c = &cases[i];
        const struct guest_options options = {.apic = c->apic};
        if (guest_wants(c->name, c->apic) && guest_create(&guest, c->name, &options)) {
            if (add_ranges(c->name)) {
                take(c);
            }
            guest_destroy(&guest);
        }
    }
}
