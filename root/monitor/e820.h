/* SPDX-License-Identifier: MIT */
/* The memory map that a guest is told. */
#pragma once

#include "root/monitor/boot_state.h"

/* RAM, the BIOS areas below 1 MiB, and nothing above but RAM from 4 GiB on. */
void e820_for_guest(struct e820_map *map, const struct guest_memory *memory);
