/* SPDX-License-Identifier: MIT */
/* The form of a hypercall: what can be said of it before any argument is looked at. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"

/* Splits RAX. WHB_OK: *call is a number below WHB_CALL_COUNT. */
enum whb_status gate_check_call(uint64_t rax, enum whb_call *call);

/*
 * VMCALL is a hypercall only in 64-bit mode at CPL 0. `ss_access` and `cs_access` are VMX access rights,
 * `entry_controls` the VM-entry controls.
 */
bool gate_check_mode(uint32_t ss_access, uint32_t cs_access, uint32_t entry_controls);
