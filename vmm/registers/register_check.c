/* SPDX-License-Identifier: MIT */
/* Pure part of the register file: names, kinds, checks, event formats. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "vmm/cpu/switch_check.h"
#include "vmm/registers/vp_registers.h"
#include "vmm/vp/window_decide.h"

static bool between(uint32_t name, uint32_t first, uint32_t count)
{
    return name >= first && name - first < count;
}

static enum register_kind kind_of_msr(uint32_t name)
{
    if (between(name, REG_MTRR_BASE0, GUEST_MTRR_NAMES) || between(name, REG_MTRR_MASK0, GUEST_MTRR_NAMES) ||
        between(name, REG_MTRR_FIX0, GUEST_MTRR_FIXED)) {
        return REGISTER_MTRR;
    }
    bool plain = between(name, REG_TSC, 12) || name == REG_MTRR_CAP || name == REG_MTRR_DEF_TYPE ||
                 name == REG_TSC_AUX || name == REG_INITIAL_APIC_ID || name == REG_SPEC_CTRL || name == REG_PRED_CMD ||
                 name == REG_TSC_OFFSET || name == REG_TSC_ADJUST;
    return plain ? REGISTER_MSR : REGISTER_UNKNOWN;
}

enum register_kind register_kind(uint32_t name)
{
    switch (name) {
    case WHvX64RegisterRax ... WHvX64RegisterR15:
        return REGISTER_GPR;
    case WHvX64RegisterRip:
        return REGISTER_RIP;
    case WHvX64RegisterRflags:
        return REGISTER_RFLAGS;
    case WHvX64RegisterEs ... WHvX64RegisterTr:
        return REGISTER_SEGMENT;
    case WHvX64RegisterIdtr ... WHvX64RegisterGdtr:
        return REGISTER_TABLE;
    case WHvX64RegisterCr0 ... WHvX64RegisterXCr0:
        return REGISTER_CONTROL;
    case WHvX64RegisterXmm0 ... WHvX64RegisterXmm15:
    case WHvX64RegisterFpMmx0 ... WHvX64RegisterXmmControlStatus:
        return REGISTER_LEGACY;
    case REG_PENDING_INTERRUPTION:
    case REG_INTERRUPT_STATE:
    case REG_NOTIFICATIONS:
    case REG_ACTIVITY:
    case REG_PENDING_DEBUG:
    case REG_EXCEPTION_EXITS:
    case REG_UNDELIVERED:
        return REGISTER_SPECIAL;
    case REG_PENDING_EVENT:
        return REGISTER_EVENT;
    case WHvX64RegisterApicId:
    case WHvX64RegisterApicVersion:
    case WHvX64RegisterApicTpr:
    case WHvX64RegisterApicPpr:
    case WHvX64RegisterApicEoi:
    case WHvX64RegisterApicLdr:
    case WHvX64RegisterApicSpurious:
    case WHvX64RegisterApicIsr0 ... WHvX64RegisterApicEse:
    case WHvX64RegisterApicIcr:
    case WHvX64RegisterApicLvtTimer ... WHvX64RegisterApicCurrentCount:
    case WHvX64RegisterApicDivide:
    case WHvX64RegisterApicSelfIpi:
    case WHvX64RegisterTscDeadline:
        return REGISTER_APIC;
    default:
        return kind_of_msr(name);
    }
}

bool register_is_settled(uint32_t name)
{
    return name == WHvX64RegisterRflags || name == REG_DR7 || name == REG_INTERRUPT_STATE ||
           name == REG_PENDING_DEBUG || name == REG_ACTIVITY;
}

uint64_t register_from_event(const struct pending_event *e)
{
    if ((e->info & INTERRUPTION_VALID) == 0) {
        return 0;
    }
    uint64_t type = (e->info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    uint64_t has_error = (e->info & INTERRUPTION_ERROR_CODE) != 0 ? 1 : 0;
    return 1u | (type << 1) | (has_error << 4) | ((uint64_t)(e->instruction_length & 15u) << 5) |
           ((uint64_t)(e->info & INTERRUPTION_VECTOR) << 16) | (has_error != 0 ? (uint64_t)e->error_code << 32 : 0);
}

struct pending_event register_to_event(uint64_t value)
{
    struct pending_event e = {0};
    if ((value & 1u) != 0) {
        e.info = INTERRUPTION_VALID | (uint32_t)((value >> 1) & 7u) << INTERRUPTION_TYPE_SHIFT |
                 (uint32_t)((value >> 16) & INTERRUPTION_VECTOR) | ((value & 16u) != 0 ? INTERRUPTION_ERROR_CODE : 0);
        e.error_code = (uint32_t)(value >> 32);
        e.instruction_length = (uint32_t)(value >> 5) & 15u;
    }
    return e;
}

struct register_value register_from_exception(const struct pending_event *e, uint64_t cr2)
{
    struct register_value v = {0, 0};
    uint32_t type = (e->info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    if ((e->info & INTERRUPTION_VALID) != 0 && type == INTERRUPTION_HARDWARE_EXCEPTION) {
        uint32_t vector = e->info & INTERRUPTION_VECTOR;
        bool has_error = (e->info & INTERRUPTION_ERROR_CODE) != 0;
        v.low =
            1u | (has_error ? 1u << 8 : 0) | ((uint64_t)vector << 16) | (has_error ? (uint64_t)e->error_code << 32 : 0);
        v.high = vector == VECTOR_PF ? cr2 : 0;
    }
    return v;
}

struct pending_event register_to_exception(const struct register_value *v)
{
    struct pending_event e = {0};
    if ((v->low & 1u) != 0) {
        e.info = INTERRUPTION_VALID | (INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT) |
                 (uint32_t)((v->low >> 16) & INTERRUPTION_VECTOR) |
                 ((v->low & (1u << 8)) != 0 ? INTERRUPTION_ERROR_CODE : 0);
        e.error_code = (uint32_t)(v->low >> 32);
    }
    return e;
}

uint32_t register_to_external(const struct register_value *v)
{
    const uint64_t form = 1u | (WHvX64PendingEventExtInt << 1);
    return (v->low & 0xfu) == form ? INTERRUPTION_VALID | ((uint32_t)(v->low >> 8) & INTERRUPTION_VECTOR) : 0;
}

struct register_value register_from_external(uint32_t info)
{
    uint64_t low = 1u | (WHvX64PendingEventExtInt << 1) | (uint64_t)(info & INTERRUPTION_VECTOR) << 8;
    return (struct register_value){.low = info != 0 ? low : 0, .high = 0};
}

static bool error_code_vector(uint64_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/* What VM entry demands of the interruption information (SDM vol. 3C, 27.2.1.3), as far as it depends on it alone. */
static bool check_interruption(uint64_t value)
{
    uint64_t type = (value >> 1) & 7u, vector = (value >> 16) & 0xffffu, length = (value >> 5) & 15u;
    bool has_error = (value & 16u) != 0;
    if ((value & 1u) == 0) {
        return true;
    }
    if ((value & 0xfe00u) != 0 || vector > 255 || (has_error && (type != 3 || !error_code_vector(vector)))) {
        return false;
    }
    switch (type) {
    case INTERRUPTION_EXTERNAL:
        return true;
    case INTERRUPTION_NMI:
        return vector == 2;
    case INTERRUPTION_HARDWARE_EXCEPTION:
        return vector < 32 && vector != 2 && (!has_error || value >> 48 == 0);
    case INTERRUPTION_SOFTWARE_INTERRUPT:
    case INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION:
    case INTERRUPTION_SOFTWARE_EXCEPTION:
        return length >= 1;
    default:
        return false;
    }
}

