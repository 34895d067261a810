/* SPDX-License-Identifier: MIT */
/* Wrong use of libwhv's functions: each gives its documented HRESULT and changes nothing (docs/whp.md). */
#include "tests/scenarios/records.h"

#define NO_VP 1u
#define FAR_VP 64u
#define NOWHERE 0x40000000ull

/* The functions with a partition, called with arguments that are right apart from the handle and the VP. */
struct target {
    WHV_PARTITION_HANDLE partition;
    uint32_t vp;
};

static uint8_t *room; /* two pages */
static WHV_DOORBELL_MATCH_DATA doorbell = {.GuestAddress = 0x1000, .Length = 4, .MatchOnLength = 1};
static struct whb_event event __attribute__((aligned(8)));
static const WHV_ACCESS_GPA_CONTROLS write_back = {.CacheType = WHvCacheTypeWriteBack};

typedef HRESULT function(const struct target *t);

#define FUNCTION(name, call)                                                                                           \
    static HRESULT call_##name(const struct target *t)                                                                 \
    {                                                                                                                  \
        return call;                                                                                                   \
    }

FUNCTION(setup, WHvSetupPartition(t->partition))
FUNCTION(reset, WHvResetPartition(t->partition))
FUNCTION(delete, WHvDeletePartition(t->partition))
FUNCTION(get_property,
         WHvGetPartitionProperty(t->partition, WHvPartitionPropertyCodeProcessorCount, room, ROOT_PAGE, NULL))
FUNCTION(set_property, WHvSetPartitionProperty(t->partition, WHvPartitionPropertyCodeProcessorCount, room, 4))
FUNCTION(suspend, WHvSuspendPartitionTime(t->partition))
FUNCTION(resume, WHvResumePartitionTime(t->partition))
FUNCTION(partition_counters, WHvGetPartitionCounters(t->partition, WHvPartitionCounterSetMemory, room, ROOT_PAGE, NULL))
FUNCTION(map, WHvMapGpaRange(t->partition, room, NOWHERE, ROOT_PAGE, WHvMapGpaRangeFlagRead))
FUNCTION(map2, WHvMapGpaRange2(t->partition, NULL, room, NOWHERE, ROOT_PAGE, WHvMapGpaRangeFlagRead))
FUNCTION(unmap, WHvUnmapGpaRange(t->partition, 0, ROOT_PAGE))
FUNCTION(protect, whb_protect_gpa_range(t->partition, 0, ROOT_PAGE, WHvMapGpaRangeFlagRead))
FUNCTION(dirty, WHvQueryGpaRangeDirtyBitmap(t->partition, 0, ROOT_PAGE, (UINT64 *)(void *)room, 8))
FUNCTION(read_gpa, WHvReadGpaRange(t->partition, WHV_ANY_VP, 0, write_back, room, 4))
FUNCTION(write_gpa, WHvWriteGpaRange(t->partition, WHV_ANY_VP, 0, write_back, room, 4))
FUNCTION(doorbell_add, WHvRegisterPartitionDoorbellEvent(t->partition, &doorbell, &event))
FUNCTION(doorbell_remove, WHvUnregisterPartitionDoorbellEvent(t->partition, &doorbell))

static HRESULT call_interrupt(const struct target *t)
{
    const WHV_INTERRUPT_CONTROL control = {.Vector = 0x40};
    return WHvRequestInterrupt(t->partition, &control, sizeof(control));
}

static HRESULT call_advise(const struct target *t)
{
    const WHV_MEMORY_RANGE_ENTRY range = {0, ROOT_PAGE};
    return WHvAdviseGpaRange(t->partition, &range, 1, WHvAdviseGpaRangeCodePin, NULL, 0);
}

static function *const partition_functions[] = {
    call_setup,        call_reset,           call_delete, call_get_property, call_set_property,
    call_suspend,      call_resume,          call_map,    call_map2,         call_partition_counters,
    call_unmap,        call_protect,         call_dirty,  call_read_gpa,     call_write_gpa,
    call_doorbell_add, call_doorbell_remove, call_advise, call_interrupt,
};

