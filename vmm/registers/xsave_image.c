/* SPDX-License-Identifier: MIT */
#include "vmm/registers/xsave_image.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "vmm/cpu/switch_check.h"

#define MXCSR_AT 24u
#define MXCSR_INITIAL 0x1f80u
#define HEADER_AT 512u
#define COMPACTED (1ull << 63)
#define ALWAYS (XCR0_X87 | XCR0_SSE)

struct header {
    uint64_t present;    /* XSTATE_BV */
    uint64_t compaction; /* XCOMP_BV */
    uint64_t reserved[6];
};

static bool check_header(const struct xsave_format *f, const struct header *h)
{
    uint64_t known = f->components | ALWAYS;
    for (unsigned i = 0; i < 6; i++) {
        if (h->reserved[i] != 0) {
            return false;
        }
    }
    if ((h->present & ~known) != 0) {
        return false;
    }
    uint64_t layout = h->compaction & ~COMPACTED;
    return h->compaction == 0 ||
           ((h->compaction & COMPACTED) != 0 && (layout & ~known) == 0 && (h->present & ~layout) == 0);
}

/* Where component `i` lies in `from`: in the compacted form after those before it that the layout names. */
static uint32_t compacted_offset(const struct xsave_format *f, uint64_t layout, unsigned i)
{
    uint32_t at = XSAVE_LEGACY_SIZE;
    for (unsigned k = 2; k <= i; k++) {
        if ((layout >> k & 1u) == 0) {
            continue;
        }
        at = f->component[k].align64 ? (at + 63) & ~63u : at;
        if (k == i) {
            break;
        }
        at += f->component[k].size;
    }
    return at;
}

static bool take_component(const struct xsave_format *f, const struct header *h, unsigned i, const uint8_t *from,
                           uint64_t size, uint8_t *to)
{
    const struct xsave_component *c = &f->component[i];
    uint32_t at = h->compaction != 0 ? compacted_offset(f, h->compaction & ~COMPACTED, i) : c->offset;
    if (at > size || c->size > size - at || c->offset > XSAVE_IMAGE_MAX || c->size > XSAVE_IMAGE_MAX - c->offset) {
        return false;
    }
    memcpy(to + c->offset, from + at, c->size);
    return true;
}

bool xsave_image_take(const struct xsave_format *f, const uint8_t *from, uint64_t size, uint8_t *to)
{
    struct header h;
    uint32_t mxcsr;
    if (size < XSAVE_LEGACY_SIZE || size > XSAVE_IMAGE_MAX || (f->size < XSAVE_LEGACY_SIZE)) {
        return false;
    }
    memcpy(&h, from + HEADER_AT, sizeof(h));
    memcpy(&mxcsr, from + MXCSR_AT, sizeof(mxcsr));
    if (!check_header(f, &h)) {
        return false;
    }
    if (h.compaction != 0 && (h.present & XCR0_SSE) == 0) {
        mxcsr = MXCSR_INITIAL; /* in the compacted form it belongs to the SSE state (13.8.2) */
    }
    if ((mxcsr & ~f->mxcsr_mask) != 0) {
        return false; /* in the standard form XRSTOR checks it whether or not SSE is present (13.8.1) */
    }
    memset(to, 0, XSAVE_IMAGE_MAX);
    memcpy(to, from, HEADER_AT);
    memcpy(to + MXCSR_AT, &mxcsr, sizeof(mxcsr));
    memcpy(to + HEADER_AT, &h.present, sizeof(h.present));
    for (unsigned i = 2; i < 63; i++) {
        if ((h.present >> i & 1u) != 0 && !take_component(f, &h, i, from, size, to)) {
            return false;
        }
    }
    return true;
}
