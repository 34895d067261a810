/* SPDX-License-Identifier: MIT */
/* Descriptor tables, exceptions and interrupts of root programs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What traps.S saves; a handler may change it. */
struct root_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

/* A fault that root_try caught. */
struct root_fault {
    uint64_t vector, error, rip, cr2;
};

typedef void (*root_handler)(struct root_frame *frame);

#define ROOT_CODE 0x08u
#define ROOT_DATA 0x10u
#define ROOT_USER_CODE 0x1bu /* flat 64-bit code at CPL 3, for tests */
#define ROOT_USER_DATA 0x23u

/* On each CPU: loads the tables. */
void trap_init_cpu(uint32_t cpu);

/* Who takes a vector, on all CPUs; NULL: an exception ends the program with a report, an interrupt is ignored. */
void root_set_handler(unsigned vector, root_handler handler);

/* Runs fn(arg); true: it faulted, *fault says how, and it was abandoned there. */
bool root_try(void (*fn)(void *), void *arg, struct root_fault *fault);

/* Stack of this CPU on entries from CPL 3. */
void trap_set_ring0_stack(uint32_t cpu, uint64_t rsp);
