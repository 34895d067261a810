/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/entry_check/entry_check.c root/libwhv/entry_check/entry_check_segments.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "tests/unit/entry_states.h"

/* Bytes of the state that a mutation may hit: all but the processor's limits, which are never out of range. */
#define FIRST offsetof(struct entry_state, cr0)

static void check_verdict(const struct entry_state *s)
{
    struct entry_verdict v = entry_check(s), again = entry_check(s);
    CHECK(v.check == again.check && v.name == again.name);
    CHECK((uint32_t)v.check <= WHB_CHECK_PDPTE_MEMORY);
    bool event = v.check >= WHB_CHECK_EVENT_TYPE && v.check <= WHB_CHECK_EVENT_LENGTH;
    bool segment = v.check >= WHB_CHECK_TABLE_INDICATOR && v.check <= WHB_CHECK_TASK_USABLE;
    bool paging = v.check >= WHB_CHECK_PDPTE_RESERVED;
    CHECK(event == (v.check != WHB_CHECK_NONE && v.name == WHvRegisterPendingInterruption));
    CHECK(segment == (v.check != WHB_CHECK_NONE && v.name >= WHvX64RegisterEs && v.name <= WHvX64RegisterTr));
    CHECK(!paging || v.name == WHvX64RegisterCr3);
    /* Without an event no check of one fails, and what failed of the rest still does. */
    struct entry_state calm = *s;
    calm.event_info = 0;
    struct entry_verdict rest = entry_check(&calm);
    CHECK(rest.check == WHB_CHECK_NONE || rest.check > WHB_CHECK_EVENT_LENGTH);
    CHECK(v.check != WHB_CHECK_NONE || rest.check == WHB_CHECK_NONE);
}

static void flip(struct entry_state *s, struct tape *tape)
{
    size_t size = sizeof(*s) - FIRST, at = (tape_byte(tape) | (size_t)tape_byte(tape) << 8) % size;
    uint8_t *bytes = (uint8_t *)s + FIRST;
    bool is_bool =
        at + FIRST == offsetof(struct entry_state, ia32e) || at + FIRST == offsetof(struct entry_state, pdptes_absent);
    bytes[at] = is_bool ? bytes[at] ^ 1u : bytes[at] ^ tape_byte(tape);
}

/* A valid state in which one field, or a few, are changed; at times all of it is the input's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct entry_state s = entry_valid_state((enum state_kind)tape_choose(&tape, STATE_COUNT));
    uint32_t mutations = tape_choose(&tape, 8);
    CHECK(entry_check(&s).check == WHB_CHECK_NONE);
    if (mutations == 0) {
        struct entry_limits limits = s.limits;
        memcpy((uint8_t *)&s + FIRST, tape.next, tape.left < sizeof(s) - FIRST ? tape.left : sizeof(s) - FIRST);
        bool ia32e = (tape_byte(&tape) & 1u) != 0;
        memcpy(&s.ia32e, &ia32e, sizeof(ia32e));
        memcpy(&s.pdptes_absent, &ia32e, sizeof(ia32e));
        s.limits = limits;
    }
    for (uint32_t i = 0; i < mutations; i++) {
        flip(&s, &tape);
    }
    check_verdict(&s);
    return 0;
}
