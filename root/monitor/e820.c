/* SPDX-License-Identifier: MIT */
#include "root/monitor/e820.h"

#define EBDA_AT 0x9fc00u
#define LOW_END 0xa0000u
#define BIOS_AT 0xe0000u
#define HIGH_AT 0x100000u

static void add(struct e820_map *map, uint64_t base, uint64_t end, enum e820_type type)
{
    if (end > base) {
        map->entries[map->count++] = (struct e820_entry){base, end - base, type};
    }
}

void e820_for_guest(struct e820_map *map, const struct guest_memory *memory)
{
    map->count = 0;
    add(map, 0, EBDA_AT, E820_RAM);
    add(map, EBDA_AT, LOW_END, E820_RESERVED);
    add(map, BIOS_AT, HIGH_AT, E820_RESERVED);
    add(map, HIGH_AT, memory->low_size, E820_RAM);
    if (memory->high_size != 0) {
        add(map, GUEST_HIGH_BASE, GUEST_HIGH_BASE + memory->high_size, E820_RAM);
    }
}
