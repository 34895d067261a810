/* SPDX-License-Identifier: MIT */
#include "vmm/apic/apic.h"

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/hardware_model.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/vp_time.h"

#define MISC_TIMER_RATE 0x1fu /* IA32_VMX_MISC: the timer counts when this bit of the TSC changes */
#define TIMER_MAX 0xffffffffu
#define TIMER_FAR (1ull << 62)
/*
 * TSC ticks that an entry lasts at least: a timer that expired at each entry would leave the guest no instruction, and
 * as its exit comes before that of an interrupt (SDM vol. 3C, 26.2), the root no interrupt.
 */
#define TIMER_LEAST 2000u
#define PENDING_DEBUG_DUE (1ull << 12 | 1ull << 14) /* a breakpoint that is enabled, a single step */

bool apic_available(void)
{
    return ((uint32_t)(vmm.caps.pin >> 32) & PIN_PREEMPTION_TIMER) != 0;
}

/* What senders compare with; they may read it at any time. */
void apic_publish(struct vp *vp)
{
    __atomic_store_n(&vp->apic_address.ldr, vp->apic.page[APIC_LDR / 4], __ATOMIC_RELAXED);
    __atomic_store_n(&vp->apic_address.dfr, vp->apic.page[APIC_DFR / 4], __ATOMIC_RELAXED);
    __atomic_store_n(&vp->apic_address.id, vp->apic.id, __ATOMIC_RELAXED);
    __atomic_store_n(&vp->apic_address.mode, vp->apic.mode, __ATOMIC_RELAXED);
}

void apic_start(struct vp *vp)
{
    vp->apic_on = vp->partition->policy->apic_mode != WHvX64LocalApicEmulationModeNone;
    if (!vp->apic_on) {
        return;
    }
    vp->apic.page = vp->virtual_apic;
    vp->apic.id = vp->index;
    apic_reset(&vp->apic);
    apic_publish(vp);
    vp->suspend = vp->index == 0 ? 0 : SUSPEND_STARTUP;
    vp->controls.pin |= PIN_PREEMPTION_TIMER;
    vmcs_write32(VMCS_PIN_CONTROLS, vp->controls.pin);
    vmcs_write32(VMCS_GUEST_PREEMPTION_TIMER, TIMER_MAX);
}

/* INIT leaves the APIC's mode and identity, memory types, extended state and the TSC alone (SDM vol. 3A, table 10-1).
 */
static void take_init(struct vp *vp)
{
    enum apic_mode mode = vp->apic.mode;
    vmcs_setup_reset(vp);
    apic_reset(&vp->apic);
    if (mode != APIC_XAPIC) {
        apic_set_mode(&vp->apic, mode);
    }
    apic_publish(vp);
    vp->run->dirty = 0;
    vp->external = 0;
    vp->nmi_pending = false;
    vp->suspend = vp->index == 0 ? 0 : SUSPEND_STARTUP;
}

static void take_sipi(struct vp *vp)
{
    uint64_t vector = __atomic_load_n(&vp->apic_sipi, __ATOMIC_RELAXED);
    if ((vp->suspend & SUSPEND_STARTUP) == 0) {
        return; /* only a VP that waits for it takes a SIPI */
    }
    vmcs_write16(VMCS_GUEST_CS_SELECTOR, (uint16_t)(vector << 8));
    vmcs_writenw(VMCS_GUEST_CS_BASE, vector << 12);
    vmcs_writenw(VMCS_GUEST_RIP, 0);
    vp->suspend = 0;
}

static void take_lint1(struct vp *vp)
{
    uint32_t lvt = vp->apic.page[APIC_LVT_LINT1 / 4];
    if ((lvt & APIC_LVT_MASKED) != 0) {
        return;
    }
    if ((lvt >> 8 & 7u) == APIC_NMI) {
        vp->nmi_pending = true;
    } else if ((lvt >> 8 & 7u) == APIC_FIXED) {
        apic_accept(&vp->apic, (uint8_t)lvt, (lvt >> 15 & 1u) != 0);
    }
}

static void take_signals(struct vp *vp)
{
    if (__atomic_load_n(&vp->apic_signals, __ATOMIC_RELAXED) == 0) {
        return;
    }
    uint32_t signals = __atomic_exchange_n(&vp->apic_signals, 0, __ATOMIC_SEQ_CST);
    if ((signals & APIC_SIGNAL_INIT) != 0) {
        take_init(vp);
    }
    if ((signals & APIC_SIGNAL_SIPI) != 0) {
        take_sipi(vp);
    }
    if ((signals & APIC_SIGNAL_NMI) != 0) {
        vp->nmi_pending = true;
    }
    if ((signals & APIC_SIGNAL_LINT1) != 0) {
        take_lint1(vp);
    }
}

