/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/entry_check/entry_check.c root/libwhv/entry_check/entry_check_segments.c */
#include "tests/unit/cmocka_tests.h"

#include <string.h>

#include "root/libwhv/entry_check/vmx_format.h"
#include "tests/unit/entry_states.h"

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

#define EVERY ((1u << STATE_COUNT) - 1u)
#define IN(kind) (1u << (kind))
#define PAGED (IN(STATE_PAE) | IN(STATE_LONG))
#define FLAT_32 (IN(STATE_PROTECTED) | IN(STATE_PAE))
#define NOT_V86 (EVERY & ~IN(STATE_V86))

static struct entry_state s;

static void expect(enum whb_entry_check check, uint32_t name)
{
    struct entry_verdict v = entry_check(&s);
    assert_int_equal(v.check, check);
    if (check != WHB_CHECK_NONE) {
        assert_int_equal(v.name, name);
    }
}

static void test_valid(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATE_COUNT; i++) {
        s = entry_valid_state((enum state_kind)i);
        expect(WHB_CHECK_NONE, 0);
    }
}

/* One field made wrong in each of the states in `modes`. */
#define WRONG(modes, change, check, name)                                                                              \
    for (unsigned kind = 0; kind < STATE_COUNT; kind++) {                                                              \
        if ((IN(kind) & (modes)) != 0) {                                                                               \
            s = entry_valid_state((enum state_kind)kind);                                                              \
            change;                                                                                                    \
            expect(check, name);                                                                                       \
        }                                                                                                              \
    }
#define RIGHT(modes, change) WRONG(modes, change, WHB_CHECK_NONE, WHvX64RegisterRax)

static void test_control_registers(void **state)
{
    (void)state;
    WRONG(EVERY, s.cr0 &= ~0x20ull, WHB_CHECK_CR0_FIXED, WHvX64RegisterCr0);
    WRONG(EVERY, s.cr0 |= 1ull << 32, WHB_CHECK_CR0_FIXED, WHvX64RegisterCr0);
    RIGHT(EVERY, s.cr0 |= 0x60000000);
    WRONG(IN(STATE_REAL), s.cr0 |= 1ull << 31, WHB_CHECK_CR0_PG_PE, WHvX64RegisterCr0);
    WRONG(EVERY, s.cr4 &= ~0x2000ull, WHB_CHECK_CR4_FIXED, WHvX64RegisterCr4);
    WRONG(EVERY, s.cr4 |= 1ull << 30, WHB_CHECK_CR4_FIXED, WHvX64RegisterCr4);
    WRONG(IN(STATE_LONG), s.cr0 &= ~(1ull << 31), WHB_CHECK_LONG_MODE_PG, WHvX64RegisterCr0);
    WRONG(IN(STATE_LONG), s.cr4 &= ~0x20ull, WHB_CHECK_LONG_MODE_PAE, WHvX64RegisterCr4);
    WRONG(NOT_V86 & ~IN(STATE_LONG), s.cr4 |= 1ull << 17, WHB_CHECK_PCIDE, WHvX64RegisterCr4);
    RIGHT(IN(STATE_LONG), s.cr4 |= 1ull << 17);
    WRONG(EVERY, s.cr3 = 1ull << 40, WHB_CHECK_CR3_WIDTH, WHvX64RegisterCr3);
    WRONG(EVERY, s.cr3 = 1ull << 63, WHB_CHECK_CR3_WIDTH, WHvX64RegisterCr3);
    RIGHT(EVERY, s.cr3 = (1ull << 40) - 1);
}

