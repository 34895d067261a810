/* SPDX-License-Identifier: MIT */
/* Guest states that every entry check passes, one a mode, on a processor with 40 physical and 48 linear bits. */
#pragma once

#include "root/libwhv/entry_check/entry_check.h"

enum state_kind { STATE_REAL, STATE_PROTECTED, STATE_PAE, STATE_LONG, STATE_V86, STATE_COUNT };

static inline void entry_valid_segments(struct entry_state *s, enum state_kind kind)
{
    static const uint32_t code[STATE_COUNT] = {0x9b, 0xc09b, 0xc09b, 0xa09b, 0xf3};
    static const uint32_t data[STATE_COUNT] = {0x93, 0xc093, 0xc093, 0xc093, 0xf3};
    bool flat = kind != STATE_REAL && kind != STATE_V86;
    for (unsigned i = ENTRY_SEGMENT_ES; i <= ENTRY_SEGMENT_GS; i++) {
        s->segment[i] = (struct entry_segment){.limit = flat ? 0xffffffff : 0xffff,
                                               .base = kind == STATE_V86 ? (0x100ull + i) << 4 : 0,
                                               .selector = (uint16_t)(kind == STATE_V86 ? 0x100 + i : 0),
                                               .access_rights = i == ENTRY_SEGMENT_CS ? code[kind] : data[kind]};
    }
    s->segment[ENTRY_SEGMENT_LDTR] = (struct entry_segment){.limit = 0xffff, .access_rights = 0x82};
    s->segment[ENTRY_SEGMENT_TR] = (struct entry_segment){.limit = 0xffff, .access_rights = 0x8b};
}

static inline struct entry_state entry_valid_state(enum state_kind kind)
{
    bool paged = kind == STATE_PAE || kind == STATE_LONG;
    struct entry_state s = {
        .limits = {.cr0_fixed0 = 0x80000021,
                   .cr0_fixed1 = 0xffffffff,
                   .cr4_fixed0 = 0x2000,
                   .cr4_fixed1 = 0x3727ff,
                   .physical_bits = 40,
                   .linear_bits = 48,
                   .activity = 0xf,
                   .nmi_in_shadow = true},
        .cr0 = 0x30u | (kind != STATE_REAL ? 1u : 0) | (paged ? 1u << 31 : 0),
        .cr4 = 0x2000u | (paged ? 0x20u : 0),
        .efer = kind == STATE_LONG ? 0x500 : 0,
        .ia32e = kind == STATE_LONG,
        .dr7 = 0x400,
        .pat = 0x0007040600070406,
        .rflags = 2u | (kind == STATE_V86 ? 1u << 17 : 0),
    };
    entry_valid_segments(&s, kind);
    return s;
}
