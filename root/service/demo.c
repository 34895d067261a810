/* SPDX-License-Identifier: MIT */
/*
 * What the root service does without guests: it runs each small guest on one VP, then on two VPs at once, and prints
 * what each did, every record's fields by name, and the ticks of the time stamp counter that each run took.
 */
#include "root/lib/root.h"
#include "root/libwhv/whimbrel_ext.h"
#include "root/service/guests.h"
#include "root/service/record_text.h"
#include "root/service/service.h"

#define GUEST_BYTES 0x30000u
#define PAYLOAD_AT 0x1000u
#define TIMER_COUNT 20000u
#define TEXT_SIZE 128u
#define WAIT_TICKS 20000000000ull

/* One VP's run through its steps: filled on the CPU that runs it, printed afterwards. */
struct log_entry {
    WHV_RUN_VP_EXIT_CONTEXT record;
    uint64_t ticks;
    bool right;
};

struct vp_run {
    WHV_PARTITION_HANDLE partition;
    const struct guest_kind *kind;
    uint32_t vp, cpu, entries;
    struct log_entry log[GUEST_MAX_STEPS];
    char text[TEXT_SIZE];
    uint32_t text_length;
    uint64_t ticks; /* all runs together */
    HRESULT error;
};

static struct vp_run runs[2];
static uint32_t checks, wrong;
static struct vp_run *volatile timer_targets[ROOT_MAX_CPUS]; /* whom the timer handler of a CPU cancels */

static bool fail(struct vp_run *r, HRESULT hr)
{
    if (FAILED(hr)) {
        r->error = hr;
    }
    return FAILED(hr);
}

static void on_timer(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
    struct vp_run *target = timer_targets[root_cpu()];
    if (target != NULL) {
        (void)WHvCancelRunVirtualProcessor(target->partition, target->vp, 0);
    }
}

static uint64_t address_of(const struct guest_kind *kind, const uint8_t *label)
{
    return PAYLOAD_AT + (uint64_t)(label - kind->begin);
}

static bool in_payload(const struct guest_kind *kind, uint64_t rip)
{
    return rip >= PAYLOAD_AT && rip < PAYLOAD_AT + (uint64_t)(kind->end - kind->begin);
}

static bool is_right(const struct guest_kind *kind, const struct step *s, const WHV_RUN_VP_EXIT_CONTEXT *r)
{
    uint64_t rip = r->VpContext.Rip;
    if (r->ExitReason != s->reason || (s->rip == NULL ? !in_payload(kind, rip) : rip != address_of(kind, s->rip))) {
        return false;
    }
    switch (r->ExitReason) {
    case WHvRunVpExitReasonX64IoPortAccess:
        return r->IoPortAccess.PortNumber == s->first && r->IoPortAccess.AccessInfo.AsUINT32 == s->second;
    case WHvRunVpExitReasonMemoryAccess:
        return r->MemoryAccess.Gpa == s->first && r->MemoryAccess.AccessInfo.AsUINT32 == s->second;
    case WHvRunVpExitReasonX64MsrAccess:
        return r->MsrAccess.MsrNumber == s->first && r->MsrAccess.AccessInfo.IsWrite == s->second;
    case WHvRunVpExitReasonX64Cpuid:
        return r->CpuidAccess.Rax == s->first && r->CpuidAccess.DefaultResultRax >= s->first;
    default:
        return true;
    }
}

/* Lets the VP go on behind the exit, as a client does. */
static bool complete(struct vp_run *r, const struct step *s, const WHV_RUN_VP_EXIT_CONTEXT *record)
{
    WHV_REGISTER_NAME names[WHB_COMPLETION_REGISTERS];
    WHV_REGISTER_VALUE values[WHB_COMPLETION_REGISTERS];
    struct whb_completion how = whb_plain_completion(&record->VpContext);
    how.rip += s->skip; /* where the record has no InstructionLength */
    UINT32 count = whb_complete_instruction(&record->VpContext, &how, names, values);
    if (record->ExitReason == WHvRunVpExitReasonX64IoPortAccess && record->IoPortAccess.PortNumber == 0x3f8 &&
        r->text_length + 1 < TEXT_SIZE) {
        r->text[r->text_length++] = (char)record->IoPortAccess.Rax;
    }
    if (record->ExitReason == WHvRunVpExitReasonInvalidVpRegisterValue) {
        count = 1;
        names[0] = WHvX64RegisterRflags;
        values[0].Reg64 = 2;
    }
    return !fail(r, WHvSetVirtualProcessorRegisters(r->partition, r->vp, names, count, values));
}

/* One run and its record; false: the run failed or there is no room to log it. */
static bool turn(struct vp_run *r, const struct step *s)
{
    struct log_entry *e = &r->log[r->entries];
    if (r->entries == GUEST_MAX_STEPS) {
        return false;
    }
    uint64_t begin = cpu_rdtsc();
    HRESULT hr = WHvRunVirtualProcessor(r->partition, r->vp, &e->record, sizeof(e->record));
    e->ticks = cpu_rdtsc() - begin;
    r->ticks += e->ticks;
    if (fail(r, hr)) {
        return false;
    }
    e->right = is_right(r->kind, s, &e->record);
    r->entries++;
    return complete(r, s, &e->record);
}

/* A text guest repeats its first step until the record is the last one's. */
static bool next_step(const struct vp_run *r, const struct step **s)
{
    const WHV_RUN_VP_EXIT_CONTEXT *last = &r->log[r->entries - 1].record;
    if (r->kind->text && last->ExitReason == WHvRunVpExitReasonX64IoPortAccess &&
        last->IoPortAccess.Rax % 256 != '\n') {
        return true;
    }
    (*s)++;
    return (*s)->reason != WHvRunVpExitReasonNone;
}