static void test_msrs(void **state)
{
    (void)state;
    WRONG(EVERY, s.debugctl = 4, WHB_CHECK_DEBUGCTL, WHvX64RegisterDr7);
    WRONG(EVERY, s.dr7 = 1ull << 32, WHB_CHECK_DR7, WHvX64RegisterDr7);
    RIGHT(EVERY, s.dr7 = 0xffffffff);
    WRONG(EVERY, s.sysenter_esp = 1ull << 47, WHB_CHECK_SYSENTER, WHvX64RegisterSysenterEsp);
    WRONG(EVERY, s.sysenter_eip = 1ull << 63, WHB_CHECK_SYSENTER, WHvX64RegisterSysenterEip);
    RIGHT(EVERY, s.sysenter_eip = 0xffff800000000000);
    RIGHT(EVERY, (s.limits.linear_bits = 57, s.sysenter_eip = 1ull << 55));
    WRONG(EVERY, (s.limits.linear_bits = 57, s.sysenter_eip = 1ull << 56), WHB_CHECK_SYSENTER,
          WHvX64RegisterSysenterEip);
    for (uint64_t type = 0; type < 256; type++) {
        bool good = type <= 7 && type != 2 && type != 3;
        WRONG(EVERY, s.pat = type << 56, good ? WHB_CHECK_NONE : WHB_CHECK_PAT, WHvX64RegisterPat);
    }
    WRONG(EVERY, s.efer |= 2, WHB_CHECK_EFER_RESERVED, WHvX64RegisterEfer);
    WRONG(EVERY, s.efer |= 1ull << 32, WHB_CHECK_EFER_RESERVED, WHvX64RegisterEfer);
    RIGHT(EVERY, s.efer |= 0x801);
    WRONG(EVERY, s.efer ^= 0x400, WHB_CHECK_EFER_LMA, WHvX64RegisterEfer);
    WRONG(PAGED, s.efer ^= 0x100, WHB_CHECK_EFER_LME, WHvX64RegisterEfer);
    RIGHT(IN(STATE_REAL) | IN(STATE_PROTECTED), s.efer ^= 0x100);
}

static void test_bases(void **state)
{
    (void)state;
    WRONG(EVERY, s.segment[TR].selector = 4, WHB_CHECK_TABLE_INDICATOR, WHvX64RegisterTr);
    WRONG(EVERY, s.segment[LDTR].selector = 4, WHB_CHECK_TABLE_INDICATOR, WHvX64RegisterLdtr);
    RIGHT(EVERY, (s.segment[LDTR].selector = 4, s.segment[LDTR].access_rights = ACCESS_UNUSABLE));
    for (unsigned i = ES; i <= GS; i++) {
        WRONG(IN(STATE_V86), s.segment[i].base += 16, WHB_CHECK_V86_BASE, WHvX64RegisterEs + i);
        WRONG(IN(STATE_V86), s.segment[i].limit = 0xfffff, WHB_CHECK_V86_LIMIT, WHvX64RegisterEs + i);
        WRONG(IN(STATE_V86), s.segment[i].access_rights = 0x93, WHB_CHECK_V86_ACCESS, WHvX64RegisterEs + i);
    }
    for (unsigned i = FS; i <= TR; i++) {
        WRONG(NOT_V86, s.segment[i].base = 1ull << 47, WHB_CHECK_BASE_CANONICAL, WHvX64RegisterEs + i);
        RIGHT(NOT_V86, s.segment[i].base = 0xffff800000000000);
    }
    for (unsigned i = ES; i <= DS; i++) {
        WRONG(NOT_V86, s.segment[i].base = 1ull << 32, WHB_CHECK_BASE_HIGH, WHvX64RegisterEs + i);
    }
    RIGHT(NOT_V86, (s.segment[DS].base = 1ull << 60, s.segment[DS].access_rights = ACCESS_UNUSABLE));
    WRONG(NOT_V86, (s.segment[GS].base = 1ull << 60, s.segment[GS].access_rights = ACCESS_UNUSABLE),
          WHB_CHECK_BASE_CANONICAL, WHvX64RegisterGs);
    RIGHT(EVERY, (s.segment[LDTR].base = 1ull << 60, s.segment[LDTR].access_rights = ACCESS_UNUSABLE));
}

#define TYPE(i, type) (s.segment[i].access_rights = (s.segment[i].access_rights & ~15u) | (type))
#define SET(i, bits) s.segment[i].access_rights |= (bits)
#define CLEAR(i, bits) s.segment[i].access_rights &= ~(uint32_t)(bits)

