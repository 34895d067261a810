/* SPDX-License-Identifier: MIT */
/* Names of the image's functions, from the table that scripts/mksymbols makes at build time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SYMBOL_NAME_MAX 64u  /* with the 0 at its end; scripts/mksymbols accepts no longer one */
#define SYMBOL_DEPTH_MAX 16u /* of the table's pairs in pairs */

/*
 * Name of the function that holds `address`, and the distance from its start. Returns false if the address is outside
 * the image's code or the table is empty. Takes no lock and needs no memory, so a crash report can use it.
 */
bool symbol_lookup(uintptr_t address, char name[SYMBOL_NAME_MAX], uintptr_t *offset);
