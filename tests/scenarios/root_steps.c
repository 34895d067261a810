/* SPDX-License-Identifier: MIT */
/* The root single-steps over what exits, behind a MOV SS: one #DB, after the instruction; a fault comes before it. */
#include "tests/scenarios/scenario.h"

#define VECTOR_DB 1u
#define VECTOR_UD 6u
#define VECTOR_GP 13u

static uint64_t at, after; /* of the instruction: its address, and that behind it */

/* RFLAGS.TF by POPF, which traps after the next instruction but one: MOV SS holds the trap back (SDM vol. 3A, 6.8.3).
 */
#define STEP(name, inputs, ...)                                                                                        \
    static void name(void *arg)                                                                                        \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        __asm__ volatile("leaq 1f(%%rip), %%r8\n\t"                                                                    \
                         "movq %%r8, %[at]\n\t"                                                                        \
                         "leaq 2f(%%rip), %%r8\n\t"                                                                    \
                         "movq %%r8, %[after]\n\t"                                                                     \
                         "movl %%ss, %%r8d\n\t"                                                                        \
                         "pushfq\n\t"                                                                                  \
                         "orq $0x100, (%%rsp)\n\t"                                                                     \
                         "popfq\n\t"                                                                                   \
                         "movl %%r8d, %%ss\n"                                                                          \
                         "1: " inputs "\n"                                                                             \
                         "2: nop"                                                                                      \
                         : [at] "=m"(at), [after] "=m"(after)                                                          \
                         : __VA_ARGS__                                                                                 \
                         : "r8", "rbx", "memory");                                                                     \
    }

STEP(step_cpuid, "cpuid", "a"(0), "c"(0), "d"(0))
STEP(step_rdmsr, "rdmsr", "a"(0), "c"(0x3a), "d"(0))
STEP(step_wrmsr, "wrmsr", "a"(0), "c"(0x1a0), "d"(0))
STEP(step_wrmsr_fault, "wrmsr", "a"(0), "c"(0x480), "d"(0))
STEP(step_vmcall, "vmcall", "a"(WHB_CALL(WHB_CALL_VERSION)), "c"(0), "d"(0), "D"(0), "S"(0))
STEP(step_vmread, "vmread %%rax, %%rcx", "a"(0), "c"(0))
STEP(step_invd, "invd", "a"(0))
STEP(step_getsec, "getsec", "a"(0))

static void check_step(const char *what, void (*fn)(void *), uint64_t vector)
{
    struct root_fault fault = {0};
    check_equal(what, 1, root_try(fn, NULL, &fault));
    check_equal(what, vector, fault.vector);
    check_equal(what, vector == VECTOR_DB ? after : at, fault.rip);
}

static void steps(void)
{
    check_step("CPUID", step_cpuid, VECTOR_DB);
    check_step("RDMSR", step_rdmsr, VECTOR_DB);
    check_step("WRMSR", step_wrmsr, VECTOR_DB);
    check_step("WRMSR of VMX", step_wrmsr_fault, VECTOR_GP);
    check_step("VMCALL", step_vmcall, VECTOR_DB);
    check_step("VMREAD", step_vmread, VECTOR_UD);
    check_step("INVD", step_invd, VECTOR_DB);
    check_step("GETSEC", step_getsec, VECTOR_UD);
}

const struct scenario scenarios_root_steps[] = {
    {"root-steps", 1, steps},
    {0},
};