static void test_types(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 16; type++) {
        bool code = type >= 9 && (type & 1u) != 0, data = (type & 1u) != 0 && (type < 8 || (type & 2u) != 0);
        WRONG(NOT_V86, TYPE(CS, type), code || type == 3 ? WHB_CHECK_NONE : WHB_CHECK_CODE_TYPE, WHvX64RegisterCs);
        WRONG(NOT_V86, TYPE(SS, type), type == 3 || type == 7 ? WHB_CHECK_NONE : WHB_CHECK_STACK_TYPE,
              WHvX64RegisterSs);
        for (unsigned i = ES; i <= GS; i = i == ES ? DS : i + 1) {
            WRONG(NOT_V86, TYPE(i, type), data ? WHB_CHECK_NONE : WHB_CHECK_DATA_TYPE, WHvX64RegisterEs + i);
        }
        WRONG(IN(STATE_LONG), TYPE(TR, type), type == 11 ? WHB_CHECK_NONE : WHB_CHECK_TASK_TYPE, WHvX64RegisterTr);
        WRONG(EVERY & ~IN(STATE_LONG), TYPE(TR, type), type == 11 || type == 3 ? WHB_CHECK_NONE : WHB_CHECK_TASK_TYPE,
              WHvX64RegisterTr);
        WRONG(EVERY, TYPE(LDTR, type), type == 2 ? WHB_CHECK_NONE : WHB_CHECK_LDT_TYPE, WHvX64RegisterLdtr);
    }
}

static void test_rights(void **state)
{
    (void)state;
    for (unsigned i = ES; i <= GS; i++) {
        WRONG(NOT_V86, CLEAR(i, 0x10), WHB_CHECK_NOT_SYSTEM, WHvX64RegisterEs + i);
        WRONG(NOT_V86, SET(i, 0x100), WHB_CHECK_ACCESS_RESERVED, WHvX64RegisterEs + i);
        WRONG(NOT_V86, SET(i, 1u << 17), WHB_CHECK_ACCESS_RESERVED, WHvX64RegisterEs + i);
        WRONG(NOT_V86, CLEAR(i, 0x80), WHB_CHECK_PRESENT, WHvX64RegisterEs + i);
        WRONG(FLAT_32, CLEAR(i, 0x8000), WHB_CHECK_GRANULARITY, WHvX64RegisterEs + i);
        WRONG(FLAT_32, s.segment[i].limit = 0xffffe, WHB_CHECK_GRANULARITY, WHvX64RegisterEs + i);
        RIGHT(NOT_V86, (s.segment[i].limit = 0x123, CLEAR(i, 0x8000)));
        if (i != CS) {
            RIGHT(NOT_V86, s.segment[i].access_rights = ACCESS_UNUSABLE);
        }
    }
    WRONG(IN(STATE_LONG), SET(CS, 0x4000), WHB_CHECK_CODE_SIZE, WHvX64RegisterCs);
    RIGHT(FLAT_32, SET(CS, 0x2000));
    WRONG(EVERY, SET(TR, 0x10), WHB_CHECK_SYSTEM, WHvX64RegisterTr);
    WRONG(EVERY, SET(LDTR, 0x10), WHB_CHECK_SYSTEM, WHvX64RegisterLdtr);
    WRONG(EVERY, SET(TR, ACCESS_UNUSABLE), WHB_CHECK_TASK_USABLE, WHvX64RegisterTr);
    WRONG(EVERY, CLEAR(TR, 0x80), WHB_CHECK_PRESENT, WHvX64RegisterTr);
    WRONG(EVERY, SET(TR, 0x200), WHB_CHECK_ACCESS_RESERVED, WHvX64RegisterTr);
    WRONG(EVERY, s.segment[TR].limit = 0x100000, WHB_CHECK_GRANULARITY, WHvX64RegisterTr);
    WRONG(EVERY, (s.segment[LDTR].limit = 0xffe, SET(LDTR, 0x8000)), WHB_CHECK_GRANULARITY, WHvX64RegisterLdtr);
}

