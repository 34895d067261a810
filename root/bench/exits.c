/* SPDX-License-Identifier: MIT */
/* Exits as clients see them: WHvRunVirtualProcessor, what the client does about the exit, and the next run. */
#include "root/bench/guest.h"

BENCH_CODE(pio);
BENCH_CODE(cpuid);
BENCH_CODE(msr);
BENCH_CODE(mmio);
BENCH_CODE(halt);
BENCH_CODE(exception);
BENCH_CODE(spin);

#define EXIT_CPUID 1u
#define EXIT_MSR 2u
#define EXIT_EXCEPTION 4u
#define MSR_OF_NOBODY 0x40000f00u
#define MMIO_LENGTH 2u
#define UD2_LENGTH 2u
#define NOTIFY_INTERRUPT 2u
#define VECTOR_UD 6u
#define FLAGS_IF 0x202u

static struct guest guest;

static void set_registers(struct guest *g, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    HRESULT hr = WHvSetVirtualProcessorRegisters(g->partition, 0, names, count, values);
    if (__builtin_expect(hr != S_OK, 0)) {
        bench_failed("set_registers", "WHvSetVirtualProcessorRegisters", hr);
    }
}

static void skip_and_run(struct guest *g, uint64_t length)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterRip;
    WHV_REGISTER_VALUE v;
    v.Reg64 = g->record.VpContext.Rip + length;
    set_registers(g, &name, 1, &v);
    guest_run(g);
}

static void work_pio(void *arg)
{
    struct guest *g = arg;
    skip_and_run(g, g->record.VpContext.InstructionLength);
}

/* As a device model does that wants registers beyond the record. */
static void work_pio_regs(void *arg)
{
    static const WHV_REGISTER_NAME reads[] = {WHvX64RegisterRax, WHvX64RegisterRdx, WHvX64RegisterRsp,
                                              WHvX64RegisterRflags};
    static const WHV_REGISTER_NAME writes[] = {WHvX64RegisterRax, WHvX64RegisterRdx, WHvX64RegisterRip};
    struct guest *g = arg;
    WHV_REGISTER_VALUE in[4], out[3];
    HRESULT hr = WHvGetVirtualProcessorRegisters(g->partition, 0, reads, 4, in);
    if (__builtin_expect(hr != S_OK, 0)) {
        bench_failed("run_vp_pio_regs", "WHvGetVirtualProcessorRegisters", hr);
    }
    out[0].Reg64 = in[0].Reg64 + in[3].Reg64;
    out[1].Reg64 = in[1].Reg64 + in[2].Reg64;
    out[2].Reg64 = g->record.VpContext.Rip + g->record.VpContext.InstructionLength;
    set_registers(g, writes, 3, out);
    guest_run(g);
}

static void work_cpuid(void *arg)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRax, WHvX64RegisterRbx, WHvX64RegisterRcx,
                                              WHvX64RegisterRdx, WHvX64RegisterRip};
    struct guest *g = arg;
    const WHV_X64_CPUID_ACCESS_CONTEXT *c = &g->record.CpuidAccess;
    WHV_REGISTER_VALUE v[5];
    v[0].Reg64 = c->DefaultResultRax;
    v[1].Reg64 = c->DefaultResultRbx;
    v[2].Reg64 = c->DefaultResultRcx;
    v[3].Reg64 = c->DefaultResultRdx;
    v[4].Reg64 = g->record.VpContext.Rip + g->record.VpContext.InstructionLength;
    set_registers(g, names, 5, v);
    guest_run(g);
}

static void work_msr(void *arg)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRax, WHvX64RegisterRdx, WHvX64RegisterRip};
    struct guest *g = arg;
    WHV_REGISTER_VALUE v[3];
    v[0].Reg64 = 0x12345678;
    v[1].Reg64 = 0x9abcdef0;
    v[2].Reg64 = g->record.VpContext.Rip + g->record.VpContext.InstructionLength;
    set_registers(g, names, 3, v);
    guest_run(g);
}

static void work_mmio(void *arg)
{
    skip_and_run(arg, MMIO_LENGTH);
}

static void work_exception(void *arg)
{
    skip_and_run(arg, UD2_LENGTH);
}

/* Of a HLT the record's RIP is past it. */
static void work_run(void *arg)
{
    guest_run(arg);
}