FUNCTION(delete_vp, WHvDeleteVirtualProcessor(t->partition, t->vp))
FUNCTION(run, WHvRunVirtualProcessor(t->partition, t->vp, room, WHB_RUN_RECORD_SIZE))
FUNCTION(cancel, WHvCancelRunVirtualProcessor(t->partition, t->vp, 0))
FUNCTION(read_by, WHvReadGpaRange(t->partition, t->vp, 0, write_back, room, 4))
FUNCTION(write_by, WHvWriteGpaRange(t->partition, t->vp, 0, write_back, room, 4))
FUNCTION(get_state, WHvGetVirtualProcessorState(t->partition, t->vp, WHvVirtualProcessorStateTypeXsaveState, room,
                                                2 * ROOT_PAGE, NULL))
FUNCTION(set_state,
         WHvSetVirtualProcessorState(t->partition, t->vp, WHvVirtualProcessorStateTypeXsaveState, room, ROOT_PAGE))
FUNCTION(get_apic, WHvGetVirtualProcessorInterruptControllerState(t->partition, t->vp, room, ROOT_PAGE, NULL))
FUNCTION(set_apic, WHvSetVirtualProcessorInterruptControllerState(t->partition, t->vp, room, ROOT_PAGE))
FUNCTION(get_apic2, WHvGetVirtualProcessorInterruptControllerState2(t->partition, t->vp, room, ROOT_PAGE, NULL))
FUNCTION(set_apic2, WHvSetVirtualProcessorInterruptControllerState2(t->partition, t->vp, room, ROOT_PAGE))
FUNCTION(get_xsave, WHvGetVirtualProcessorXsaveState(t->partition, t->vp, room, 2 * ROOT_PAGE, NULL))
FUNCTION(set_xsave, WHvSetVirtualProcessorXsaveState(t->partition, t->vp, room, ROOT_PAGE))
FUNCTION(vp_counters,
         WHvGetVirtualProcessorCounters(t->partition, t->vp, WHvProcessorCounterSetRuntime, room, ROOT_PAGE, NULL))
FUNCTION(diagnostics, whb_vp_diagnostics(t->partition, t->vp, (struct whb_vp_diagnostics *)(void *)room))

static HRESULT call_cpuid_output(const struct target *t)
{
    return WHvGetVirtualProcessorCpuidOutput(t->partition, t->vp, 0, 0, (WHV_CPUID_OUTPUT *)(void *)room);
}

static HRESULT call_get_registers(const struct target *t)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterCr3;
    return WHvGetVirtualProcessorRegisters(t->partition, t->vp, &name, 1, (WHV_REGISTER_VALUE *)(void *)room);
}

static HRESULT call_set_registers(const struct target *t)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterRax;
    return WHvSetVirtualProcessorRegisters(t->partition, t->vp, &name, 1, (WHV_REGISTER_VALUE *)(void *)room);
}

static HRESULT call_translate(const struct target *t)
{
    WHV_TRANSLATE_GVA_RESULT result;
    WHV_GUEST_PHYSICAL_ADDRESS gpa;
    return WHvTranslateGva(t->partition, t->vp, 0, WHvTranslateGvaFlagValidateRead, &result, &gpa);
}

static function *const vp_functions[] = {
    call_delete_vp,     call_run,           call_cancel,      call_read_by,      call_write_by,
    call_get_state,     call_set_state,     call_get_apic,    call_set_apic,     call_get_apic2,
    call_set_apic2,     call_get_xsave,     call_set_xsave,   call_translate,    call_vp_counters,
    call_get_registers, call_set_registers, call_diagnostics, call_cpuid_output,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void create(struct guest *g)
{
    room = room == NULL ? root_alloc_pages(2, ROOT_PAGE) : room;
    memset(room, 0, 2 * ROOT_PAGE);
    guest_create(g, 1, 0);
}

/* The guest of the refused calls still runs, its RAM is as it was. */
static void finish(struct guest *g)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    const uint8_t halt = 0xf4;
    for (unsigned i = 0; i < 16; i++) {
        CHECK_EQ(0, g->ram[i]);
    }
    guest_load(g, 0, &halt, &halt + 1, 0x1000);
    guest_run(g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1001, r.VpContext.Rip);
    guest_destroy(g);
}