static void test_privilege(void **state)
{
    (void)state;
    WRONG(NOT_V86, SET(CS, 0x60), WHB_CHECK_CODE_DPL, WHvX64RegisterCs);
    WRONG(NOT_V86, SET(SS, 0x60), WHB_CHECK_CODE_DPL, WHvX64RegisterCs);
    RIGHT(NOT_V86 & ~IN(STATE_REAL), (SET(SS, 0x60), SET(CS, 0x60)));
    RIGHT(NOT_V86 & ~IN(STATE_REAL), (SET(SS, 0x60), TYPE(CS, 15)));
    WRONG(NOT_V86, (SET(CS, 0x20), TYPE(CS, 13)), WHB_CHECK_CODE_DPL, WHvX64RegisterCs);
    WRONG(IN(STATE_REAL), (SET(SS, 0x60), SET(CS, 0x60)), WHB_CHECK_STACK_DPL, WHvX64RegisterSs);
    WRONG(NOT_V86, (SET(SS, 0x60), TYPE(CS, 3)), WHB_CHECK_STACK_DPL, WHvX64RegisterSs);
    WRONG(NOT_V86, (SET(CS, 0x60), TYPE(CS, 3)), WHB_CHECK_CODE_DPL, WHvX64RegisterCs);
}

static void test_tables_and_rip(void **state)
{
    (void)state;
    WRONG(EVERY, s.gdtr_base = 1ull << 47, WHB_CHECK_TABLE_BASE, WHvX64RegisterGdtr);
    WRONG(EVERY, s.idtr_base = 1ull << 47, WHB_CHECK_TABLE_BASE, WHvX64RegisterIdtr);
    WRONG(EVERY, s.gdtr_limit = 0x10000, WHB_CHECK_TABLE_LIMIT, WHvX64RegisterGdtr);
    WRONG(EVERY, s.idtr_limit = 0x10000, WHB_CHECK_TABLE_LIMIT, WHvX64RegisterIdtr);
    WRONG(EVERY & ~IN(STATE_LONG), s.rip = 1ull << 32, WHB_CHECK_RIP_HIGH, WHvX64RegisterRip);
    WRONG(IN(STATE_LONG), (s.rip = 1ull << 32, CLEAR(CS, 0x2000)), WHB_CHECK_RIP_HIGH, WHvX64RegisterRip);
    RIGHT(IN(STATE_LONG), s.rip = 1ull << 47);
    WRONG(IN(STATE_LONG), s.rip = 1ull << 48, WHB_CHECK_RIP_CANONICAL, WHvX64RegisterRip);
    RIGHT(IN(STATE_LONG), s.rip = 0xffff000000000000);
    WRONG(EVERY, s.rflags &= ~2ull, WHB_CHECK_RFLAGS_RESERVED, WHvX64RegisterRflags);
    for (unsigned bit = 0; bit < 64; bit++) {
        bool reserved = bit == 3 || bit == 5 || bit == 15 || bit >= 22;
        if (bit != 17) {
            WRONG(EVERY, s.rflags |= 1ull << bit, reserved ? WHB_CHECK_RFLAGS_RESERVED : WHB_CHECK_NONE,
                  WHvX64RegisterRflags);
        }
    }
    WRONG(IN(STATE_V86), s.cr0 &= ~1ull, WHB_CHECK_RFLAGS_VM, WHvX64RegisterRflags);
}

#define EVENT(type, vector) (s.event_info = INTERRUPTION_VALID | (type) << INTERRUPTION_TYPE_SHIFT | (vector))
#define WITH_CODE(type, vector) (EVENT(type, vector), s.event_info |= INTERRUPTION_ERROR_CODE)

