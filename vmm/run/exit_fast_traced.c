/* SPDX-License-Identifier: MIT */
/* The same code with the hooks of the exit trace, under names of its own (vmm/run/exit_trace.h). */
#define TRACED true
#define fast_exit_root fast_exit_root_traced
#define fast_exit_guest fast_exit_guest_traced
#define fast_write_port fast_write_port_traced
#define run_straight_begin run_straight_begin_traced
#define run_straight_exit run_straight_exit_traced
/* NOLINTNEXTLINE(bugprone-suspicious-include): compiled a second time is the point */
#include "vmm/run/exit_fast.c"
