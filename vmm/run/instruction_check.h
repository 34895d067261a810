/* SPDX-License-Identifier: MIT */
/*
 * What a processor checks of an instruction that exits, and what of it VMX leaves to the hypervisor. Privilege and
 * undefined opcodes come before most exits (SDM vol. 3C, 26.1.1); before MOV DR's they do not (26.1.3), and
 * instructions that VMX makes exit unconditionally must fault for a guest that was never told of them. Pure.
 */
#pragma once

#include <stdint.h>

/* The VP at the exit, as its VMCS has it. */
struct instruction_mode {
    uint64_t cr0, cr4, rflags, dr7;
    uint32_t ss_access; /* VMX format, SDM vol. 3C, 25.4.1 */
};

/* In the order in which they are looked at. */
enum instruction_fault {
    INSTRUCTION_LEGAL,  /* go on with what the instruction does */
    INSTRUCTION_UD,     /* #UD */
    INSTRUCTION_GP,     /* #GP(0) */
    INSTRUCTION_DETECT, /* #DB for a debug register with DR7.GD set */
};

/*
 * For any basic exit reason of a guest; `qualification` is looked at for MOV DR alone. LEGAL for what is no instruction
 * and for reasons that nobody knows. Faults that come after the exit, as #GP of RDMSR for its register, are not here.
 */
enum instruction_fault instruction_check(uint32_t reason, uint64_t qualification, const struct instruction_mode *mode);

/* 0 to 3: 0 in real mode, 3 in virtual-8086 mode. */
unsigned instruction_cpl(const struct instruction_mode *mode);