static void check_refused(function *const *functions, unsigned count, const struct target *t, HRESULT expected,
                          const char *what)
{
    for (unsigned i = 0; i < count; i++) {
        HRESULT came = functions[i](t);
        if (came != expected) {
            root_printf("%s: function %u of its table\n", what, i);
        }
        check_equal(what, (uint32_t)expected, (uint32_t)came);
    }
}

static void handles(void)
{
    struct guest g;
    WHV_PARTITION_HANDLE deleted = NULL;
    create(&g);
    CHECK_EQ(S_OK, WHvCreatePartition(&deleted));
    CHECK_EQ(S_OK, WHvDeletePartition(deleted));
    const WHV_PARTITION_HANDLE bad[] = {NULL, deleted, (HANDLE)UINTPTR_MAX,
                                        (HANDLE)((uintptr_t)g.partition ^ 1u << 20)};
    for (unsigned i = 0; i < COUNT(bad); i++) {
        for (uint32_t vp = 0; vp <= FAR_VP; vp += FAR_VP) {
            const struct target t = {bad[i], vp};
            check_refused(partition_functions, COUNT(partition_functions), &t, E_HANDLE, "bad handle");
            check_refused(vp_functions, COUNT(vp_functions), &t, E_HANDLE, "bad handle, VP function");
        }
        CHECK_EQ(E_HANDLE, WHvCreateVirtualProcessor(bad[i], 0, 0));
        CHECK_EQ(E_HANDLE, WHvCreateVirtualProcessor(bad[i], FAR_VP, 0));
        CHECK_EQ(E_HANDLE, WHvCreateVirtualProcessor2(bad[i], 0, NULL, 0));
    }
    finish(&g);
}

static void processors(void)
{
    struct guest g;
    create(&g);
    const uint32_t bad[] = {NO_VP, WHB_MAX_VPS - 1, FAR_VP, 0x80000000u, UINT32_MAX - 1};
    for (unsigned i = 0; i < COUNT(bad); i++) {
        const struct target t = {g.partition, bad[i]};
        check_refused(vp_functions, COUNT(vp_functions), &t, WHV_E_VP_DOES_NOT_EXIST, "no such VP");
        CHECK_EQ(E_INVALIDARG, WHvCreateVirtualProcessor(g.partition, bad[i], 0));
        CHECK_EQ(E_INVALIDARG, WHvCreateVirtualProcessor2(g.partition, bad[i], NULL, 0));
    }
    CHECK_EQ(WHV_E_VP_ALREADY_EXISTS, WHvCreateVirtualProcessor(g.partition, 0, 0));
    CHECK_EQ(WHV_E_VP_ALREADY_EXISTS, WHvCreateVirtualProcessor2(g.partition, 0, NULL, 0));
    CHECK_EQ(E_INVALIDARG, WHvCreateVirtualProcessor(g.partition, 0, 1));
    CHECK_EQ(E_INVALIDARG, WHvCancelRunVirtualProcessor(g.partition, 0, 1));
    finish(&g);
}

