/* SPDX-License-Identifier: MIT */
/*
 * Exit points of guests whose return predictions must not be followed (docs/mitigations.md); each goes on at
 * vmx_exit_guest. RSP is the end of the VP's register block, which vmx_exit_guest fills: until then its uppermost
 * words are free. No return address that is stored there is ever taken from memory.
 */
#include "asm_offsets.h"

#define MSR_IA32_SPEC_CTRL 0x48
#define RETURN_STACK 32 /* entries that processors have at most */

/* As in arch/cpu/mitigation.h. */
#ifdef FORCE_MITIGATIONS
#define MITIGATION_WRMSR nop
#else
#define MITIGATION_WRMSR wrmsr
#endif

    /* A call whose return address is dropped; what a return predicted from it would reach stops. */
    .macro CALL_NOT_RETURNED
    call 1f
    int3
1:  leaq 8(%rsp), %rsp
    .endm

    .section .text.exit_mitigated, "ax", @progbits
    .balign 16
    .globl vmx_exit_point_filling
vmx_exit_point_filling:
    .rept RETURN_STACK
    CALL_NOT_RETURNED
    .endr
    lfence
    cmpl $0, %gs:CPU_EXIT_SPEC_CTRL
    je vmx_exit_guest
    pushq %rax
    pushq %rcx
    pushq %rdx
    movl $MSR_IA32_SPEC_CTRL, %ecx
    movl %gs:CPU_EXIT_SPEC_CTRL, %eax
    xorl %edx, %edx
    MITIGATION_WRMSR
    popq %rdx
    popq %rcx
    popq %rax
    jmp vmx_exit_guest

    .balign 16
    .globl vmx_exit_point_one_call
vmx_exit_point_one_call:
    CALL_NOT_RETURNED
    lfence
    jmp vmx_exit_guest
    .section .note.GNU-stack, "", @progbits
