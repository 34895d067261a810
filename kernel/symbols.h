/* SPDX-License-Identifier: MIT */
/* Names of the image's functions, from the table that scripts/mksymbols makes at build time. */
#pragma once

#include <stdint.h>

/*
 * Name of the function that holds `address`, and the distance from its start in *offset (may be NULL). Returns NULL if
 * the address is outside the image's code or the table is empty.
 */
const char *symbol_lookup(uintptr_t address, uintptr_t *offset);
