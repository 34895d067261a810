/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/vp/vp.h"

/*
 * The 16 bytes at RIP, in the usual case: 64-bit mode, four levels of tables, all in one page that may be fetched at
 * `cpl`. The VP's VMCS is current. False: something else, which exit_fetch_instruction finds out; `to` may be written.
 */
bool fetch_plain(const struct vp *vp, uint64_t rip, unsigned cpl, uint8_t *to);
