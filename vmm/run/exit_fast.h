/* SPDX-License-Identifier: MIT */
/*
 * The fast path's beginning: world_switch.S calls these with the registers of the VP in their block, and enters the VP
 * whose block is returned. NULL: nothing was changed, the rare path handles the exit (vmm/run/run.h). The fast path
 * leaves all that is rare (a single step, a shadow of STI, RIP across 4 GiB) alone.
 */
#pragma once

#include <stdint.h>

/* VMCALL of VP_RUN, or for the version. */
uint64_t *fast_exit_root(void);
/* Port I/O, CPUID, MSRs, EPT violations, HLT. */
uint64_t *fast_exit_guest(void);

struct vp;
struct trace_raw;
/*
 * OUT to a doorbell or a posted range: for an I/O exit of the VP whose VMCS is current. `entry`: of exit_trace_arrived,
 * complete but for the VP.
 */
uint64_t *fast_write_port(struct vp *vp, struct trace_raw *entry);
