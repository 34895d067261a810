/* SPDX-License-Identifier: MIT */
/* What the scenarios on posted writes share. */
#pragma once

#include "tests/scenarios/memory.h"

#define PORT 0x3f8u
#define POSTED_PORT (WHB_POSTED_PORT | PORT)

/* A guest whose page HOLE and four ports from PORT are posted. */
void posted_begin(struct guest *g, uint32_t vps);
/* RBX and RDX as the payloads want them. */
void posted_registers(struct guest *g, uint32_t vp, uint64_t count);
