/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/msr_policy.c vmm/root/root_ipi_decode.c kernel/core/hypercall_gate.c vmm/cpu/switch_check.c */
#include <string.h>

#include "arch/cpu/msr.h"
#include "arch/vmx/vmx.h"
#include "kernel/core/hypercall_gate.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/cpu/switch_check.h"
#include "vmm/partition/msr_policy.h"
#include "vmm/root/root_ipi.h"

/* The root's local APIC stays where it is, and on. */
static void check_apic_base(struct tape *tape)
{
    uint64_t now = tape_u64(tape),
             value = tape_choose(tape, 2) != 0 ? now ^ 1ull << tape_choose(tape, 64) : tape_u64(tape);
    if (msr_apic_base_allowed(now, value, tape_choose(tape, 2) != 0)) {
        CHECK((value & ~APIC_BASE_X2APIC) == (now & ~APIC_BASE_X2APIC));
        CHECK((now & APIC_BASE_X2APIC) == 0 || (value & APIC_BASE_X2APIC) != 0);
    }
}

/* Only what is sent as it stands may not be INIT or SIPI, which would take a CPU from the hypervisor. */
static void check_ipi(struct tape *tape)
{
    uint64_t icr = tape_u64(tape);
    uint32_t self = tape_byte(tape), other = tape_byte(tape), mode = (icr >> 8) & 7u;
    icr = tape_choose(tape, 2) != 0 ? icr & ~0xfff33000ull : icr;
    enum ipi_kind kind = root_ipi_decode(icr);
    CHECK(kind != IPI_PASS || (mode != 5 && mode != 6));
    CHECK(kind == IPI_FAULT || (icr & 0xfff33000u) == 0);
    bool at_self = root_ipi_targets(icr, self, self), at_other = root_ipi_targets(icr, self, other);
    if (((icr >> 18) & 3) == 3) {
        CHECK(!at_self && at_other == (self != other));
    } else if (((icr >> 18) & 3) == 1) {
        CHECK(at_self && at_other == (self == other));
    }
}

static void check_gate(struct tape *tape)
{
    uint64_t rax = tape_choose(tape, 2) != 0 ? WHB_CALL(tape_byte(tape)) : tape_u64(tape);
    enum whb_call call = WHB_CALL_COUNT;
    enum whb_status status = gate_check_call(rax, &call);
    CHECK((status == WHB_OK) == (rax >> 16 == WHB_ABI_MAJOR && (rax & 0xffff) < WHB_CALL_COUNT));
    CHECK(status != WHB_OK || (uint64_t)call == (rax & 0xffff));
    uint32_t ss = (uint32_t)tape_u64(tape), cs = (uint32_t)tape_u64(tape), entry = (uint32_t)tape_u64(tape);
    if (gate_check_mode(ss, cs, entry)) {
        CHECK((ss & 0x60) == 0 && (cs & 0x2000) != 0 && (entry & ENTRY_IA32E) != 0);
    }
}

/* What XSETBV accepts (SDM vol. 1, 13.3): x87 always, AVX with SSE, the three of AVX-512 together and with AVX. */
static void check_xcr0(struct tape *tape)
{
    uint64_t supported = 1 | tape_byte(tape), value = tape_choose(tape, 4) == 0 ? tape_u64(tape) : tape_byte(tape);
    if (switch_xcr0_valid(value, supported)) {
        CHECK((value & 1) != 0 && (value & ~supported) == 0);
        CHECK((value & 4) == 0 || (value & 2) != 0);
        CHECK((value & 0xe0) == 0 || (value & 0xe4) == 0xe4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    while (tape.left > 0) {
        check_apic_base(&tape);
        check_ipi(&tape);
        check_gate(&tape);
        check_xcr0(&tape);
    }
    return 0;
}