static void take_vectors(struct vp *vp)
{
    for (unsigned i = 0; i < 8; i++) {
        if (__atomic_load_n(&vp->apic_requests[i], __ATOMIC_RELAXED) == 0) {
            continue;
        }
        uint32_t vectors = __atomic_exchange_n(&vp->apic_requests[i], 0, __ATOMIC_SEQ_CST);
        uint32_t levels = __atomic_load_n(&vp->apic_levels[i], __ATOMIC_RELAXED);
        for (; vectors != 0; vectors &= vectors - 1) {
            unsigned bit = (unsigned)__builtin_ctz(vectors);
            apic_accept(&vp->apic, (uint8_t)(i * 32 + bit), (levels >> bit & 1u) != 0);
        }
    }
}

/*
 * HLT ends with what the processor would take there (SDM vol. 2A, HLT): an event for the next entry, which makes it
 * active whatever the event is (vol. 3C, 27.6), a #DB that is due, an NMI, an interrupt. Nothing shadows these: HLT
 * has ended any shadow.
 */
static bool wakes(const struct vp *vp)
{
    uint8_t tpr = (uint8_t)vp->apic.page[APIC_TPR / 4];
    if ((vp->event.info & INTERRUPTION_VALID) != 0 ||
        (vmcs_readnw(VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_DUE) != 0) {
        return true;
    }
    if (vp->nmi_pending && (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_BY_NMI) == 0) {
        return true;
    }
    bool interrupt = vp->external != 0 || (apic_pending(&vp->apic) >> 4) > (tpr >> 4);
    return interrupt && (vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_IF) != 0;
}

bool apic_sleeps(const struct vp *vp)
{
    return vp->suspend != 0 && (vp->suspend != SUSPEND_HALT || !wakes(vp));
}

struct apic_time apic_now(const struct vp *vp)
{
    uint64_t clock = partition_time_clock(vp->partition);
    return (struct apic_time){.clock = clock, .tsc = partition_time_tsc_at(vp, clock)};
}

void apic_take_timer(struct vp *vp)
{
    if (apic_timer_runs(&vp->apic) && apic_timer_expire(&vp->apic, apic_now(vp))) {
        vp_pend(vp, PENDING_APIC);
    }
}

void apic_before_entry(struct vp *vp)
{
    vp_settle_pending(vp, PENDING_APIC);
    take_signals(vp);
    take_vectors(vp);
    apic_take_timer(vp);
    if (!apic_sleeps(vp)) {
        vp->suspend = 0;
    }
    if (vp->nmi_pending || (!vp->apicv && apic_pending(&vp->apic) != 0)) {
        vp_pend(vp, PENDING_WINDOWS);
    }
}

/* `left`: ticks, or TIMER_NEVER. Each entry starts from the value in the VMCS: exits do not save what is left of it. */
static void write_timer(struct vp *vp, uint64_t left)
{
    uint32_t limit = vmm.slice != 0 ? vmm.slice : TIMER_MAX;
    uint64_t ticks = (left > TIMER_LEAST ? left : TIMER_LEAST) >> (vmm.caps.misc & MISC_TIMER_RATE);
    uint32_t value = ticks < limit ? (uint32_t)ticks + 1 : limit;
    if (value != vp->timer_value) {
        vp->timer_value = value;
        vmcs_write32(VMCS_GUEST_PREEMPTION_TIMER, value);
    }
}

/*
 * The timer's time in host TSC, so that later entries need no look at the APIC and the partition's clock: whoever
 * changes those sets PENDING_APIC or PENDING_POLICY. A time that is years ahead is never.
 */
static void program_timer(struct vp *vp)
{
    uint64_t left = APIC_TIMER_NEVER;
    if (apic_timer_runs(&vp->apic)) {
        struct apic_time now = apic_now(vp);
        left = apic_timer_left(&vp->apic, now);
        vp->timer_due = now.clock + vp->paused_seen + left;
    }
    if (left >= TIMER_FAR) {
        vp->timer_due = TIMER_NEVER;
    }
    vp_pend_while(vp, PENDING_TIMER, vp->timer_due != TIMER_NEVER);
    write_timer(vp, left);
}

bool apic_arm_timer(struct vp *vp)
{
    int64_t left = (int64_t)(vp->timer_due - rdtsc());
    if (left > 0) {
        write_timer(vp, (uint64_t)left);
    }
    return left > 0;
}

/* A VP that sleeps is entered all the same, in the HLT state: so the CPU sleeps, and wakes for whatever exits. */
void apic_arm(struct vp *vp)
{
    bool asleep = vp->suspend != 0;
    if (asleep || vp->was_asleep) {
        vmcs_write32(VMCS_GUEST_ACTIVITY, asleep ? ACTIVITY_HLT : ACTIVITY_ACTIVE);
        vp->was_asleep = asleep;
    }
    if (asleep) {
        vp_pend(vp, PENDING_APIC); /* each entry looks whether it still sleeps */
    }
    program_timer(vp);
}

uint64_t apic_base_value(const struct vp *vp)
{
    uint64_t base = vp->apic_base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    return base | (vp->apic.mode != APIC_DISABLED ? APIC_BASE_ENABLE : 0) |
           (vp->apic.mode == APIC_X2APIC ? APIC_BASE_X2APIC : 0);
}

static void mode_changed(struct vp *vp)
{
    cpuid_cache_forget(&vp->cpuid); /* leaf 1 shows whether it is on */
    apic_publish(vp);
    vp_pend(vp, PENDING_APIC);
}

/* The page cannot be moved: no system does, and it would only cost every memory access's check. */
bool apic_base_set(struct vp *vp, uint64_t value)
{
    const uint64_t modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
    bool has_x2apic = vp->partition->policy->apic_mode == WHvX64LocalApicEmulationModeX2Apic;
    enum apic_mode next;
    if (((value ^ vp->apic_base) & ~modes) != 0 || !apic_mode_change(vp->apic.mode, value, has_x2apic, &next)) {
        return false;
    }
    apic_set_mode(&vp->apic, next);
    mode_changed(vp);
    return true;
}

void apic_base_force(struct vp *vp, uint64_t value)
{
    enum apic_mode mode = (value & APIC_BASE_ENABLE) == 0   ? APIC_DISABLED
                          : (value & APIC_BASE_X2APIC) != 0 ? APIC_X2APIC
                                                            : APIC_XAPIC;
    vp->apic_base = value & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    if (mode == APIC_X2APIC && vp->apic.mode == APIC_XAPIC) {
        apic_set_mode(&vp->apic, mode); /* as a guest's change, which keeps the registers */
    } else if (mode != vp->apic.mode) {
        apic_set_mode(&vp->apic, APIC_DISABLED);
        apic_set_mode(&vp->apic, APIC_XAPIC);
        apic_set_mode(&vp->apic, mode);
    }
    mode_changed(vp);
}

/* What came while the VP did not run is part of its state. */
static void take_what_came(struct vp *vp)
{
    vp_pend(vp, PENDING_APIC);
    take_vectors(vp);
    apic_take_timer(vp);
}

void apic_state_get(struct vp *vp, void *page)
{
    uint32_t *words = page;
    take_what_came(vp);
    apic_save(&vp->apic, words, apic_now(vp));
    bool nmi = vp->nmi_pending || (__atomic_load_n(&vp->apic_signals, __ATOMIC_RELAXED) & APIC_SIGNAL_NMI) != 0;
    words[APIC_BLOCK_FLAGS / 4] |= nmi ? APIC_BLOCK_NMI : 0;
}

enum whb_status apic_state_set(struct vp *vp, const void *page, uint64_t size)
{
    const uint32_t *words = page;
    if (size < APIC_BLOCK_FLAGS) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    apic_restore(&vp->apic, words, (uint32_t)(size / 4), apic_now(vp));
    if (size > APIC_BLOCK_FLAGS && (words[APIC_BLOCK_FLAGS / 4] & APIC_BLOCK_MORE) != 0) {
        vp->nmi_pending = (words[APIC_BLOCK_FLAGS / 4] & APIC_BLOCK_NMI) != 0;
    }
    apic_publish(vp);
    vp_pend(vp, PENDING_APIC);
    return WHB_OK;
}

uint64_t apic_register_get(struct vp *vp, uint32_t name)
{
    uint32_t offset = (name - 0x3000u) * 16, value = 0;
    take_what_came(vp);
    if (name == WHvX64RegisterTscDeadline) {
        return vp->apic.tsc_deadline;
    }
    (void)apic_peek(&vp->apic, offset, apic_now(vp), &value);
    return offset == APIC_ICR ? value | (uint64_t)vp->apic.page[APIC_ICR_HIGH / 4] << 32 : value;
}

/* A deadline waits for TSC-deadline mode, so that it can be set before the LVT's timer entry and after it. */
void apic_register_set(struct vp *vp, uint32_t name, uint64_t value)
{
    vp_pend(vp, PENDING_APIC);
    if (name == WHvX64RegisterTscDeadline) {
        vp->apic.tsc_deadline = value;
        return;
    }
    apic_poke(&vp->apic, (name - 0x3000u) * 16, value, apic_now(vp));
    apic_publish(vp);
}