static bool check_exception_event(const struct register_value *v)
{
    uint64_t vector = (v->low >> 16) & 0xffffu;
    if ((v->low & 1u) == 0) {
        return true;
    }
    if (register_to_external(v) != 0) {
        return v->low >> 16 == 0 && v->high == 0 && (v->low & 0xf0u) == 0; /* any vector: 8259s in real mode */
    }
    bool has_error = (v->low & (1u << 8)) != 0;
    return (v->low & 0xfefeu) == 0 && vector < 32 && vector != 2 &&
           (!has_error || (error_code_vector(vector) && v->low >> 48 == 0));
}

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool check_control(const struct register_limits *l, uint32_t name, uint64_t value)
{
    switch (name) {
    case REG_CR4:
        return (value & l->cr4_hidden) == 0;
    case REG_CR8:
        return value < 16;
    case REG_DR6:
    case REG_DR7:
        return value >> 32 == 0;
    case REG_XCR0:
        return switch_xcr0_valid(value, l->xcr0);
    default:
        return true;
    }
}

/*
 * With a local APIC its page stays where it is; without one the client has it, and the value is only kept. EXTD without
 * EN is no state of an APIC (SDM vol. 3A, table 11-5).
 */
static bool check_apic_base(const struct register_limits *l, uint64_t value)
{
    bool x2apic = (value & APIC_BASE_X2APIC) != 0;
    if (x2apic && (value & APIC_BASE_ENABLE) == 0) {
        return false;
    }
    if (!l->apic) {
        return value >> l->physical_bits == 0;
    }
    return (value & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC | APIC_BASE_BSP)) == 0xfee00000u && (!x2apic || l->x2apic);
}

