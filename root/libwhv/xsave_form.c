/* SPDX-License-Identifier: MIT */
#include "root/libwhv/xsave_form.h"

#include "root/lib/string.h"

#define LEGACY_SIZE 512u
#define HEADER_SIZE 64u
#define MXCSR_AT 24u
#define MXCSR_INITIAL 0x1f80u
#define COMPONENT_SSE (1ull << 1)
#define LEGACY_COMPONENTS 3ull
#define COMPACTED (1ull << 63)
#define COMPONENTS 63u
#define ALIGN64 (1u << 1)

struct xsave_form_component xsave_form_component(uint32_t eax, uint32_t ebx, uint32_t ecx)
{
    return (struct xsave_form_component){.size = eax, .offset = ebx, .align64 = (ecx & ALIGN64) != 0};
}

static bool has(uint64_t components, unsigned i)
{
    return (components >> i & 1u) != 0;
}

static uint32_t start_of(const struct xsave_form_component *c, uint32_t end)
{
    return c->align64 ? (end + 63u) & ~63u : end;
}

uint32_t xsave_compacted_size(const struct xsave_form *form)
{
    uint32_t end = LEGACY_SIZE + HEADER_SIZE;
    for (unsigned i = 2; i < COMPONENTS; i++) {
        if (has(form->components, i)) {
            end = start_of(&form->component[i], end) + form->component[i].size;
        }
    }
    return end;
}

/*
 * XRSTOR takes MXCSR from a standard image whatever XSTATE_BV says, from a compacted one only with the SSE state (SDM
 * vol. 1, 13.8.2): a value that is not the initial one makes that state present, as XSAVEC does (13.10).
 */
static uint64_t present_with_mxcsr(const uint8_t *standard, uint64_t present)
{
    uint32_t mxcsr;
    memcpy(&mxcsr, standard + MXCSR_AT, sizeof(mxcsr));
    return mxcsr != MXCSR_INITIAL ? present | COMPONENT_SSE : present;
}

void xsave_compact(const struct xsave_form *form, const uint8_t *standard, uint8_t *compacted)
{
    uint64_t header[2]; /* XSTATE_BV and XCOMP_BV */
    memcpy(&header[0], standard + LEGACY_SIZE, sizeof(header[0]));
    header[0] = present_with_mxcsr(standard, header[0]);
    header[1] = COMPACTED | LEGACY_COMPONENTS | form->components;
    memset(compacted, 0, xsave_compacted_size(form));
    memcpy(compacted, standard, LEGACY_SIZE);
    memcpy(compacted + LEGACY_SIZE, header, sizeof(header));
    uint32_t end = LEGACY_SIZE + HEADER_SIZE;
    for (unsigned i = 2; i < COMPONENTS; i++) {
        const struct xsave_form_component *c = &form->component[i];
        if (!has(form->components, i)) {
            continue;
        }
        uint32_t at = start_of(c, end);
        if (has(header[0], i)) {
            memcpy(compacted + at, standard + c->offset, c->size);
        }
        end = at + c->size;
    }
}