static void work_window(void *arg)
{
    static const WHV_REGISTER_NAME name = WHvRegisterDeliverabilityNotifications;
    WHV_REGISTER_VALUE v;
    v.Reg64 = NOTIFY_INTERRUPT;
    set_registers(arg, &name, 1, &v);
    guest_run(arg);
}

struct exit_case {
    const char *name, *apic_name; /* without and with a local APIC; NULL: not then */
    void (*work)(void *guest);
    enum bench_verdict (*after)(void *guest);
    WHV_RUN_VP_EXIT_REASON reason;
    uint64_t exits;
    const uint8_t *begin, *end;
};

/* The reason that the case under way expects. */
static WHV_RUN_VP_EXIT_REASON expected;

static enum bench_verdict judge(void *arg)
{
    return guest_judge(arg, expected);
}

static enum bench_verdict judge_mmio(void *arg)
{
    const struct guest *g = arg;
    enum bench_verdict verdict = guest_judge(g, expected);
    if (verdict == BENCH_GOOD && g->record.MemoryAccess.InstructionByteCount < MMIO_LENGTH) {
        return BENCH_FAILED;
    }
    return verdict;
}

/* With the registers that any of the codes wants. */
static bool prepare(struct guest *g, const struct exit_case *c)
{
    return guest_load(g, 0, c->begin, c->end) && guest_set(g, 0, WHvX64RegisterRcx, MSR_OF_NOBODY) &&
           guest_set(g, 0, WHvX64RegisterRbx, GUEST_DEVICE) && guest_set(g, 0, WHvX64RegisterRflags, FLAGS_IF);
}

/* Up to the first exit of the kind; every round then ends with the next one. */
static bool first_exit(struct guest *g, const struct exit_case *c, const char *name)
{
    expected = c->reason;
    if (c->work == work_window) {
        return true;
    }
    for (unsigned i = 0; i < 1000; i++) {
        guest_run(g);
        if (c->after(g) != BENCH_DISCARD) {
            break;
        }
    }
    if (c->after(g) != BENCH_GOOD) {
        bench_failed(name, "the first run", g->hr);
        return false;
    }
    return true;
}

static void run_case(const struct exit_case *c, bool apic)
{
    const char *name = apic ? c->apic_name : c->name;
    const struct guest_options options = {
        .exits = c->exits, .apic = apic, .exceptions = (c->exits & EXIT_EXCEPTION) != 0 ? 1u << VECTOR_UD : 0};
    const struct bench_work work = {NULL, c->work, c->after, &guest};
    if (name == NULL || !guest_wants(name, apic) || !guest_create(&guest, name, &options)) {
        return;
    }
    if (prepare(&guest, c) && first_exit(&guest, c, name)) {
        bench_measure(name, &work);
    }
    guest_destroy(&guest);
}

#define CODE(name) bench_##name, bench_##name##_end
#define BOTH(name) name, name "_apic"

void bench_exits(void)
{
    /* With a local APIC HLT does not exit. */
    const struct exit_case cases[] = {
        {BOTH("run_vp_pio"), work_pio, judge, WHvRunVpExitReasonX64IoPortAccess, 0, CODE(pio)},
        {BOTH("run_vp_pio_regs"), work_pio_regs, judge, WHvRunVpExitReasonX64IoPortAccess, 0, CODE(pio)},
        {BOTH("run_vp_cpuid"), work_cpuid, judge, WHvRunVpExitReasonX64Cpuid, EXIT_CPUID, CODE(cpuid)},
        {BOTH("run_vp_msr"), work_msr, judge, WHvRunVpExitReasonX64MsrAccess, EXIT_MSR, CODE(msr)},
        {BOTH("run_vp_mmio"), work_mmio, judge_mmio, WHvRunVpExitReasonMemoryAccess, 0, CODE(mmio)},
        {"run_vp_halt", NULL, work_run, judge, WHvRunVpExitReasonX64Halt, 0, CODE(halt)},
        {BOTH("run_vp_interrupt_window"), work_window, judge, WHvRunVpExitReasonX64InterruptWindow, 0, CODE(spin)},
        {BOTH("run_vp_exception"), work_exception, judge, WHvRunVpExitReasonException, EXIT_EXCEPTION, CODE(exception)},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_case(&cases[i], false);
        run_case(&cases[i], true);
    }
}
