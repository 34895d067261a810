/* SPDX-License-Identifier: MIT */
/*
 * Every group of checks, one a file, as X(name): its function is check_NAME. "only=NAME" on the kernel's command line
 * runs that one alone, "no-NAME" leaves it out. One that may end the kernel when it fails comes last.
 */
#pragma once

#define CHECK_GROUPS(X)                                                                                                \
    X(interrupts)                                                                                                      \
    X(emulated)                                                                                                        \
    X(apic_forms)                                                                                                      \
    X(apic_timer)                                                                                                      \
    X(apic_errors)                                                                                                     \
    X(privilege)                                                                                                       \
    X(cpuid)                                                                                                           \
    X(control)                                                                                                         \
    X(lint0)                                                                                                           \
    X(ferr)                                                                                                            \
    X(tasks)                                                                                                           \
    X(breakpoints)                                                                                                     \
    X(shadows)                                                                                                         \
    X(stepping)                                                                                                        \
    X(self_ipi)