static void null_pointers(void)
{
    struct guest g;
    UINT32 written = 0x5a5a;
    WHV_TRANSLATE_GVA_RESULT result;
    WHV_GUEST_PHYSICAL_ADDRESS gpa;
    const WHV_REGISTER_NAME name = WHvX64RegisterRax;
    WHV_REGISTER_VALUE value = {0};
    create(&g);
    WHV_PARTITION_HANDLE p = g.partition;
    CHECK_EQ(E_POINTER, WHvGetCapability(WHvCapabilityCodeFeatures, NULL, 8, &written));
    CHECK_EQ(E_POINTER, WHvCreatePartition(NULL));
    CHECK_EQ(E_POINTER, WHvGetPartitionProperty(p, WHvPartitionPropertyCodeProcessorCount, NULL, 4, &written));
    CHECK_EQ(E_POINTER, WHvSetPartitionProperty(p, WHvPartitionPropertyCodeProcessorCount, NULL, 4));
    CHECK_EQ(E_POINTER, WHvGetPartitionCounters(p, WHvPartitionCounterSetMemory, NULL, 24, &written));
    CHECK_EQ(E_POINTER, WHvAdviseGpaRange(p, NULL, 1, WHvAdviseGpaRangeCodePin, NULL, 0));
    CHECK_EQ(E_POINTER, WHvReadGpaRange(p, 0, 0, write_back, NULL, 4));
    CHECK_EQ(E_POINTER, WHvWriteGpaRange(p, 0, 0, write_back, NULL, 4));
    CHECK_EQ(E_POINTER, WHvTranslateGva(p, 0, 0, WHvTranslateGvaFlagValidateRead, NULL, &gpa));
    CHECK_EQ(E_POINTER, WHvTranslateGva(p, 0, 0, WHvTranslateGvaFlagValidateRead, &result, NULL));
    CHECK_EQ(E_POINTER, WHvRegisterPartitionDoorbellEvent(p, NULL, &event));
    CHECK_EQ(E_POINTER, WHvRegisterPartitionDoorbellEvent(p, &doorbell, NULL));
    CHECK_EQ(E_POINTER, WHvUnregisterPartitionDoorbellEvent(p, NULL));
    CHECK_EQ(E_POINTER, WHvCreateVirtualProcessor2(p, 1, NULL, 1));
    CHECK_EQ(E_POINTER, WHvRunVirtualProcessor(p, 0, NULL, 224));
    CHECK_EQ(E_POINTER, WHvGetVirtualProcessorRegisters(p, 0, NULL, 1, &value));
    CHECK_EQ(E_POINTER, WHvGetVirtualProcessorRegisters(p, 0, &name, 1, NULL));
    CHECK_EQ(E_POINTER, WHvSetVirtualProcessorRegisters(p, 0, NULL, 1, &value));
    CHECK_EQ(E_POINTER, WHvSetVirtualProcessorRegisters(p, 0, &name, 1, NULL));
    CHECK_EQ(E_POINTER, WHvRequestInterrupt(p, NULL, 16));
    CHECK_EQ(E_POINTER, WHvGetVirtualProcessorXsaveState(p, 0, NULL, 4096, &written));
    CHECK_EQ(E_POINTER, WHvSetVirtualProcessorXsaveState(p, 0, NULL, 4096));
    CHECK_EQ(E_POINTER, WHvGetVirtualProcessorInterruptControllerState2(p, 0, NULL, 4096, &written));
    CHECK_EQ(E_POINTER, WHvSetVirtualProcessorInterruptControllerState2(p, 0, NULL, 4096));
    CHECK_EQ(E_POINTER, WHvGetVirtualProcessorCounters(p, 0, WHvProcessorCounterSetRuntime, NULL, 16, &written));
    CHECK_EQ(E_POINTER, WHvGetVirtualProcessorCpuidOutput(p, 0, 0, 0, NULL));
    CHECK_EQ(E_POINTER, whb_vp_diagnostics(p, 0, NULL));
    CHECK_EQ(0x5a5a, written);
    finish(&g);
}

