/* SPDX-License-Identifier: MIT */
/* Payloads and helpers of the record scenarios. */
#pragma once

#include "tests/scenarios/scenario.h"

#define PAYLOAD_AT 0x1000u

#define DECLARE_PAYLOAD(name) extern const uint8_t payload_##name[], payload_##name##_end[]
#define DECLARE_AT(name) extern const uint8_t at_##name[]

/* Loads a payload for `mode` at PAYLOAD_AT and starts VP 0 there. */
#define START(guest, mode, name) records_start(guest, mode, payload_##name, payload_##name##_end)
void records_start(struct guest *g, enum guest_mode mode, const uint8_t *begin, const uint8_t *end);

/* Where a label of a payload lies in the guest. */
#define RIP_OF(name, label) (PAYLOAD_AT + (uint64_t)(at_##label - payload_##name))

/*
 * Checks VpContext: RIP, length, and that CS, RFLAGS, CPL and the mode bits are what the VP's registers say. `shadow`
 * is the expected InterruptShadow, `pending` InterruptionPending.
 */
void records_check_context(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *r, uint64_t rip, unsigned length,
                           unsigned shadow, unsigned pending);