static void test_events(void **state)
{
    const WHV_REGISTER_NAME name = WHvRegisterPendingInterruption;
    (void)state;
    RIGHT(EVERY, s.event_info = 0x7fffffff);
    WRONG(EVERY, EVENT(1u, 0x20u), WHB_CHECK_EVENT_TYPE, name);
    WRONG(EVERY, EVENT(7u, 0u), WHB_CHECK_EVENT_TYPE, name);
    RIGHT(EVERY, (EVENT(7u, 0u), s.limits.monitor_trap = true));
    WRONG(EVERY, (EVENT(7u, 1u), s.limits.monitor_trap = true), WHB_CHECK_EVENT_VECTOR, name);
    RIGHT(EVERY, EVENT(2u, 2u));
    WRONG(EVERY, EVENT(2u, 3u), WHB_CHECK_EVENT_VECTOR, name);
    WRONG(EVERY, EVENT(3u, 32u), WHB_CHECK_EVENT_VECTOR, name);
    for (uint32_t vector = 0; vector < 32; vector++) {
        bool has = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
        WRONG(EVERY & ~IN(STATE_REAL), EVENT(3u, vector), has ? WHB_CHECK_EVENT_ERROR_BIT : WHB_CHECK_NONE, name);
        WRONG(EVERY & ~IN(STATE_REAL), WITH_CODE(3u, vector), has ? WHB_CHECK_NONE : WHB_CHECK_EVENT_ERROR_BIT, name);
        RIGHT(EVERY & ~IN(STATE_REAL), (WITH_CODE(3u, vector), s.limits.any_error_code = true));
        RIGHT(IN(STATE_REAL), EVENT(3u, vector));
        WRONG(IN(STATE_REAL), WITH_CODE(3u, vector), WHB_CHECK_EVENT_ERROR_BIT, name);
    }
    WRONG(EVERY, WITH_CODE(4u, 13u), WHB_CHECK_EVENT_ERROR_BIT, name);
    WRONG(EVERY, (EVENT(3u, 6u), s.event_info |= 1u << 12), WHB_CHECK_EVENT_RESERVED, name);
    WRONG(IN(STATE_LONG), (WITH_CODE(3u, 13u), s.event_error_code = 0x10000), WHB_CHECK_EVENT_ERROR_CODE, name);
    RIGHT(IN(STATE_LONG), (WITH_CODE(3u, 13u), s.event_error_code = 0xffff));
    for (uint32_t type = 4; type <= 6; type++) {
        WRONG(EVERY, EVENT(type, 3u), WHB_CHECK_EVENT_LENGTH, name);
        RIGHT(EVERY, (EVENT(type, 3u), s.limits.zero_length = true));
        RIGHT(EVERY, (EVENT(type, 3u), s.event_length = 15));
        WRONG(EVERY, (EVENT(type, 3u), s.event_length = 16), WHB_CHECK_EVENT_LENGTH, name);
    }
    WRONG(EVERY, EVENT(0u, 0x40u), WHB_CHECK_RFLAGS_IF, WHvX64RegisterRflags);
    RIGHT(EVERY, (EVENT(0u, 0x40u), s.rflags |= 0x200));
}

static void test_interruptibility(void **state)
{
    const WHV_REGISTER_NAME name = WHvRegisterInterruptState;
    (void)state;
    RIGHT(EVERY, s.interruptibility = BLOCKING_BY_MOV_SS | BLOCKING_BY_NMI);
    RIGHT(EVERY, (s.interruptibility = BLOCKING_BY_STI, s.rflags |= 0x200));
    WRONG(EVERY, s.interruptibility = 1u << 5, WHB_CHECK_SHADOW_RESERVED, name);
    WRONG(EVERY, s.interruptibility = 1u << 2, WHB_CHECK_SHADOW_RESERVED, name);
    WRONG(EVERY, (s.interruptibility = 3, s.rflags |= 0x200), WHB_CHECK_SHADOW_BOTH, name);
    WRONG(EVERY, s.interruptibility = BLOCKING_BY_STI, WHB_CHECK_SHADOW_STI, name);
    WRONG(EVERY, (EVENT(0u, 0x40u), s.rflags |= 0x200, s.interruptibility = BLOCKING_BY_STI), WHB_CHECK_SHADOW_EXTERNAL,
          name);
    WRONG(EVERY, (EVENT(2u, 2u), s.interruptibility = BLOCKING_BY_MOV_SS), WHB_CHECK_SHADOW_NMI, name);
    WRONG(EVERY, (EVENT(2u, 2u), s.interruptibility = BLOCKING_BY_NMI), WHB_CHECK_NMI_BLOCKED, name);
    RIGHT(EVERY, (EVENT(3u, 6u), s.interruptibility = BLOCKING_BY_NMI));
    RIGHT(EVERY, (EVENT(2u, 2u), s.rflags |= 0x200, s.interruptibility = BLOCKING_BY_STI));
    WRONG(EVERY,
          (EVENT(2u, 2u), s.rflags |= 0x200, s.interruptibility = BLOCKING_BY_STI, s.limits.nmi_in_shadow = false),
          WHB_CHECK_SHADOW_NMI_STI, name);
}