static void sizes(void)
{
    struct guest g;
    UINT32 written = 0;
    const WHV_INTERRUPT_CONTROL control = {.Vector = 0x40};
    create(&g);
    WHV_PARTITION_HANDLE p = g.partition;
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvRunVirtualProcessor(p, 0, room, 0));
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvRunVirtualProcessor(p, 0, room, 143));
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetCapability(WHvCapabilityCodeFeatures, room, 7, &written));
    CHECK_EQ(8, written);
    CHECK_EQ(WHV_E_UNKNOWN_CAPABILITY, WHvGetCapability((WHV_CAPABILITY_CODE)0x7777, room, 64, &written));
    CHECK_EQ(WHV_E_UNKNOWN_PROPERTY,
             WHvGetPartitionProperty(p, (WHV_PARTITION_PROPERTY_CODE)0x7777, room, 64, &written));
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetPartitionCounters(p, WHvPartitionCounterSetMemory, room, 23, &written));
    CHECK_EQ(24, written);
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER,
             WHvGetVirtualProcessorCounters(p, 0, WHvProcessorCounterSetRuntime, room, 15, &written));
    CHECK_EQ(16, written);
    CHECK_EQ(WHV_E_UNKNOWN_PROPERTY,
             WHvGetVirtualProcessorCounters(p, 0, (WHV_PROCESSOR_COUNTER_SET)0x77, room, 64, &written));
    CHECK_EQ(WHV_E_UNKNOWN_PROPERTY, WHvGetPartitionCounters(p, (WHV_PARTITION_COUNTER_SET)0x77, room, 64, &written));
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorXsaveState(p, 0, NULL, 0, &written));
    CHECK_EQ(1, written >= 576 && written <= 2 * ROOT_PAGE);
    CHECK_EQ(WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorXsaveState(p, 0, room, 575, &written));
    CHECK_EQ(E_INVALIDARG, WHvRequestInterrupt(p, &control, 15));
    CHECK_EQ(E_INVALIDARG, WHvReadGpaRange(p, 0, 0, write_back, room, 0));
    CHECK_EQ(E_INVALIDARG, WHvReadGpaRange(p, 0, 0, write_back, room, 17));
    CHECK_EQ(E_INVALIDARG, WHvWriteGpaRange(p, 0, 0, write_back, room, 0));
    CHECK_EQ(E_INVALIDARG, WHvWriteGpaRange(p, 0, 0, write_back, room, 17));
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(0, room[i]);
    }
    finish(&g);
}

/* The record in a buffer of the first published size, of the present one, between and above: no byte past the size. */
static void record_sizes(void)
{
    static const uint32_t lengths[] = {144, 145, 200, 224, 225, 4096};
    struct guest g;
    const uint8_t halt = 0xf4;
    create(&g);
    for (unsigned i = 0; i < COUNT(lengths); i++) {
        uint32_t expected = lengths[i] < 224 ? lengths[i] : 224;
        memset(room, 0xa5, 2 * ROOT_PAGE);
        guest_load(&g, 0, &halt, &halt + 1, 0x1000);
        CHECK_EQ(S_OK, WHvRunVirtualProcessor(g.partition, 0, room + 3, lengths[i]));
        CHECK_EQ(WHvRunVpExitReasonX64Halt, room[3]);
        CHECK_EQ(0xa5, room[2]);
        CHECK_EQ(0, room[3 + expected - 1]);
        CHECK_EQ(0xa5, room[3 + expected]);
    }
    guest_destroy(&g);
}

/* Arrays as other languages lay them out: values on 8 bytes, names on 4, and worse. */
static void alignment(void)
{
    struct guest g;
    create(&g);
    for (unsigned shift = 1; shift < 16; shift++) {
        for (unsigned path = 0; path < 2; path++) { /* by the run page, and by a hypercall */
            const uint32_t names[] = {WHvX64RegisterRbx, path == 0 ? WHvX64RegisterRcx : WHvX64RegisterCr3};
            const uint64_t values[] = {0x1000u + shift, 0, 0x2000u * shift, 0};
            uint64_t back[4];
            uint8_t *name_at = room + shift, *value_at = room + 64 + shift, *back_at = room + 256 + shift;
            memcpy(name_at, names, sizeof(names));
            memcpy(value_at, values, sizeof(values));
            const WHV_REGISTER_NAME *n = (const WHV_REGISTER_NAME *)(const void *)name_at;
            CHECK_EQ(S_OK,
                     WHvSetVirtualProcessorRegisters(g.partition, 0, n, 2, (WHV_REGISTER_VALUE *)(void *)value_at));
            CHECK_EQ(S_OK,
                     WHvGetVirtualProcessorRegisters(g.partition, 0, n, 2, (WHV_REGISTER_VALUE *)(void *)back_at));
            memcpy(back, back_at, sizeof(back));
            CHECK_EQ(values[0], back[0]);
            CHECK_EQ(0, back[1]);
            CHECK_EQ(values[2], back[2]);
        }
    }
    guest_destroy(&g);
}

