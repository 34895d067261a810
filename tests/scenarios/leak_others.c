/* SPDX-License-Identifier: MIT */
/* What a partition could leave besides registers: translations, memory, and IA32_SPEC_CTRL for the root. */
#include "tests/scenarios/leak.h"
#include "tests/scenarios/records.h"

#define TICKS 4000000000ull
#define EXTRA_GPA 0x800000u
#define MSR_SPEC_CTRL 0x48u
#define HAS_SPEC_CTRL (1u << 26)
#define HAS_STIBP (1u << 27)
#define HAS_SSBD (1u << 31)
#define IBRS 1u
#define STIBP 2u
#define SSBD 4u

DECLARE_PAYLOAD(mem64);

static struct guest guest;
static uint64_t *extra_page;
static struct leak_vp vp;

/* A partition whose guest reads at EXTRA_GPA, where the page is if it is mapped. */
static void create_reader(void)
{
    guest_create(&guest, 1, 0);
    records_start(&guest, GUEST_LONG, payload_mem64, payload_mem64_end);
    guest_set(&guest, 0, WHvX64RegisterRbx, EXTRA_GPA);
}

static void map_extra(uint64_t value)
{
    *extra_page = value;
    CHECK_EQ(S_OK, WHvMapGpaRange(guest.partition, extra_page, EXTRA_GPA, 0x1000,
                                  WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite));
}

/* Reads, writes and changes the page, and halts. */
static void use_extra(uint64_t value)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(value, guest_get(&guest, 0, WHvX64RegisterRax));
}

static void not_there(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, 0, &r, WHvRunVpExitReasonMemoryAccess);
    CHECK_EQ(EXTRA_GPA, r.MemoryAccess.Gpa);
}

/*
 * The next partition gets the slot, the VPID and likely the EPT's pages of the one before: no translation of that one
 * may be left in this CPU's caches.
 */
static void translations_here(void *unused)
{
    (void)unused;
    if (extra_page == NULL) {
        extra_page = root_alloc_pages(1, ROOT_PAGE);
    }
    for (uint64_t round = 1; round <= 3; round++) {
        create_reader();
        not_there();
        map_extra(round);
        use_extra(round);
        guest_destroy(&guest);
    }
}

static void translations(void)
{
    translations_here(NULL);
}

static void translations_of_other_cpu(void)
{
    translations_here(NULL);
    root_run_on(1, translations_here, NULL);
    CHECK(root_wait(1, TICKS));
    translations_here(NULL);
}

/* The same of a VP alone: what it had mapped in its own page tables is nothing to the one that takes its place. */
static void translations_of_a_vp(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    const uint64_t other_page = 0x1ff000;
    guest_create(&guest, 1, 0);
    for (uint64_t round = 0; round < 4; round++) {
        records_start(&guest, GUEST_LONG, payload_mem64, payload_mem64_end);
        /* GVA 40000000H: 2 MiB at GPA 0, or nothing. */
        uint64_t entry = round % 2 == 0 ? 0x83 : 0;
        memcpy(guest.ram + 0x103000, &entry, sizeof(entry));
        memcpy(guest.ram + other_page, &round, sizeof(round));
        guest_set(&guest, 0, WHvX64RegisterRbx, 0x40000000 + other_page);
        guest_run(&guest, 0, &r, entry != 0 ? WHvRunVpExitReasonX64Halt : WHvRunVpExitReasonUnrecoverableException);
        if (entry != 0) {
            CHECK_EQ(round, guest_get(&guest, 0, WHvX64RegisterRax));
        }
        CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(guest.partition, 0));
        CHECK_EQ(S_OK, WHvCreateVirtualProcessor(guest.partition, 0, 0));
    }
    guest_destroy(&guest);
}

/* The hypervisor may add bits while a guest runs; the root's value comes back. */
static void spec_ctrl(void)
{
    uint32_t edx = cpu_cpuid(0, 0).eax >= 7 ? cpu_cpuid(7, 0).edx : 0;
    if ((edx & HAS_SPEC_CTRL) == 0) {
        return;
    }
    const uint64_t values[] = {0, IBRS, (edx & HAS_STIBP) != 0 ? STIBP : 0, (edx & HAS_SSBD) != 0 ? SSBD | IBRS : 0};
    uint64_t before = cpu_rdmsr(MSR_SPEC_CTRL);
    guest_create(&guest, 1, 0);
    leak_prepare(&vp, &guest, 0, 0);
    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        cpu_wrmsr(MSR_SPEC_CTRL, values[i]);
        leak_guest_check(&vp); /* its breakpoints are on in every other round */
        CHECK_EQ(values[i], cpu_rdmsr(MSR_SPEC_CTRL));
        leak_guest_fill(&vp, 2 + i);
        CHECK_EQ(values[i], cpu_rdmsr(MSR_SPEC_CTRL));
    }
    cpu_wrmsr(MSR_SPEC_CTRL, before);
    guest_destroy(&guest);
}

const struct scenario scenarios_leak_others[] = {
    {"leak/translations", 1, translations},
    {"leak/translations-of-a-vp", 1, translations_of_a_vp},
    {"leak/translations-of-other-cpu", 2, translations_of_other_cpu},
    {"leak/spec-ctrl", 1, spec_ctrl},
    {0},
};
