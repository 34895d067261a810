/* SPDX-License-Identifier: MIT */
#include "kernel/symbols.h"

#include <stddef.h>

/* Made by scripts/mksymbols. Ascending offsets from image_start, and where each name starts in symbols_names. */
extern const uint32_t symbols_count;
extern const uint32_t symbols_offsets[];
extern const uint32_t symbols_name_offsets[];
extern const char symbols_names[];

extern const char image_start[], text_start[], text_end[];

/* Index of the last symbol at or before `offset`; symbols_count if there is none. */
static uint32_t find(uint32_t offset)
{
    uint32_t low = 0, high = symbols_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (symbols_offsets[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? symbols_count : low - 1;
}

const char *symbol_lookup(uintptr_t address, uintptr_t *offset)
{
    if (address < (uintptr_t)text_start || address >= (uintptr_t)text_end) {
        return NULL;
    }
    uint32_t from_image = (uint32_t)(address - (uintptr_t)image_start);
    uint32_t index = find(from_image);
    if (index == symbols_count) {
        return NULL;
    }
    if (offset != NULL) {
        *offset = from_image - symbols_offsets[index];
    }
    return &symbols_names[symbols_name_offsets[index]];
}