static void advice(void)
{
    struct guest g;
    create(&g);
    WHV_PARTITION_HANDLE p = g.partition;
    WHV_ADVISE_GPA_RANGE_POPULATE populate = {.AccessType = WHvMemoryAccessWrite};
    WHV_MEMORY_RANGE_ENTRY ranges[] = {{0, 0x1000}, {0x2000, 0x4000}};
    CHECK_EQ(S_OK, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePopulate, &populate, sizeof(populate)));
    CHECK_EQ(S_OK, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePin, NULL, 0));
    CHECK_EQ(S_OK, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodeUnpin, NULL, 0));
    CHECK_EQ(E_INVALIDARG, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePin, &populate, sizeof(populate)));
    CHECK_EQ(E_INVALIDARG, WHvAdviseGpaRange(p, ranges, 2, (WHV_ADVISE_GPA_RANGE_CODE)3, NULL, 0));
    CHECK_EQ(E_POINTER, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePopulate, NULL, 0));
    CHECK_EQ(E_INVALIDARG, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePopulate, &populate, 4));
    populate.Flags.Reserved = 1;
    CHECK_EQ(E_INVALIDARG, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePopulate, &populate, sizeof(populate)));
    ranges[1].SizeInBytes = 0x800;
    CHECK_EQ(E_INVALIDARG, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePin, NULL, 0));
    ranges[1].SizeInBytes = 0 - 0x2000ull;
    ranges[1].GuestAddress = 0x3000;
    CHECK_EQ(E_INVALIDARG, WHvAdviseGpaRange(p, ranges, 2, WHvAdviseGpaRangeCodePin, NULL, 0));
    const WHV_ACCESS_GPA_CONTROLS bad[] = {
        {.CacheType = (WHV_CACHE_TYPE)2}, {.AsUINT64 = 6 | 1ull << 32}, {.AsUINT64 = 6 | 1ull << 63}};
    for (unsigned i = 0; i < COUNT(bad); i++) {
        CHECK_EQ(E_INVALIDARG, WHvReadGpaRange(p, 0, 0, bad[i], room, 4));
        CHECK_EQ(E_INVALIDARG, WHvWriteGpaRange(p, 0, 0, bad[i], room, 4));
    }
    finish(&g);
}

/* The second creation function makes the same VP. */
static void create_second_form(void)
{
    struct guest g;
    WHV_VIRTUAL_PROCESSOR_PROPERTY property = {.PropertyCode = WHvVirtualProcessorPropertyCodeNumaNode};
    create(&g);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(g.partition, 0));
    property.NumaNode = 1;
    CHECK_EQ(E_INVALIDARG, WHvCreateVirtualProcessor2(g.partition, 0, &property, 1));
    property.NumaNode = 0;
    property.PropertyCode = (WHV_VIRTUAL_PROCESSOR_PROPERTY_CODE)1;
    CHECK_EQ(WHV_E_UNKNOWN_PROPERTY, WHvCreateVirtualProcessor2(g.partition, 0, &property, 1));
    property.PropertyCode = WHvVirtualProcessorPropertyCodeNumaNode;
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor2(g.partition, 0, &property, 1));
    finish(&g);
}

const struct scenario scenarios_whv_functions[] = {
    {"whv/bad-handle", 1, handles}, {"whv/no-such-vp", 1, processors},          {"whv/null-pointer", 1, null_pointers},
    {"whv/sizes", 1, sizes},        {"whv/record-sizes", 1, record_sizes},      {"whv/alignment", 1, alignment},
    {"whv/advice", 1, advice},      {"whv/create-vp-2", 1, create_second_form}, {0},
};