static void test_activity(void **state)
{
    const WHV_REGISTER_NAME name = WHvRegisterInternalActivityState;
    (void)state;
    RIGHT(NOT_V86, s.activity = ACTIVITY_HLT);
    WRONG(IN(STATE_V86), s.activity = ACTIVITY_HLT, WHB_CHECK_ACTIVITY_DPL, name);
    WRONG(EVERY, s.activity = 4, WHB_CHECK_ACTIVITY, name);
    WRONG(EVERY, (s.activity = ACTIVITY_WAIT_FOR_SIPI, s.limits.activity = 3), WHB_CHECK_ACTIVITY, name);
    WRONG(NOT_V86, (s.activity = ACTIVITY_HLT, s.interruptibility = BLOCKING_BY_MOV_SS), WHB_CHECK_ACTIVITY_SHADOW,
          name);
    RIGHT(NOT_V86, (s.activity = ACTIVITY_HLT, EVENT(2u, 2u)));
    RIGHT(NOT_V86, (s.activity = ACTIVITY_HLT, EVENT(3u, 1u)));
    WRONG(NOT_V86, (s.activity = ACTIVITY_HLT, EVENT(3u, 6u)), WHB_CHECK_ACTIVITY_EVENT, name);
    WRONG(EVERY, (s.activity = ACTIVITY_WAIT_FOR_SIPI, EVENT(2u, 2u)), WHB_CHECK_ACTIVITY_EVENT, name);
    RIGHT(EVERY, (s.activity = 2, EVENT(3u, 18u)));
    WRONG(EVERY, (s.activity = 2, EVENT(3u, 1u)), WHB_CHECK_ACTIVITY_EVENT, name);
}

static void test_pending_debug(void **state)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterPendingDebugException;
    const uint64_t step = 1ull << 14;
    (void)state;
    RIGHT(EVERY, s.pending_debug = step | 0xf);
    for (unsigned bit = 0; bit < 64; bit++) {
        bool good = bit < 4 || bit == 12 || bit == 14 || bit == 16;
        WRONG(EVERY, s.pending_debug = 1ull << bit, good ? WHB_CHECK_NONE : WHB_CHECK_DEBUG_RESERVED, name);
    }
    WRONG(EVERY, (s.interruptibility = BLOCKING_BY_MOV_SS, s.pending_debug = step), WHB_CHECK_DEBUG_STEP_UNEXPECTED,
          name);
    WRONG(EVERY, (s.interruptibility = BLOCKING_BY_MOV_SS, s.rflags |= 0x100), WHB_CHECK_DEBUG_STEP_MISSING, name);
    RIGHT(EVERY, (s.interruptibility = BLOCKING_BY_MOV_SS, s.rflags |= 0x100, s.pending_debug = step));
    RIGHT(EVERY, (s.interruptibility = BLOCKING_BY_MOV_SS, s.rflags |= 0x100, s.debugctl = 2));
    WRONG(NOT_V86, (s.activity = ACTIVITY_HLT, s.pending_debug = step), WHB_CHECK_DEBUG_STEP_UNEXPECTED, name);
}

static void test_pdptes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned bit = 1; bit < 64; bit++) {
            bool reserved = bit <= 2 || (bit >= 5 && bit <= 8) || bit >= 40;
            WRONG(IN(STATE_PAE), s.pdpte[i] = 1 | 1ull << bit, reserved ? WHB_CHECK_PDPTE_RESERVED : WHB_CHECK_NONE,
                  WHvX64RegisterCr3);
        }
        RIGHT(EVERY, s.pdpte[i] = ~1ull);
        RIGHT(EVERY & ~IN(STATE_PAE), s.pdpte[i] = ~0ull);
    }
    WRONG(IN(STATE_PAE), s.pdptes_absent = true, WHB_CHECK_PDPTE_MEMORY, WHvX64RegisterCr3);
    RIGHT(EVERY & ~IN(STATE_PAE), s.pdptes_absent = true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),     cmocka_unit_test(test_control_registers),
        cmocka_unit_test(test_msrs),      cmocka_unit_test(test_bases),
        cmocka_unit_test(test_types),     cmocka_unit_test(test_rights),
        cmocka_unit_test(test_privilege), cmocka_unit_test(test_tables_and_rip),
        cmocka_unit_test(test_events),    cmocka_unit_test(test_interruptibility),
        cmocka_unit_test(test_activity),  cmocka_unit_test(test_pending_debug),
        cmocka_unit_test(test_pdptes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
