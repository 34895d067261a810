/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/gva_walk.c */
#include <string.h>

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/memory/gva_walk.h"

/* The guest's memory is the input, over and over: page tables that lead nowhere in particular. */
struct guest {
    const uint8_t *data;
    size_t size;
    unsigned reads;
    uint64_t hole; /* addresses with these bits set are not mapped */
};

static bool read_guest(void *ctx, uint64_t gpa, uint64_t *value)
{
    struct guest *g = ctx;
    CHECK(gpa % 8 == 0);
    g->reads++;
    if (g->size < 8 || (gpa & g->hole) != 0) {
        return false;
    }
    memcpy(value, g->data + gpa / 8 % (g->size / 8) * 8, 8);
    return true;
}

static struct gva_walk_state choose_state(struct tape *tape)
{
    uint64_t bits = tape_u64(tape);
    struct gva_walk_state s = {
        .cr0 = CR0_PE | (bits & 7 ? CR0_PG : 0) | (bits & 8 ? CR0_WP : 0),
        .cr4 = (bits & 0x30 ? CR4_PAE : 0) | (bits & 0x40 ? CR4_PSE : 0) | (bits & 0x80 ? CR4_LA57 : 0) |
               (bits & 0x100 ? CR4_SMEP : 0) | (bits & 0x200 ? CR4_SMAP : 0),
        .efer = (bits & 0xc00 ? EFER_LMA | EFER_LME : 0) | (bits & 0x1000 ? EFER_NXE : 0),
        .user = (bits & 0x2000) != 0,
        .ac = (bits & 0x4000) != 0,
        .max_physical_bits = (uint8_t)(32 + (bits >> 16) % 21),
        .read = read_guest,
    };
    s.cr3 = tape_u64(tape);
    for (unsigned i = 0; i < 4; i++) {
        s.pdpte[i] = tape_u64(tape);
    }
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct gva_walk_state s = choose_state(&tape);
    uint64_t gva = tape_u64(&tape);
    enum gva_access access = (enum gva_access)tape_choose(&tape, 3);
    struct guest g = {.hole = tape_choose(&tape, 2) != 0 ? 1ull << 31 : 0, .data = tape.next, .size = tape.left};
    s.ctx = &g;
    if (tape_choose(&tape, 2) != 0) {
        gva = (uint64_t)((int64_t)(gva << 16) >> 16);
    }
    const uint64_t untouched = 0x5a5a5a5a5a5a5a5aull;
    uint64_t gpa = untouched;
    enum gva_result result = gva_walk(&s, gva, access, &gpa);
    CHECK(g.reads <= 5);
    if (result != GVA_OK) {
        CHECK(gpa == untouched);
        return 0;
    }
    CHECK(gpa % 4096 == gva % 4096);
    unsigned width = (s.cr0 & CR0_PG) != 0 ? s.max_physical_bits : 32;
    CHECK(gpa >> width == 0);
    /* rights only shrink: what may be written or executed may be read, what a user may read the supervisor may if asked
     */
    CHECK(gva_walk(&s, gva, GVA_READ, &gpa) == GVA_OK || (access == GVA_EXECUTE && !s.user && !s.ac));
    s.ac = true;
    s.user = false;
    CHECK(gva_walk(&s, gva, GVA_READ, &gpa) == GVA_OK);
    return 0;
}
