/* SPDX-License-Identifier: MIT */
/* sources: vmm/registers/xsave_image.c root/libwhv/xsave_form.c */
/*
 * Whatever is taken names only known components and would not make XRSTOR fault. What libwhv then makes of it is taken
 * again, and is the same state.
 */
#include <string.h>

#include "root/libwhv/xsave_form.h"
#include "tests/fuzz/check.h"
#include "vmm/registers/xsave_image.h"

static void check_compacted(const struct xsave_format *format, const uint8_t *standard)
{
    static uint8_t compacted[XSAVE_STANDARD_MAX], again[XSAVE_IMAGE_MAX];
    struct xsave_form form = {.components = format->components};
    for (unsigned i = 2; i < 63; i++) {
        const struct xsave_component *c = &format->component[i];
        form.component[i] = xsave_form_component(c->size, c->offset, c->align64 ? 2 : 0);
    }
    uint32_t size = xsave_compacted_size(&form);
    CHECK(size <= sizeof(compacted));
    memset(compacted, 0xa5, sizeof(compacted));
    xsave_compact(&form, standard, compacted);
    CHECK(size == sizeof(compacted) || compacted[size] == 0xa5);
    CHECK(compacted[527] == 0x80);
    CHECK(!xsave_image_take(format, compacted, size - 1, again) || (standard[512] & 0x80) == 0);
    CHECK(xsave_image_take(format, compacted, size, again));
    again[512] = (uint8_t)((again[512] & ~2u) | (standard[512] & 2u)); /* it may be there for MXCSR's sake */
    CHECK(memcmp(again, standard, XSAVE_IMAGE_MAX) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct xsave_format format = {
        .components = 0xe7,
        .size = 2688,
        .mxcsr_mask = 0xffff,
        .component =
            {[2] = {256, 576, false}, [5] = {64, 1088, false}, [6] = {512, 1152, true}, [7] = {1024, 1664, true}},
    };
    static uint8_t out[XSAVE_IMAGE_MAX];
    uint8_t *exact = malloc(size == 0 ? 1 : size); /* so that a read past the end is seen */
    memcpy(exact, data, size);
    uint64_t header[8];
    uint32_t mxcsr;
    if (xsave_image_take(&format, exact, size, out)) {
        memcpy(header, out + 512, sizeof(header));
        memcpy(&mxcsr, out + 24, sizeof(mxcsr));
        CHECK((header[0] & ~0xe7ull) == 0);
        CHECK(header[1] == 0 && header[7] == 0);
        CHECK((mxcsr & ~0xffffu) == 0);
        check_compacted(&format, out);
    }
    free(exact);
    return 0;
}
