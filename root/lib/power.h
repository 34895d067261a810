/* SPDX-License-Identifier: MIT */
/* Switching the machine off. */
#pragma once

/* `code` is for QEMU's isa-debug-exit device: its exit status becomes 2 * code + 1. Other machines ignore it. */
_Noreturn void root_power_off(unsigned code);
