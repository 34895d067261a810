/* SPDX-License-Identifier: MIT */
/* sources: vmm/cpu/vmx_caps.c kernel/core/format.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/cpu/vmx_caps.h"

/* VM entry's first check of a control word (SDM vol. 3C, 27.2.1.1): what must be 1 is, and only what may be 1. */
static void check_word(uint64_t capability, uint32_t value)
{
    CHECK((value & ~(uint32_t)(capability >> 32)) == 0);
    CHECK(((uint32_t)capability & (uint32_t)(capability >> 32) & ~value) == 0);
}

static void check_controls(const struct vmx_caps *caps, const struct vmx_controls *c, bool guest)
{
    check_word(caps->pin, c->pin);
    check_word(caps->cpu, c->cpu);
    check_word(caps->cpu2, c->cpu2);
    check_word(caps->exit, c->exit);
    check_word(caps->entry, c->entry);
    CHECK((c->cpu & (CPU_SECONDARY | CPU_MSR_BITMAPS)) == (CPU_SECONDARY | CPU_MSR_BITMAPS));
    CHECK((c->cpu & (CPU_CR3_LOAD | CPU_CR3_STORE | CPU_CR8_LOAD | CPU_CR8_STORE)) == 0);
    CHECK((c->cpu2 & CPU2_EPT) != 0 && (c->pin & PIN_NMI) != 0 && (c->entry & ENTRY_IA32E) == 0);
    CHECK(((c->pin & PIN_EXTERNAL_INTERRUPT) != 0) == guest);
    CHECK(!guest || (c->cpu & (CPU_HLT | CPU_UNCONDITIONAL_IO)) == (CPU_HLT | CPU_UNCONDITIONAL_IO));
}

/* Mostly a processor that can do everything, but for a few bits. */
static uint64_t take_capability(struct tape *tape)
{
    uint64_t may = ~0ull << 32, flips = tape_choose(tape, 4);
    uint64_t value = tape_choose(tape, 8) == 0 ? tape_u64(tape) : may;
    for (; flips > 0; flips--) {
        value ^= 1ull << tape_choose(tape, 64);
    }
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct vmx_caps caps = {.true_controls = true};
    struct vmx_controls controls;
    char sentence[VMX_SENTENCE_SIZE];
    caps.pin = take_capability(&tape);
    caps.cpu = take_capability(&tape);
    caps.cpu2 = take_capability(&tape);
    caps.exit = take_capability(&tape);
    caps.entry = take_capability(&tape);
    for (int guest = 0; guest < 2; guest++) {
        memset(sentence, 0xee, sizeof(sentence));
        if ((guest != 0 ? vmx_controls_guest : vmx_controls_root)(&caps, &controls, sentence)) {
            check_controls(&caps, &controls, guest != 0);
        } else {
            CHECK(memchr(sentence, 0, sizeof(sentence)) != NULL && sentence[0] == 'T');
        }
    }
    CHECK(vmx_caps_difference(&caps, &caps) == NULL);
    return 0;
}
