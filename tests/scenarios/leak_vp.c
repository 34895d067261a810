/* SPDX-License-Identifier: MIT */
/* The VPs of the leak scenarios, and the root as one of them. */
#include "tests/scenarios/leak.h"

#define SLOT_SIZE 0x4000u
#define SLOTS_AT 0x20000u
#define AREA_AT 0x1000u
#define PORT_FILLED 0x11u
#define PORT_STORED 0x12u
#define PORT_BARE 0x13u
#define CR4_GUEST 0x40620ull /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
#define SEED_AFTER_FRESH 0x70u
#define CR4_OSXSAVE (1ull << 18)

static struct leak_area *area_of(const struct leak_vp *v)
{
    return (struct leak_area *)(void *)(v->guest->ram + SLOTS_AT + SLOT_SIZE * v->slot + AREA_AT);
}

static bool has_xsave(void)
{
    return (cpu_cpuid(1, 0).ecx & (1u << 26)) != 0;
}

void leak_prepare(struct leak_vp *v, struct guest *g, uint32_t index, uint32_t slot)
{
    uint32_t at = SLOTS_AT + SLOT_SIZE * slot;
    *v = (struct leak_vp){g, index, slot, 0};
    guest_load(g, index, payload_leak, payload_leak_end, at);
    guest_enter_mode(g, index, GUEST_LONG, at);
    guest_set(g, index, WHvX64RegisterCr4, has_xsave() ? CR4_GUEST : CR4_GUEST & ~CR4_OSXSAVE);
}

void leak_guest_run(struct leak_vp *v, const uint8_t *from, uint16_t port)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_set(v->guest, v->index, WHvX64RegisterRip, SLOTS_AT + SLOT_SIZE * v->slot + (uint64_t)(from - payload_leak));
    guest_run(v->guest, v->index, &r, WHvRunVpExitReasonX64IoPortAccess);
    check_equal("port of the guest's code", port, r.IoPortAccess.PortNumber);
}

void leak_guest_fill(struct leak_vp *v, uint32_t seed)
{
    leak_patterns(area_of(v), seed);
    leak_guest_run(v, payload_leak, PORT_FILLED);
    v->seed = seed;
}

void leak_guest_check(struct leak_vp *v)
{
    static struct leak_area expected __attribute__((aligned(64)));
    struct leak_area *a = area_of(v);
    leak_clear(a);
    leak_guest_run(v, payload_leak_dump, PORT_STORED);
    if (v->seed == 0) {
        leak_check_fresh(a);
        leak_guest_fill(v, SEED_AFTER_FRESH + v->slot);
        return;
    }
    leak_patterns(&expected, v->seed);
    leak_check_general(a, expected.gpr, "a guest that was filled");
    leak_check_state(a, v->seed, "a guest that was filled");
    leak_guest_fill(v, v->seed); /* the reader's code used some of them */
}

void leak_guest_bare(struct leak_vp *v)
{
    leak_guest_run(v, payload_leak_bare, PORT_BARE);
}

void leak_root_begin(struct leak_root *r)
{
    __asm__ volatile("mov %%cr4, %0" : "=r"(r->cr4));
    if (has_xsave()) {
        __asm__ volatile("mov %0, %%cr4" : : "r"(r->cr4 | CR4_OSXSAVE));
    }
    leak_clear(&r->saved);
    leak_dump(&r->saved);
    r->saved.dr6 = 0xffff0ff0;
}

/* FS and GS bases are the root's own affair: GS is how it finds its CPU, so both stay. */
static void keep_bases(struct leak_root *r, struct leak_area *a)
{
    for (uint32_t i = 0; i < a->msr_count; i++) {
        if (a->msr[i] == 0xc0000100 || a->msr[i] == 0xc0000101) {
            a->msr_value[i] = r->saved.msr_value[i];
        }
    }
}

void leak_root_fill(struct leak_root *r, uint32_t seed)
{
    leak_patterns(&r->area, seed);
    keep_bases(r, &r->area);
    leak_fill(&r->area);
}

void leak_root_check(struct leak_root *r, uint32_t seed)
{
    static struct leak_area expected __attribute__((aligned(64)));
    leak_clear(&r->area);
    leak_dump(&r->area);
    leak_patterns(&expected, seed);
    for (uint32_t i = 0; i < r->area.msr_count; i++) {
        if (r->area.msr[i] == 0xc0000100 || r->area.msr[i] == 0xc0000101) {
            check_equal("segment base of the root", r->saved.msr_value[i], r->area.msr_value[i]);
            r->area.msr_value[i] = expected.msr_value[i];
        }
    }
    leak_check_state(&r->area, seed, "the root");
}

void leak_root_end(struct leak_root *r)
{
    memset(r->saved.image + 512, 0, 64);
    r->saved.image[512] = 3;
    leak_fill(&r->saved);
    if (has_xsave()) {
        r->saved.xcr0_wanted = r->saved.xcr0;
        __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)r->saved.xcr0), "d"((uint32_t)(r->saved.xcr0 >> 32)));
    }
    __asm__ volatile("mov %0, %%cr4" : : "r"(r->cr4));
}
