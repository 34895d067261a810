/* SPDX-License-Identifier: MIT */
/* The end of the machine: the crash report after a fault of the hypervisor's own, and the clean halt. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/fatal.h" /* panicking: every NMI path looks there first and calls panic_halt_this_cpu */

struct trap_frame;

/*
 * Stops the machine: prints the reason (printf-like, one line), all registers, a backtrace with symbols and what
 * panic_dump_hook adds, stops the other CPUs by NMI, then halts or reboots as panic_set_reboot said.
 */
void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The same for an exception taken in the hypervisor; `frame` is what arch/cpu/exceptions.S saved. */
_Noreturn void panic_trap(struct trap_frame *frame);

/* For each NMI in the hypervisor: this CPU stands still if the machine is stopped; else it may be a kick. */
void panic_nmi(struct trap_frame *frame);

/*
 * A clean end without a crash report, for a machine that lacks what the hypervisor needs: one error line (printf-like),
 * then the other CPUs are stopped and this one halts. May follow any number of log_error lines.
 */
_Noreturn void kernel_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* true: a panic reboots the machine; false (default): it halts. */
void panic_set_reboot(bool reboot);

/* Extra lines of the crash report (the current VMCS); NULL: none. A fault inside ends the report, not the machine's
 * halt. */
extern void (*panic_dump_hook)(void);

/* Stops the other CPUs, unless that has been done. Returns on one CPU alone, the first to call this or to panic. */
void panic_stop_others(void);

/* Where a CPU ends that another one stopped, in an NMI; and where the other one comes if it gets an NMI itself. */
_Noreturn void panic_halt_this_cpu(void);
