/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/control_check.c */
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/vp/control_check.h"

#define CR4_ALLOWED (0x3full | CR4_PGE | CR4_MCE | CR4_PCIDE | CR4_SMEP | CR4_LA57)

/* The relations that every state of a processor has (SDM vol. 3A, 2.2.1 and 4.1.1), which an entry would refuse else.
 */
static bool is_sound(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    bool paging = (cr0 & CR0_PG) != 0, long_mode = (efer & EFER_LMA) != 0;
    return (!paging || (cr0 & CR0_PE) != 0) && ((cr0 & CR0_NW) == 0 || (cr0 & CR0_CD) != 0) &&
           long_mode == (paging && (efer & EFER_LME) != 0) && (!long_mode || (cr4 & CR4_PAE) != 0) &&
           ((cr4 & CR4_PCIDE) == 0 || long_mode) && (cr4 & ~CR4_ALLOWED) == 0 && cr0 >> 32 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct control_state s = {.cr0 = CR0_ET, .cr4_allowed = CR4_ALLOWED, .cs_access = 0x9b, .tr_access = 0x8b};
    s.physical_bits = 40;
    while (tape.left > 0) {
        uint32_t what = tape_choose(&tape, 4);
        uint64_t value = tape_u64(&tape);
        struct control_next next = {.cr0 = s.cr0, .cr4 = s.cr4, .efer = s.efer};
        bool done = true;
        if (what == 0) {
            done = control_check_cr0(&s, value, &next);
        } else if (what == 1) {
            done = control_check_cr4(&s, value, &next);
        } else if (what == 2 && (s.cr0 & CR0_PG) == 0) {
            s.efer = value & EFER_LME;
            next.efer = s.efer;
        } else {
            s.cr3 = value;
            s.cs_access = (value & 1) != 0 && (s.efer & EFER_LMA) != 0 ? 0x209b : 0x9b;
        }
        if (done) {
            CHECK(is_sound(next.cr0, next.cr4, next.efer));
            CHECK(!next.loads_pdptes || (next.efer & EFER_LMA) == 0);
            s.cr0 = next.cr0;
            s.cr4 = next.cr4;
            s.efer = next.efer;
        }
    }
    return 0;
}
