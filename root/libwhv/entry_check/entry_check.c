/* SPDX-License-Identifier: MIT */
/* Event injection (27.2.1.3), control registers and MSRs (27.3.1.1), and what is not a segment (27.3.1.3 to .6). */
#include "root/libwhv/entry_check/entry_check.h"

#include "root/libwhv/entry_check/vmx_format.h"

#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_DEFINED 0xd01ull /* SCE, LME, LMA, NXE */
#define DEBUGCTL_BTF (1ull << 1)
#define DEBUGCTL_DEFINED 0xdfc3ull
#define CODE_LONG (1u << 13)
#define VECTORS_WITH_ERROR ((1u << 8) | (0x1fu << 10) | (1u << 17))
#define INTERRUPTION_RESERVED 0x7ffff000u
#define RFLAGS_RESERVED (~0x3fffffull | (1ull << 15) | (1ull << 5) | (1ull << 3))
#define SHADOW (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)
#define SHADOW_DEFINED 0x1bu     /* without blocking by SMI, which is for entries in SMM alone */
#define DEBUG_DEFINED 0x1500full /* B0 to B3, enabled breakpoint, BS, RTM */
#define DEBUG_BS (1ull << 14)
#define PDPTE_RESERVED 0x1e6ull /* bits 2:1 and 8:5 */
#define OTHER_EVENT 7u
#define RESERVED_EVENT 1u

typedef struct entry_verdict (*check_fn)(const struct entry_state *s);

