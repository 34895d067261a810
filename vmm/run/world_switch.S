/* SPDX-License-Identifier: MIT */
/*
 * The edge between the hypervisor and its VPs, both ways: an event loop. Each exit, the root's or a guest's, arrives
 * on this CPU's empty stack. What C makes of it returns the register block of the VP to enter next, whose VMCS is
 * current; no C frame is below a running VP.
 *
 *   exit: push the registers -> fast path -> block -> enter
 *           NULL: clear the registers, rare path -> block -> enter
 *   enter: kick? -> entry_kicked -> block -> enter
 *          VMRESUME; VMLAUNCH if this VMCS is not launched; entry_refused -> block -> enter
 *
 * After a VM exit RSP is HOST_RSP, the end of the VP's register block, and 15 pushes fill the block without a scratch
 * register. An NMI or machine check there runs on its own stack (arch/cpu/idt.c).
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

    /* Onto the empty stack, without a frame of the hypervisor's, should it stop here. */
    .macro EMPTY_STACK
    movq %gs:CPU_STACK, %rsp
    xorl %ebp, %ebp
    .endm

    /* So that no value of a VP lingers for speculation. */
    .macro CLEAR_REGISTERS
    xorl %eax, %eax
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    .endm

    /*
     * The registers go to the block, and the fast path gets a chance. It follows no pointer and no index of the guest's
     * but one that it masks, so it may find the guest's values in registers.
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
    EMPTY_STACK
    .ifnb \traced
#ifndef NO_EXIT_TRACE
    cmpq $0, %gs:CPU_TRACE
    jne \traced\()_call
#endif
    .endif
    call \fast
    testq %rax, %rax
    jnz vmx_enter
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

    .globl vmx_start
    .type vmx_start, @function
vmx_start:
    movq %rdi, %rax

    /*
     * RAX is the block. From the test of the kick flag to the entry itself an NMI would be lost: its handler sees RIP
     * in this window and continues at vmx_enter_kicked (kernel/core/kick.c). An NMI after the entry is a VM exit.
     */
    .globl vmx_enter_window
vmx_enter:
vmx_enter_window:
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
    vmresume
    vmlaunch                        /* the first entry with this VMCS on this CPU, or nothing can be helped */
    .globl vmx_enter_window_end
vmx_enter_window_end:
    EMPTY_STACK
    CLEAR_REGISTERS
    call entry_refused
    jmp vmx_enter

    .globl vmx_enter_kicked
vmx_enter_kicked:
    EMPTY_STACK
    CLEAR_REGISTERS
    call entry_kicked
    jmp vmx_enter
    .size vmx_start, . - vmx_start

    .balign 16
    .globl vmx_exit_root
vmx_exit_root:
    LEAVE fast_exit_root
vmx_exit_root_rare:
    CLEAR_REGISTERS
    call exit_root_rare
    jmp vmx_enter

    .balign 16
    .globl vmx_exit_root_traced     /* the same where the exit trace is on: vmm/hypercall/hypercall_trace.c */
vmx_exit_root_traced:
    LEAVE fast_exit_root_traced
    jmp vmx_exit_root_rare

fast_exit_guest_traced_call:
    call fast_exit_guest_traced
    testq %rax, %rax
    jnz vmx_enter
    jmp vmx_exit_guest_rare

    .balign 16
    .globl vmx_exit_point_filling_ibrs
vmx_exit_point_filling_ibrs:
    FILL_RETURN_STACK
    LEAVE fast_exit_guest, fast_exit_guest_traced, spec_ctrl
    jmp vmx_exit_guest_rare

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
vmx_exit_guest_rare:
    CLEAR_REGISTERS
    call exit_guest_rare
    jmp vmx_enter
    .section .note.GNU-stack, "", @progbits
