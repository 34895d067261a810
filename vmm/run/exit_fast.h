/* SPDX-License-Identifier: MIT */
/*
 * Exits that are answered before anything of the usual way begins: world_switch.S calls these with the registers of the
 * VP in their block, and enters it again with the block that is returned. NULL: nothing was changed, the usual way.
 * Each takes only what is common, and leaves all that is rare (a single step, a shadow of STI, RIP across 4 GiB) alone.
 */
#pragma once

#include <stdint.h>

/* In a row, before run-VP looks at the rest of the world again: vmm/cpu/quirks_bochs.h. */
#define FAST_EXITS 255u

/* A VMCALL that asks for the version. */
uint64_t *fast_exit_root(void);
/* CPUID with an answer that was given before (vmm/vp/cpuid_cache.h); OUT to a doorbell or a posted range. */
uint64_t *fast_exit_guest(void);

struct vp;
struct trace_raw;
/* The latter, for an I/O exit of the VP whose VMCS is current. `entry`: of exit_trace_arrived, complete but for the VP.
 */
uint64_t *fast_write_port(struct vp *vp, struct trace_raw *entry);
