/* SPDX-License-Identifier: MIT */
/*
 * The exit trace: what it costs, and, with trace=N on the command line instead of the cases, what a mixed load of exits
 * looks like in it. docs/exit-trace.md has the form of the lines.
 */
#include "root/bench/guest.h"

BENCH_CODE(pio);
BENCH_CODE(mixed);

#define ENTRIES 1024u /* of the ring of a measured case */
#define MMIO_LENGTH 2u
#define VPS 2u
#define MAX_CPUS 4u
#define PATIENCE 20000000000ull

static struct guest guest;

static bool skip_and_run(struct guest *g, uint32_t vp, uint64_t length)
{
    static const WHV_REGISTER_NAME name = WHvX64RegisterRip;
    WHV_REGISTER_VALUE v;
    v.Reg64 = g->record.VpContext.Rip + length;
    HRESULT hr = length == 0 ? S_OK : WHvSetVirtualProcessorRegisters(g->partition, vp, &name, 1, &v);
    g->hr = FAILED(hr) ? hr : WHvRunVirtualProcessor(g->partition, vp, &g->record, sizeof(g->record));
    return SUCCEEDED(g->hr);
}

static void work(void *arg)
{
    struct guest *g = arg;
    (void)skip_and_run(g, 0, g->record.VpContext.InstructionLength);
}

static enum bench_verdict after(void *arg)
{
    return guest_judge(arg, WHvRunVpExitReasonX64IoPortAccess);
}

static void measure(void)
{
    const struct bench_work pio = {NULL, work, after, &guest};
    do {
        guest_run(&guest);
    } while (guest_judge(&guest, WHvRunVpExitReasonX64IoPortAccess) == BENCH_DISCARD);
    uint32_t off = bench_measure("run_vp_pio_untraced", &pio);
    HRESULT hr = whb_trace_set(ENTRIES);
    if (FAILED(hr)) {
        bench_failed("run_vp_pio_traced", "whb_trace_set", hr);
        return;
    }
    uint32_t on = bench_measure("run_vp_pio_traced", &pio);
    (void)whb_trace_set(0);
    bench_value("trace_on_ticks", on > off ? on - off : 0);
}

void bench_trace(void)
{
    const struct guest_options options = {0};
    if (!bench_wants("run_vp_pio_traced") || !guest_create(&guest, "run_vp_pio_traced", &options)) {
        return;
    }
    if (GUEST_LOAD(&guest, 0, pio)) {
        measure();
    }
    guest_destroy(&guest);
}

/* One CPU's part of the mixed load. */
struct load {
    struct guest guest;
    uint32_t cpu, entries;
    HRESULT hr; /* S_OK: all went well */
    uint8_t *lines;
};

static uint64_t length_of(const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    switch (r->ExitReason) {
    case WHvRunVpExitReasonX64IoPortAccess:
        return r->VpContext.InstructionLength;
    case WHvRunVpExitReasonMemoryAccess:
        return MMIO_LENGTH;
    default:
        return 0; /* of a HLT the record's RIP is past it */
    }
}

/* Each VP runs for some exits, then the next one. */
static void run_load(void *arg)
{
    struct load *load = arg;
    uint64_t length[VPS] = {0};
    WHV_RUN_VP_EXIT_CONTEXT last[VPS] = {0};
    struct guest *g = &load->guest;
    load->hr = whb_trace_set(load->entries);
    for (uint32_t i = 0; i < load->entries && SUCCEEDED(load->hr); i++) {
        uint32_t vp = i / 16 % VPS;
        g->record = last[vp];
        if (skip_and_run(g, vp, length[vp])) {
            last[vp] = g->record;
            length[vp] = length_of(&g->record);
        } else if (g->hr == WHB_HR_INTERRUPTED) {
            __asm__ volatile("sti; nop; cli" : : : "memory");
            length[vp] = 0;
        } else {
            load->hr = g->hr;
        }
    }
    if (SUCCEEDED(load->hr)) {
        uint32_t size = (uint32_t)(sizeof(struct whb_trace_read) + load->entries * sizeof(struct whb_trace_entry));
        load->hr = whb_trace_read(0, load->lines, size, NULL);
    }
    (void)whb_trace_set(0);
}

static void print_load(const struct load *load)
{
    const struct whb_trace_read *head = (const void *)load->lines;
    const struct whb_trace_entry *e = (const void *)(head + 1);
    uint64_t count = head->written - head->position;
    count = count < load->entries ? count : load->entries;
    root_printf("@trace begin %u written=%lu lost=%lu\n", load->cpu, head->written, head->lost);
    for (uint64_t i = 0; i < count; i++, e++) {
        root_printf("@exit %u %lu %lx %u %u %lx %lu %lu\n", load->cpu, e->tsc, WHB_TRACE_PARTITION(e->vp),
                    WHB_TRACE_VP(e->vp), e->reason, e->qualification, e->hypervisor_ticks, e->root_ticks);
    }
    root_printf("@trace end %u\n", load->cpu);
}

static bool prepare(struct load *load, uint32_t cpu, uint32_t entries)
{
    struct guest_options options = {.vps = VPS};
    const size_t bytes = sizeof(struct whb_trace_read) + entries * sizeof(struct whb_trace_entry);
    options.ram = root_alloc_pages(GUEST_RAM / ROOT_PAGE, GUEST_RAM);
    load->lines = root_alloc_pages((bytes + ROOT_PAGE - 1) / ROOT_PAGE, ROOT_PAGE);
    load->cpu = cpu;
    load->entries = entries;
    if (options.ram == NULL || load->lines == NULL) {
        bench_failed("trace", "memory", E_OUTOFMEMORY);
        return false;
    }
    if (!guest_create(&load->guest, "trace", &options)) {
        return false;
    }
    for (uint32_t i = 0; i < VPS; i++) {
        if (!GUEST_LOAD(&load->guest, i, mixed) || !guest_set(&load->guest, i, WHvX64RegisterRsi, GUEST_DEVICE)) {
            return false;
        }
    }
    return true;
}

void bench_trace_load(uint32_t entries)
{
    static struct load loads[MAX_CPUS];
    uint32_t cpus = root_cpu_count() < MAX_CPUS ? root_cpu_count() : MAX_CPUS;
    for (uint32_t i = 0; i < cpus; i++) {
        if (!prepare(&loads[i], i, entries)) {
            return;
        }
    }
    for (uint32_t i = 1; i < cpus; i++) {
        root_run_on(i, run_load, &loads[i]);
    }
    run_load(&loads[0]);
    for (uint32_t i = 1; i < cpus; i++) {
        if (!root_wait(i, PATIENCE)) {
            bench_failed("trace", "another CPU", E_NOTIMPL);
            return;
        }
    }
    for (uint32_t i = 0; i < cpus; i++) {
        if (SUCCEEDED(loads[i].hr)) {
            print_load(&loads[i]);
        } else {
            bench_failed("trace", "the load", loads[i].hr);
        }
        guest_destroy(&loads[i].guest);
    }
}
