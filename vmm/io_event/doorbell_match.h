/* SPDX-License-Identifier: MIT */
/* What a doorbell matches. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/whv.h"

/* A valid WHV_DOORBELL_MATCH_DATA with everything that does not count set to 0. */
struct doorbell_match {
    uint64_t address; /* guest-physical, or WHB_DOORBELL_PORT and a port */
    uint64_t value;
    uint32_t length; /* bytes; 0: any */
    bool on_value;
};

/* False: no write could ever match, or reserved bits are set. `limit`: first guest-physical address that cannot be. */
bool doorbell_match_read(const WHV_DOORBELL_MATCH_DATA *data, uint64_t limit, struct doorbell_match *out);

bool doorbell_match_same(const struct doorbell_match *a, const struct doorbell_match *b);

/* A write of `size` bytes, `value` zero-extended. */
bool doorbell_matches(const struct doorbell_match *match, uint64_t address, uint64_t value, uint32_t size);