static bool event_is(const struct entry_state *s, enum interruption_type type)
{
    return (s->event_info & INTERRUPTION_VALID) != 0 &&
           (s->event_info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT == (uint32_t)type;
}

bool entry_is_canonical(uint64_t address, uint8_t linear_bits)
{
    uint64_t high = address >> (linear_bits - 1);
    return high == 0 || high == ~0ull >> (linear_bits - 1);
}

static bool event_vector_fits(uint32_t type, uint32_t vector)
{
    switch (type) {
    case INTERRUPTION_NMI:
        return vector == VECTOR_NMI;
    case INTERRUPTION_HARDWARE_EXCEPTION:
        return vector < 32;
    case OTHER_EVENT:
        return vector == 0;
    default:
        return true;
    }
}

/* The bit must be set for exceptions with an error code, clear for all else; in real mode nothing has one. */
static bool error_bit_fits(const struct entry_state *s, uint32_t type, uint32_t vector)
{
    bool bit = (s->event_info & INTERRUPTION_ERROR_CODE) != 0;
    if (type != INTERRUPTION_HARDWARE_EXCEPTION || (s->cr0 & CR0_PE) == 0) {
        return !bit;
    }
    return s->limits.any_error_code || bit == ((VECTORS_WITH_ERROR >> vector & 1u) != 0);
}

static struct entry_verdict check_event(const struct entry_state *s)
{
    const WHV_REGISTER_NAME name = WHvRegisterPendingInterruption;
    uint32_t type = (s->event_info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    uint32_t vector = s->event_info & INTERRUPTION_VECTOR;
    if ((s->event_info & INTERRUPTION_VALID) == 0) {
        return ENTRY_PASSES;
    }
    if (type == RESERVED_EVENT || (type == OTHER_EVENT && !s->limits.monitor_trap)) {
        return entry_verdict(WHB_CHECK_EVENT_TYPE, name);
    }
    if (!event_vector_fits(type, vector)) {
        return entry_verdict(WHB_CHECK_EVENT_VECTOR, name);
    }
    if (!error_bit_fits(s, type, vector)) {
        return entry_verdict(WHB_CHECK_EVENT_ERROR_BIT, name);
    }
    if ((s->event_info & INTERRUPTION_RESERVED) != 0) {
        return entry_verdict(WHB_CHECK_EVENT_RESERVED, name);
    }
    if ((s->event_info & INTERRUPTION_ERROR_CODE) != 0 && s->event_error_code >> 16 != 0) {
        return entry_verdict(WHB_CHECK_EVENT_ERROR_CODE, name);
    }
    bool software = type >= INTERRUPTION_SOFTWARE_INTERRUPT && type <= INTERRUPTION_SOFTWARE_EXCEPTION;
    if (software && (s->event_length > 15 || (s->event_length == 0 && !s->limits.zero_length))) {
        return entry_verdict(WHB_CHECK_EVENT_LENGTH, name);
    }
    return ENTRY_PASSES;
}

/* 25.8: unrestricted guest frees PE and PG; NW and CD are not checked. */
static struct entry_verdict check_control_registers(const struct entry_state *s)
{
    const struct entry_limits *l = &s->limits;
    uint64_t cr0_set = l->cr0_fixed0 & ~(CR0_PE | CR0_PG | CR0_NW | CR0_CD);
    if ((s->cr0 & cr0_set) != cr0_set || (s->cr0 & ~(l->cr0_fixed1 | CR0_NW | CR0_CD)) != 0) {
        return entry_verdict(WHB_CHECK_CR0_FIXED, WHvX64RegisterCr0);
    }
    if ((s->cr0 & CR0_PG) != 0 && (s->cr0 & CR0_PE) == 0) {
        return entry_verdict(WHB_CHECK_CR0_PG_PE, WHvX64RegisterCr0);
    }
    if ((s->cr4 & l->cr4_fixed0) != l->cr4_fixed0 || (s->cr4 & ~l->cr4_fixed1) != 0) {
        return entry_verdict(WHB_CHECK_CR4_FIXED, WHvX64RegisterCr4);
    }
    if ((s->debugctl & ~DEBUGCTL_DEFINED) != 0) {
        return entry_verdict(WHB_CHECK_DEBUGCTL, WHvX64RegisterDr7);
    }
    if (s->ia32e && (s->cr0 & CR0_PG) == 0) {
        return entry_verdict(WHB_CHECK_LONG_MODE_PG, WHvX64RegisterCr0);
    }
    if (s->ia32e && (s->cr4 & CR4_PAE) == 0) {
        return entry_verdict(WHB_CHECK_LONG_MODE_PAE, WHvX64RegisterCr4);
    }
    if (!s->ia32e && (s->cr4 & CR4_PCIDE) != 0) {
        return entry_verdict(WHB_CHECK_PCIDE, WHvX64RegisterCr4);
    }
    if (s->cr3 >> l->physical_bits != 0) {
        return entry_verdict(WHB_CHECK_CR3_WIDTH, WHvX64RegisterCr3);
    }
    return ENTRY_PASSES;
}

static bool is_pat(uint64_t pat)
{
    const uint32_t types = 0xf3; /* 0, 1, 4, 5, 6, 7 */
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t type = pat >> i & 0xffu;
        if (type > 7 || (types >> type & 1u) == 0) {
            return false;
        }
    }
    return true;
}

static struct entry_verdict check_msrs(const struct entry_state *s)
{
    if (s->dr7 >> 32 != 0) {
        return entry_verdict(WHB_CHECK_DR7, WHvX64RegisterDr7);
    }
    if (!entry_is_canonical(s->sysenter_esp, s->limits.linear_bits)) {
        return entry_verdict(WHB_CHECK_SYSENTER, WHvX64RegisterSysenterEsp);
    }
    if (!entry_is_canonical(s->sysenter_eip, s->limits.linear_bits)) {
        return entry_verdict(WHB_CHECK_SYSENTER, WHvX64RegisterSysenterEip);
    }
    if (!is_pat(s->pat)) {
        return entry_verdict(WHB_CHECK_PAT, WHvX64RegisterPat);
    }
    if ((s->efer & ~EFER_DEFINED) != 0) {
        return entry_verdict(WHB_CHECK_EFER_RESERVED, WHvX64RegisterEfer);
    }
    bool lma = (s->efer & EFER_LMA) != 0, lme = (s->efer & EFER_LME) != 0;
    if (lma != s->ia32e) {
        return entry_verdict(WHB_CHECK_EFER_LMA, WHvX64RegisterEfer);
    }
    if ((s->cr0 & CR0_PG) != 0 && lma != lme) {
        return entry_verdict(WHB_CHECK_EFER_LME, WHvX64RegisterEfer);
    }
    return ENTRY_PASSES;
}

static struct entry_verdict check_tables(const struct entry_state *s)
{
    if (!entry_is_canonical(s->gdtr_base, s->limits.linear_bits)) {
        return entry_verdict(WHB_CHECK_TABLE_BASE, WHvX64RegisterGdtr);
    }
    if (!entry_is_canonical(s->idtr_base, s->limits.linear_bits)) {
        return entry_verdict(WHB_CHECK_TABLE_BASE, WHvX64RegisterIdtr);
    }
    if (s->gdtr_limit >> 16 != 0) {
        return entry_verdict(WHB_CHECK_TABLE_LIMIT, WHvX64RegisterGdtr);
    }
    if (s->idtr_limit >> 16 != 0) {
        return entry_verdict(WHB_CHECK_TABLE_LIMIT, WHvX64RegisterIdtr);
    }
    return ENTRY_PASSES;
}

/* RIP need not be canonical: only what is beyond the address width must be equal, so one bit less than elsewhere. */
static struct entry_verdict check_rip(const struct entry_state *s)
{
    bool code64 = s->ia32e && (s->segment[ENTRY_SEGMENT_CS].access_rights & CODE_LONG) != 0;
    if (!code64 && s->rip >> 32 != 0) {
        return entry_verdict(WHB_CHECK_RIP_HIGH, WHvX64RegisterRip);
    }
    if (!entry_is_canonical(s->rip, (uint8_t)(s->limits.linear_bits + 1))) {
        return entry_verdict(WHB_CHECK_RIP_CANONICAL, WHvX64RegisterRip);
    }
    if ((s->rflags & RFLAGS_RESERVED) != 0 || (s->rflags & RFLAGS_FIXED) == 0) {
        return entry_verdict(WHB_CHECK_RFLAGS_RESERVED, WHvX64RegisterRflags);
    }
    if ((s->rflags & RFLAGS_VM) != 0 && (s->ia32e || (s->cr0 & CR0_PE) == 0)) {
        return entry_verdict(WHB_CHECK_RFLAGS_VM, WHvX64RegisterRflags);
    }
    if (event_is(s, INTERRUPTION_EXTERNAL) && (s->rflags & RFLAGS_IF) == 0) {
        return entry_verdict(WHB_CHECK_RFLAGS_IF, WHvX64RegisterRflags);
    }
    return ENTRY_PASSES;
}

/* Which events end a state: halted, all that wake the processor; shutdown, NMI and #MC; waiting for SIPI, none. */
static bool activity_takes_event(const struct entry_state *s)
{
    uint32_t vector = s->event_info & INTERRUPTION_VECTOR;
    if ((s->event_info & INTERRUPTION_VALID) == 0 || s->activity == ACTIVITY_ACTIVE) {
        return true;
    }
    bool exception = event_is(s, INTERRUPTION_HARDWARE_EXCEPTION);
    bool machine_check = exception && vector == VECTOR_MC;
    switch (s->activity) {
    case ACTIVITY_HLT:
        return event_is(s, INTERRUPTION_EXTERNAL) || event_is(s, INTERRUPTION_NMI) || machine_check ||
               (exception && vector == VECTOR_DB) || (s->event_info & INTERRUPTION_TYPE) == INTERRUPTION_TYPE;
    case ACTIVITY_WAIT_FOR_SIPI:
        return false;
    default:
        return event_is(s, INTERRUPTION_NMI) || machine_check;
    }
}

static struct entry_verdict check_activity(const struct entry_state *s)
{
    const WHV_REGISTER_NAME name = WHvRegisterInternalActivityState;
    if (s->activity > ACTIVITY_WAIT_FOR_SIPI || (s->limits.activity >> s->activity & 1u) == 0) {
        return entry_verdict(WHB_CHECK_ACTIVITY, name);
    }
    if (s->activity == ACTIVITY_HLT && (s->segment[ENTRY_SEGMENT_SS].access_rights >> 5 & 3u) != 0) {
        return entry_verdict(WHB_CHECK_ACTIVITY_DPL, name);
    }
    if (s->activity != ACTIVITY_ACTIVE && (s->interruptibility & SHADOW) != 0) {
        return entry_verdict(WHB_CHECK_ACTIVITY_SHADOW, name);
    }
    if (!activity_takes_event(s)) {
        return entry_verdict(WHB_CHECK_ACTIVITY_EVENT, name);
    }
    return ENTRY_PASSES;
}

static enum whb_entry_check check_shadow_event(const struct entry_state *s)
{
    if (event_is(s, INTERRUPTION_EXTERNAL) && (s->interruptibility & SHADOW) != 0) {
        return WHB_CHECK_SHADOW_EXTERNAL;
    }
    if (!event_is(s, INTERRUPTION_NMI)) {
        return WHB_CHECK_NONE;
    }
    if ((s->interruptibility & BLOCKING_BY_MOV_SS) != 0) {
        return WHB_CHECK_SHADOW_NMI;
    }
    if ((s->interruptibility & BLOCKING_BY_NMI) != 0) {
        return WHB_CHECK_NMI_BLOCKED;
    }
    bool refused = !s->limits.nmi_in_shadow && (s->interruptibility & BLOCKING_BY_STI) != 0;
    return refused ? WHB_CHECK_SHADOW_NMI_STI : WHB_CHECK_NONE;
}

static struct entry_verdict check_interruptibility(const struct entry_state *s)
{
    const WHV_REGISTER_NAME name = WHvRegisterInterruptState;
    if ((s->interruptibility & ~SHADOW_DEFINED) != 0) {
        return entry_verdict(WHB_CHECK_SHADOW_RESERVED, name);
    }
    if ((s->interruptibility & SHADOW) == SHADOW) {
        return entry_verdict(WHB_CHECK_SHADOW_BOTH, name);
    }
    if ((s->interruptibility & BLOCKING_BY_STI) != 0 && (s->rflags & RFLAGS_IF) == 0) {
        return entry_verdict(WHB_CHECK_SHADOW_STI, name);
    }
    return entry_verdict(check_shadow_event(s), name);
}

static struct entry_verdict check_pending_debug(const struct entry_state *s)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterPendingDebugException;
    if ((s->pending_debug & ~DEBUG_DEFINED) != 0) {
        return entry_verdict(WHB_CHECK_DEBUG_RESERVED, name);
    }
    if ((s->interruptibility & SHADOW) == 0 && s->activity != ACTIVITY_HLT) {
        return ENTRY_PASSES;
    }
    bool step = (s->rflags & RFLAGS_TF) != 0 && (s->debugctl & DEBUGCTL_BTF) == 0;
    bool pending = (s->pending_debug & DEBUG_BS) != 0;
    if (step && !pending) {
        return entry_verdict(WHB_CHECK_DEBUG_STEP_MISSING, name);
    }
    if (!step && pending) {
        return entry_verdict(WHB_CHECK_DEBUG_STEP_UNEXPECTED, name);
    }
    return ENTRY_PASSES;
}

