/* SPDX-License-Identifier: MIT */
/* Where an instruction's opcode begins. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool is_prefix(uint8_t byte, bool is_64_bit)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64 ... 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return is_64_bit && (byte & 0xf0u) == 0x40;
    }
}

/* How many of the `count` bytes are prefixes. */
static inline uint32_t prefixes_length(const uint8_t *bytes, uint32_t count, bool is_64_bit)
{
    uint32_t at = 0;
    while (at < count && is_prefix(bytes[at], is_64_bit)) {
        at++;
    }
    return at;
}