static void run_guest(void *argument)
{
    struct vp_run *r = argument;
    const struct step *s = r->kind->steps;
    r->cpu = root_cpu();
    if (r->kind->cancel) {
        timer_targets[r->cpu] = r;
        apic_timer(TIMER_COUNT, false);
    }
    cpu_sti();
    while (turn(r, s) && next_step(r, &s)) {
    }
    cpu_cli();
    timer_targets[r->cpu] = NULL;
}

static bool prepare_vp(struct vp_run *r, uint32_t vp)
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterCs, WHvX64RegisterRip, WHvX64RegisterRflags};
    WHV_REGISTER_VALUE values[3] = {0};
    r->vp = vp;
    r->entries = 0;
    r->text_length = 0;
    r->ticks = 0;
    values[0].Segment.Limit = 0xffff;
    values[0].Segment.Attributes = 0x9b;
    values[1].Reg64 = PAYLOAD_AT;
    values[2].Reg64 = r->kind->break_rflags ? 0 : 2;
    return !fail(r, WHvCreateVirtualProcessor(r->partition, vp, 0)) &&
           !fail(r, WHvSetVirtualProcessorRegisters(r->partition, vp, names, 3, values));
}

static bool create_partition(struct vp_run *r, UINT32 vps, uint8_t *memory)
{
    WHV_EXTENDED_VM_EXITS exits = {0};
    exits.X64CpuidExit = 1;
    exits.X64MsrExit = 1;
    return !fail(r, WHvCreatePartition(&r->partition)) &&
           !fail(r, WHvSetPartitionProperty(r->partition, WHvPartitionPropertyCodeProcessorCount, &vps, sizeof(vps))) &&
           !fail(r, WHvSetPartitionProperty(r->partition, WHvPartitionPropertyCodeExtendedVmExits, &exits,
                                            sizeof(exits))) &&
           !fail(r, WHvSetupPartition(r->partition)) &&
           !fail(r, WHvMapGpaRange(r->partition, memory, 0, GUEST_BYTES,
                                   WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute));
}

static void print_run(const struct vp_run *r, bool fields)
{
    for (uint32_t i = 0; i < r->entries; i++) {
        const struct log_entry *e = &r->log[i];
        bool repeated = r->kind->text && i > 0 && i + 1 < r->entries;
        checks++;
        wrong += e->right ? 0 : 1;
        if (repeated && e->right) {
            continue; /* one character like another */
        }
        root_printf("  %2u  %u   %u   %-23s 0x%-6lx %3u  %9lu  %s\n", i + 1, r->vp, r->cpu,
                    record_reason_name(e->record.ExitReason), e->record.VpContext.Rip,
                    (unsigned)e->record.VpContext.InstructionLength, e->ticks, e->right ? "yes" : "NO");
        if (fields) {
            record_print(&e->record, 6);
        }
    }
    if (r->text_length != 0) {
        root_printf("      guest console of VP %u: %s", r->vp, r->text);
    }
    if (r->error != S_OK) {
        root_printf("      VP %u failed with HRESULT 0x%x\n", r->vp, (unsigned)r->error);
        wrong++;
    }
}

static void run_at_once(UINT32 vps)
{
    if (vps == 2 && root_cpu_count() > 1) {
        root_run_on(1, run_guest, &runs[1]);
        run_guest(&runs[0]);
        if (!root_wait(1, WAIT_TICKS)) {
            runs[1].error = WHV_E_INVALID_VP_STATE;
        }
        return;
    }
    for (uint32_t i = 0; i < vps; i++) {
        run_guest(&runs[i]);
    }
}

static void show(const struct guest_kind *kind, UINT32 vps, uint8_t *memory)
{
    memset(runs, 0, sizeof(runs));
    memset(memory, 0, GUEST_BYTES);
    memcpy(memory + PAYLOAD_AT, kind->begin, (size_t)(kind->end - kind->begin));
    runs[0].kind = runs[1].kind = kind;
    root_printf("\nGuest \"%s\" on %u VP%s: %s\n", kind->name, vps, vps == 1 ? "" : "s at once", kind->what);
    root_printf("   #  VP  CPU ExitReason              Rip      Len      ticks  true\n");
    bool good = create_partition(&runs[0], vps, memory);
    runs[1].partition = runs[0].partition;
    for (uint32_t i = 0; good && i < vps; i++) {
        good = prepare_vp(&runs[i], i);
    }
    if (good) {
        run_at_once(vps);
    }
    for (uint32_t i = 0; i < vps; i++) {
        print_run(&runs[i], vps == 1);
    }
    checks++;
    if (FAILED(WHvDeletePartition(runs[0].partition))) {
        root_printf("      the partition could not be deleted\n");
        wrong++;
    }
}

bool demo_run(const struct whb_handoff *handoff)
{
    uint8_t *memory = root_alloc_pages(GUEST_BYTES / ROOT_PAGE, ROOT_PAGE);
    root_set_handler(APIC_VECTOR_TIMER, on_timer);
    root_printf("[whimbrel-root] %u CPUs, hypervisor ABI %u.%u\n", root_cpu_count(), WHB_ABI_MAJOR, WHB_ABI_MINOR);
    (void)handoff;
    for (UINT32 vps = 1; vps <= 2; vps++) {
        for (uint32_t i = 0; i < guest_kind_count; i++) {
            show(&guest_kinds[i], vps, memory);
        }
    }
    if (wrong == 0) {
        root_printf("\n[whimbrel-root] all true: %u checks\n", checks);
    } else {
        root_printf("\n[whimbrel-root] %u of %u checks NOT true\n", wrong, checks);
    }
    return wrong == 0;
}
