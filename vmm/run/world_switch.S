/* SPDX-License-Identifier: MIT */
/*
 * The edge between the hypervisor and its guests, both ways. arch/vmx/vmx.h has the contract of vmx_enter.
 *
 * RSP holds the hypervisor's stack from the call to VMLAUNCH or VMRESUME, so a failed or cancelled entry needs no
 * repair
 * but the callee-saved registers. After a VM exit RSP is HOST_RSP, the end of the VP's register block, and 15 pushes
 * fill the block without a scratch register. An NMI or machine check there runs on its own stack (arch/cpu/idt.c).
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

    /* Loads the general registers from the block at RAX and enters. */
    .macro ENTER instruction
    cmpl $0, %gs:CPU_KICK
    jne vmx_enter_kicked
    movq 8(%rax), %rcx
    movq 16(%rax), %rdx
    movq 24(%rax), %rbx
    movq 40(%rax), %rbp
    movq 48(%rax), %rsi
    movq 56(%rax), %rdi
    movq 64(%rax), %r8
    movq 72(%rax), %r9
    movq 80(%rax), %r10
    movq 88(%rax), %r11
    movq 96(%rax), %r12
    movq 104(%rax), %r13
    movq 112(%rax), %r14
    movq 120(%rax), %r15
    movq 0(%rax), %rax
    \instruction
    jmp vmx_enter_failed
    .endm

    /*
     * After an exit: the registers go to the block, and \fast gets a chance to answer alone, on the stack of vmx_enter.
     * If it did, it returns the block, and the VP is entered again without anything restored that nothing but the usual
     * way needs. It follows no pointer and no index of the guest's but one that it masks.
     */
    .macro LEAVE fast, traced, spec_ctrl
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rdi
    pushq %rsi
    pushq %rbp
    leaq -8(%rsp), %rsp             /* RSP's slot: the guest's RSP is in the VMCS */
    pushq %rbx
    pushq %rdx
    pushq %rcx
    pushq %rax
    .ifnb \spec_ctrl                /* before the first indirect branch */
    movl $MSR_IA32_SPEC_CTRL, %ecx
    movl %gs:CPU_EXIT_SPEC_CTRL, %eax
    xorl %edx, %edx
    MITIGATION_WRMSR
    .endif
    movq %gs:CPU_HOST_RSP, %rsp
    xorl %ebp, %ebp                 /* no frame of the hypervisor's, should it stop here */
    .ifnb \traced
#ifndef NO_EXIT_TRACE
    cmpq $0, %gs:CPU_TRACE
    jne \traced\()_call
#endif
    .endif
    call \fast
    testq %rax, %rax
    jnz vmx_enter_again
    .endm

    /* A call whose return address nothing takes; what a return predicted from it would reach stops. */
    .macro CALL_NOT_RETURNED
    call 1f
    int3
1:
    .endm

    /*
     * The predictions of returns (docs/mitigations.md). RSP is the end of the VP's register block, which is free until
     * LEAVE fills it: so half of them at a time.
     */
    .macro FILL_RETURN_STACK
    .rept 2
    .rept RETURN_STACK / 2
    CALL_NOT_RETURNED
    .endr
    leaq RETURN_STACK / 2 * 8(%rsp), %rsp
    .endr
    lfence
    .endm

    .section .text.world_switch, "ax", @progbits
    .globl vmx_enter
    .type vmx_enter, @function
vmx_enter:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, %gs:CPU_HOST_RSP

    /*
     * From the test of the kick flag to the entry itself an NMI would be lost: its handler sees RIP in this window and
     * continues at vmx_enter_kicked (kernel/core/kick.c). An NMI after the entry is a VM exit.
     */
    movq %rdi, %rax
    testb %sil, %sil
    .globl vmx_enter_window
vmx_enter_window:
    jnz vmx_enter_again
    ENTER vmlaunch
vmx_enter_again:
    ENTER vmresume
    .globl vmx_enter_window_end
vmx_enter_window_end:
vmx_enter_failed:
    movl $1, %eax
    jmp vmx_enter_return

    .globl vmx_enter_kicked
vmx_enter_kicked:
    movl $2, %eax
    jmp vmx_enter_return

    .balign 16
    .globl vmx_exit_root
vmx_exit_root:
    LEAVE fast_exit_root
    jmp vmx_exit_usual

    .balign 16
    .globl vmx_exit_root_traced     /* the same where the exit trace is on: vmm/hypercall/hypercall_trace.c */
vmx_exit_root_traced:
    LEAVE fast_exit_root_traced
    jmp vmx_exit_usual

fast_exit_guest_traced_call:
    call fast_exit_guest_traced
    testq %rax, %rax
    jnz vmx_enter_again
    jmp vmx_exit_usual

    .balign 16
    .globl vmx_exit_point_filling_ibrs
vmx_exit_point_filling_ibrs:
    FILL_RETURN_STACK
    LEAVE fast_exit_guest, fast_exit_guest_traced, spec_ctrl
    jmp vmx_exit_usual

    .balign 16
    .globl vmx_exit_point_filling
vmx_exit_point_filling:
    FILL_RETURN_STACK
    jmp vmx_exit_guest

    .balign 16
    .globl vmx_exit_point_one_call
vmx_exit_point_one_call:
    CALL_NOT_RETURNED
    leaq 8(%rsp), %rsp
    lfence

    .globl vmx_exit_guest
vmx_exit_guest:
    LEAVE fast_exit_guest, fast_exit_guest_traced
vmx_exit_usual:
    xorl %eax, %eax                 /* VMX_ENTRY_EXITED; the rest so that no guest value lingers for speculation */
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
vmx_enter_return:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size vmx_enter, . - vmx_enter
    .section .note.GNU-stack, "", @progbits
