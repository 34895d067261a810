/* SPDX-License-Identifier: MIT */
/* run_vp_pio while other partitions live, each with a VP that has run; and the hypervisor's memory that a VP takes. */
#include "root/bench/guest.h"

BENCH_CODE(pio);

#define MOST 64u
#define VPS 16u

static struct guest guests[MOST];

static bool bring_up(struct guest *g, const char *name, const struct guest_options *options)
{
    if (!guest_create(g, name, options)) {
        return false;
    }
    if (!GUEST_LOAD(g, 0, pio)) {
        guest_destroy(g);
        return false;
    }
    do {
        guest_run(g);
    } while (guest_judge(g, WHvRunVpExitReasonX64IoPortAccess) == BENCH_DISCARD);
    return true;
}

static void work(void *arg)
{
    static const WHV_REGISTER_NAME name = WHvX64RegisterRip;
    struct guest *g = arg;
    WHV_REGISTER_VALUE v;
    v.Reg64 = g->record.VpContext.Rip + g->record.VpContext.InstructionLength;
    (void)WHvSetVirtualProcessorRegisters(g->partition, 0, &name, 1, &v);
    guest_run(g);
}

static enum bench_verdict after(void *arg)
{
    return guest_judge(arg, WHvRunVpExitReasonX64IoPortAccess);
}

static void measure_with(const char *name, uint32_t count)
{
    const struct guest_options options = {0};
    const struct bench_work pio = {NULL, work, after, &guests[0]};
    uint32_t alive = 0;
    while (alive < count && bring_up(&guests[alive], name, &options)) {
        alive++;
    }
    if (alive == count) {
        bench_measure(name, &pio);
    }
    while (alive > 0) {
        guest_destroy(&guests[--alive]);
    }
}

static struct whb_statistics statistics(void)
{
    struct whb_statistics s = {0};
    (void)whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL);
    return s;
}

/* With local APICs all but the first wait for INIT and SIPI, unless their activity state is cleared. */
static bool run_all(struct guest *g, bool apic)
{
    for (uint32_t i = 0; i < g->vps; i++) {
        HRESULT hr;
        if (!GUEST_LOAD(g, i, pio) || (apic && !guest_set(g, i, WHvRegisterInternalActivityState, 0))) {
            return false;
        }
        do {
            hr = WHvRunVirtualProcessor(g->partition, i, &g->record, sizeof(g->record));
        } while (hr == WHB_HR_INTERRUPTED);
    }
    return true;
}

/* The difference between partitions of VPS + 1 VPs and of one, all of which have run; `apic`: with a local APIC. */
static void memory_of_vp(const char *name, bool apic)
{
    struct guest_options options = {.vps = 1, .apic = apic};
    uint64_t used[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t before = statistics().heap_free;
        if (!guest_create(&guests[0], name, &options)) {
            return;
        }
        bool good = run_all(&guests[0], apic);
        used[i] = before - statistics().heap_free;
        guest_destroy(&guests[0]);
        if (!good) {
            return;
        }
        options.vps = VPS + 1;
    }
    bench_value(name, (used[1] - used[0]) / VPS);
}

void bench_scaling(void)
{
    static const struct {
        const char *name;
        uint32_t partitions;
    } steps[] = {{"run_vp_pio_alive_1", 1}, {"run_vp_pio_alive_16", 16}, {"run_vp_pio_alive_64", 64}};
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (bench_wants(steps[i].name)) {
            measure_with(steps[i].name, steps[i].partitions);
        }
    }
    if (bench_wants("memory_vp_bytes")) {
        memory_of_vp("memory_vp_bytes", false);
        if (guest_has_apics()) {
            memory_of_vp("memory_vp_apic_bytes", true);
        }
    }
}
