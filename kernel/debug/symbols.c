/* SPDX-License-Identifier: MIT */
#include "kernel/debug/symbols.h"

#include <stddef.h>

/*
 * Made by scripts/mksymbols. In ascending order, how far each symbol is behind the one before (the first: behind
 * image_start), and the names, each ended by 0. A byte of a name from FIRST_PAIR on stands for two of symbols_pairs.
 */
extern const uint32_t symbols_count;
extern const uint16_t symbols_distances[];
extern const uint8_t symbols_names[];
extern const uint8_t symbols_pairs[][2];

extern const char image_start[], text_start[], text_end[];

#define FIRST_PAIR 128u

/* Index of the last symbol at or before `offset`, and its own offset; symbols_count if there is none. */
static uint32_t find(uint32_t offset, uint32_t *start)
{
    uint32_t next = 0, i = 0;
    for (; i < symbols_count && next + symbols_distances[i] <= offset; i++) {
        next += symbols_distances[i];
    }
    *start = next;
    return i == 0 ? symbols_count : i - 1;
}

/* What a byte of a name stands for, behind the `length` bytes that are there. Returns the new length. */
static size_t unpack(uint8_t byte, char *name, size_t length)
{
    uint8_t waiting[SYMBOL_DEPTH_MAX]; /* second halves of pairs */
    for (unsigned depth = 0;;) {
        while (byte >= FIRST_PAIR && depth < SYMBOL_DEPTH_MAX) {
            waiting[depth++] = symbols_pairs[byte - FIRST_PAIR][1];
            byte = symbols_pairs[byte - FIRST_PAIR][0];
        }
        if (length < SYMBOL_NAME_MAX - 1) {
            name[length++] = (char)byte;
        }
        if (depth == 0) {
            return length;
        }
        byte = waiting[--depth];
    }
}

static void copy_name(uint32_t index, char *name)
{
    const uint8_t *from = symbols_names;
    size_t length = 0;
    while (index > 0) {
        index -= *from++ == 0;
    }
    for (; *from != 0; from++) {
        length = unpack(*from, name, length);
    }
    name[length] = '\0';
}

bool symbol_lookup(uintptr_t address, char name[SYMBOL_NAME_MAX], uintptr_t *offset)
{
    uint32_t start;
    if (address < (uintptr_t)text_start || address >= (uintptr_t)text_end) {
        return false;
    }
    uint32_t from_image = (uint32_t)(address - (uintptr_t)image_start);
    uint32_t index = find(from_image, &start);
    if (index == symbols_count) {
        return false;
    }
    *offset = from_image - start;
    copy_name(index, name);
    return true;
}
