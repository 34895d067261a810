/* SPDX-License-Identifier: MIT */
/* sources: vmm/vp/mov_decode.c */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/vp/mov_decode.h"

static void check_store(const struct mov_store *s, unsigned count, enum mov_mode mode)
{
    uint64_t gpr[16];
    memset(gpr, 0xff, sizeof(gpr));
    CHECK(s->length >= 2 && s->length <= 15 && s->length <= count);
    CHECK(s->size == 1 || s->size == 2 || s->size == 4 || (s->size == 8 && mode == MOV_MODE_64));
    CHECK(s->segment <= MOV_GS && s->source < 16 && (!s->high_byte || s->source < 4));
    CHECK(s->scale == 1 || s->scale == 2 || s->scale == 4 || s->scale == 8);
    CHECK(s->base < (mode == MOV_MODE_64 ? 16 : 8) || s->base == MOV_NO_REGISTER ||
          (s->base == MOV_RIP && mode == MOV_MODE_64));
    CHECK(s->index < (mode == MOV_MODE_64 ? 16 : 8) || s->index == MOV_NO_REGISTER);
    CHECK(s->address_bits == 64 ? mode == MOV_MODE_64 : s->address_bits == 32 || mode != MOV_MODE_64);
    CHECK(s->size == 8 || mov_value(s, gpr) >> (8 * s->size) == 0);
    CHECK(s->address_bits == 64 || mov_offset(s, gpr, 1) >> s->address_bits == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t opcodes[] = {0x88, 0x89, 0xa2, 0xa3, 0xc6, 0xc7};
    struct tape tape = {data, size};
    enum mov_mode mode = (enum mov_mode)tape_choose(&tape, 3);
    uint32_t shape = tape_choose(&tape, 16);
    unsigned count = tape_choose(&tape, 17);
    uint8_t *bytes = malloc(count + 1u); /* just as long as it may be read */
    CHECK(bytes != NULL);
    for (unsigned i = 0; i < count; i++) {
        bytes[i] = tape_byte(&tape);
    }
    if (shape < 4 && shape < count) {
        bytes[shape] = opcodes[tape_choose(&tape, sizeof(opcodes))];
    }
    struct mov_store store, again;
    bytes = realloc(bytes, count == 0 ? 1 : count);
    if (mov_decode(bytes, count, mode, &store)) {
        check_store(&store, count, mode);
        CHECK(mov_decode(bytes, store.length, mode, &again) && !mov_decode(bytes, store.length - 1u, mode, &again));
    }
    free(bytes);
    return 0;
}
