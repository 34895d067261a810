/* SPDX-License-Identifier: MIT */
/* sources: vmm/registers/register_check.c vmm/cpu/switch_check.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/cpu/switch_check.h"
#include "vmm/registers/vp_registers.h"

/* The checks that VM entry makes of the interruption information (SDM vol. 3C, 27.2.1.3), written anew. */
static void check_event(const struct pending_event *e)
{
    uint32_t vector = e->info & INTERRUPTION_VECTOR, type = (e->info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    if ((e->info & INTERRUPTION_VALID) == 0) {
        return;
    }
    CHECK((e->info & 0x7ffff000u) == 0);
    CHECK(type != 1 && type != 7);
    CHECK(type != INTERRUPTION_NMI || vector == 2);
    CHECK(type != INTERRUPTION_HARDWARE_EXCEPTION || vector <= 31);
    if ((e->info & INTERRUPTION_ERROR_CODE) != 0) {
        CHECK(type == INTERRUPTION_HARDWARE_EXCEPTION);
        CHECK(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17);
        CHECK(e->error_code >> 15 == 0);
    }
    if (type >= INTERRUPTION_SOFTWARE_INTERRUPT) {
        CHECK(e->instruction_length >= 1 && e->instruction_length <= 15);
    }
}

static void check_pending_interruption(uint64_t value)
{
    struct pending_event e = register_to_event(value);
    check_event(&e);
    struct pending_event again = register_to_event(register_from_event(&e));
    CHECK(again.info == e.info && again.instruction_length == e.instruction_length);
    CHECK((e.info & INTERRUPTION_ERROR_CODE) == 0 || again.error_code == e.error_code);
}

static void check_pending_event(const struct register_value *v)
{
    uint32_t external = register_to_external(v);
    if (external != 0) {
        struct register_value back = register_from_external(external);
        CHECK((external & INTERRUPTION_VECTOR) >= 16 && register_to_external(&back) == external);
        return;
    }
    struct pending_event e = register_to_exception(v);
    check_event(&e);
}

static void check_accepted(const struct register_limits *limits, uint32_t name, const struct register_value *v)
{
    switch (name) {
    case WHvX64RegisterCr4:
        CHECK((v->low & limits->cr4_hidden) == 0);
        break;
    case WHvX64RegisterXCr0:
        CHECK((v->low & ~limits->xcr0) == 0 && (v->low & 1) != 0);
        break;
    case WHB_REGISTER_EXCEPTION_EXITS:
        CHECK((v->low & ~(uint64_t)WHB_EXCEPTION_EXITS_ALL) == 0);
        break;
    case WHB_REGISTER_UNDELIVERED:
        CHECK(false);
        break;
    case WHvX64RegisterXmmControlStatus:
        CHECK((uint32_t)v->high >> 16 == 0);
        break;
    case WHvRegisterPendingInterruption:
        check_pending_interruption(v->low);
        break;
    case WHvRegisterPendingEvent:
        check_pending_event(v);
        break;
    default:
        break;
    }
}

/* Names that exist come often: a byte chooses among the blocks of numbers. */
static uint32_t take_name(struct tape *tape)
{
    static const uint32_t blocks[] = {0,      0x1000,     0x2000,     0x2060,
                                      0x3000, 0x80000000, 0x90000000, WHB_REGISTER_EXCEPTION_EXITS};
    uint32_t block = tape_choose(tape, 9);
    return block == 8 ? (uint32_t)tape_u64(tape) : blocks[block] + tape_byte(tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    const struct register_limits limits = {
        .xcr0 = 1 | (tape_u64(&tape) & 0xe7),
        .cr4_hidden = tape_u64(&tape),
        .physical_bits = (uint8_t)(32 + tape_choose(&tape, 21)),
        .tsc_aux = tape_choose(&tape, 2) != 0,
        .apic = tape_choose(&tape, 2) != 0,
        .x2apic = tape_choose(&tape, 2) != 0,
    };
    while (tape.left > 0) {
        uint32_t name = take_name(&tape);
        struct register_value v = {tape_u64(&tape), 0};
        v.high = tape_u64(&tape);
        enum whb_status status = register_check(&limits, name, &v);
        CHECK(status == WHB_OK || status == WHB_ERROR_UNKNOWN_REGISTER || status == WHB_ERROR_INVALID_REGISTER);
        enum register_kind kind = register_kind(name);
        bool unknown = kind == REGISTER_UNKNOWN || (kind == REGISTER_APIC && !limits.apic);
        CHECK((status == WHB_ERROR_UNKNOWN_REGISTER) == unknown);
        if (status == WHB_OK) {
            check_accepted(&limits, name, &v);
        }
    }
    return 0;
}