static bool check_msr(const struct register_limits *l, uint32_t name, uint64_t value)
{
    switch (name) {
    case REG_KERNEL_GS_BASE:
        return is_canonical(value);
    case REG_APIC_BASE:
        return check_apic_base(l, value);
    case REG_SYSENTER_CS:
        return value >> 32 == 0;
    case REG_STAR ... REG_STAR + 3:
        return switch_msr_valid((enum switched_msr)(name - REG_STAR), value);
    case REG_TSC_AUX:
        return l->tsc_aux && switch_msr_valid(SWITCHED_TSC_AUX, value);
    case REG_MTRR_CAP:
        return value == GUEST_MTRR_CAP;
    case REG_INITIAL_APIC_ID:
        return value == l->vp_index;
    case REG_SPEC_CTRL:
    case REG_PRED_CMD:
        return value == 0; /* the guest's CPUID does not offer these MSRs */
    default:
        return true;
    }
}

/* MXCSR's reserved bits would make the hypervisor's own XRSTOR fault. */
static bool check_legacy(uint32_t name, const struct register_value *v)
{
    return name != REG_XMM_CONTROL || (uint32_t)v->high >> 16 == 0;
}

static bool check_special(const struct register_limits *l, uint32_t name, uint64_t value)
{
    switch (name) {
    case REG_PENDING_INTERRUPTION:
        return check_interruption(value);
    case REG_INTERRUPT_STATE:
        return value < 4;
    case REG_PENDING_DEBUG:
        return value < 32;
    case REG_NOTIFICATIONS:
        return (value & ~NOTIFY_ALL) == 0; /* there are no SINTs */
    case REG_EXCEPTION_EXITS:
        return (value & ~(uint64_t)WHB_EXCEPTION_EXITS_ALL) == 0;
    case REG_UNDELIVERED:
        return false;
    default:
        return value <= (l->apic ? 3u : 0u); /* only a VP with a local APIC can be put to sleep */
    }
}

enum whb_status register_check(const struct register_limits *limits, uint32_t name, const struct register_value *v)
{
    bool good = true;
    switch (register_kind(name)) {
    case REGISTER_UNKNOWN:
        return WHB_ERROR_UNKNOWN_REGISTER;
    case REGISTER_CONTROL:
        good = check_control(limits, name, v->low);
        break;
    case REGISTER_LEGACY:
        good = check_legacy(name, v);
        break;
    case REGISTER_MSR:
        good = check_msr(limits, name, v->low);
        break;
    case REGISTER_SPECIAL:
        good = check_special(limits, name, v->low);
        break;
    case REGISTER_EVENT:
        good = check_exception_event(v);
        break;
    case REGISTER_APIC:
        if (!limits->apic) {
            return WHB_ERROR_UNKNOWN_REGISTER;
        }
        good = name == WHvX64RegisterApicIcr || name == WHvX64RegisterTscDeadline || v->low >> 32 == 0;
        break;
    default:
        break;
    }
    return good ? WHB_OK : WHB_ERROR_INVALID_REGISTER;
}
