/* SPDX-License-Identifier: MIT */
/* sources: vmm/xsave_image.c */
/* Whatever is taken names only known components and would not make XRSTOR fault. */
#include <string.h>

#include "tests/fuzz/check.h"
#include "vmm/xsave_image.h"

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
    }
    free(exact);
    return 0;
}
