/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins on the host for what most of the hypervisor's sources call: panic, the log and the direct map. All are
 * weak, so that a test which links the real thing gets it.
 */
#include "tests/unit/stubs.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/cpu/direct_map.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"

#define WEAK __attribute__((weak))

char stub_panic_text[256];
jmp_buf stub_panic_jump;
bool stub_panic_expected;

WEAK uintptr_t direct_map_base;

static _Noreturn void stop(const char *format, va_list args)
{
    vsnprintf(stub_panic_text, sizeof(stub_panic_text), format, args);
    if (!stub_panic_expected) {
        fprintf(stderr, "unexpected panic: %s\n", stub_panic_text);
        abort();
    }
    stub_panic_expected = false;
    longjmp(stub_panic_jump, 1);
}

WEAK _Noreturn void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stop(format, args);
}

WEAK _Noreturn void kernel_stop(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stop(format, args);
}

WEAK void log_write(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}
