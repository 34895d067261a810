/* SPDX-License-Identifier: MIT */
#include "kernel/boot/crash_test.h"

#include <stddef.h>
#include <stdint.h>

#include "kernel/debug/panic.h"

/* Out of line, so that the report has names to show. */
#define CRASH_FUNCTION static __attribute__((noinline))

CRASH_FUNCTION void crash_invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

CRASH_FUNCTION void crash_null_read(void)
{
    uintptr_t null = 0;
    __asm__ volatile("movq (%0), %%rax" : : "r"(null) : "rax", "memory");
}

/* NOLINTNEXTLINE(misc-no-recursion): running out of stack is the point */
CRASH_FUNCTION uint64_t crash_recurse(volatile uint64_t *above)
{
    volatile uint64_t frame[32];
    frame[0] = *above + 1;
    return frame[0] == 0 ? 0 : crash_recurse(frame) + frame[0]; /* 2^64 levels */
}

/* The #PF of the push finds no stack to arrive on. */
CRASH_FUNCTION void crash_double_fault(void)
{
    __asm__ volatile("movq %0, %%rsp\n\tpushq $0" : : "r"((uintptr_t)PTRDIFF_MAX & ~15ull) : "memory");
}

void crash_test_run(enum crash_test kind)
{
    volatile uint64_t start = 0;
    switch (kind) {
    case CRASH_TEST_PANIC:
        panic("crash-test=panic, number %d", 42);
    case CRASH_TEST_UD:
        crash_invalid_opcode();
        break;
    case CRASH_TEST_PF:
        crash_null_read();
        break;
    case CRASH_TEST_STACK_OVERFLOW:
        crash_recurse(&start);
        break;
    case CRASH_TEST_DF:
        crash_double_fault();
        break;
    case CRASH_TEST_NONE:
        break;
    }
}