static struct entry_verdict check_pdptes(const struct entry_state *s)
{
    uint64_t reserved = PDPTE_RESERVED | ~((1ull << s->limits.physical_bits) - 1);
    bool pae = (s->cr0 & CR0_PG) != 0 && (s->cr4 & CR4_PAE) != 0 && !s->ia32e;
    if (pae && s->pdptes_absent) {
        return entry_verdict(WHB_CHECK_PDPTE_MEMORY, WHvX64RegisterCr3);
    }
    for (unsigned i = 0; pae && i < 4; i++) {
        if ((s->pdpte[i] & 1u) != 0 && (s->pdpte[i] & reserved) != 0) {
            return entry_verdict(WHB_CHECK_PDPTE_RESERVED, WHvX64RegisterCr3);
        }
    }
    return ENTRY_PASSES;
}

struct entry_verdict entry_check(const struct entry_state *s)
{
    static const check_fn checks[] = {
        check_event,    check_control_registers, check_msrs,          entry_check_segments, check_tables, check_rip,
        check_activity, check_interruptibility,  check_pending_debug, check_pdptes,
    };
    struct entry_verdict verdict = ENTRY_PASSES;
    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]) && verdict.check == WHB_CHECK_NONE; i++) {
        verdict = checks[i](s);
    }
    return verdict;
}
