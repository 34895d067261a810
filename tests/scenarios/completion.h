/* SPDX-License-Identifier: MIT */
/* What the scenarios of finished instructions share (docs/completion.md). */
#pragma once

#include "tests/scenarios/records.h"

#define RFLAGS_NONE 2ull
#define RFLAGS_TF 0x100ull
#define RFLAGS_IF 0x200ull
#define RFLAGS_RF 0x10000ull
#define DEBUG_B0 1ull /* in DR6, and as parameter of #DB */
#define DEBUG_BS (1ull << 14)
#define PENDING_STEP 0x10ull /* WHV_X64_PENDING_DEBUG_EXCEPTION_REGISTER */
#define VECTOR_DB 1u
#define VECTOR_EXTERNAL 0x40u
#define HANDLER_AT 0x1800u
#define HANDLER_PORT 0x77u
#define DEVICE_AT 0x300000u

/* A guest in 64-bit mode with a payload at PAYLOAD_AT, whose #DB, CPUID, MSRs and VMCALL are the client's. */
void completion_create(struct guest *g, const uint8_t *begin, const uint8_t *end);
#define CREATE(g, name) completion_create(g, payload_##name, payload_##name##_end)

/* A handler of `vector` at HANDLER_AT. */
void completion_handler(struct guest *g, unsigned vector, const uint8_t *begin, const uint8_t *end);
/* The one that ends at HANDLER_PORT; checks that it came, and that RIP was pushed as `rip`. */
void completion_handler_port(struct guest *g, unsigned vector);
void completion_check_handler(struct guest *g, uint64_t rip);

/* Runs; the record must be #DB's with these causes, at `rip`. */
void completion_check_trap(struct guest *g, uint64_t rip, uint64_t causes);

/* PendingEvent: an external interrupt. */
void completion_interrupt(struct guest *g);
