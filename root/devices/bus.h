/* SPDX-License-Identifier: MIT */
/* Which device answers at a port or a guest-physical address. */
#pragma once

#include "root/devices/device.h"

#define BUS_MAX_REGIONS 40u
#define BUS_UNKNOWN_SEEN 64u
#define BUS_SEEN_SLOTS_LOG2 7u /* twice as many as are told, so that a search is short */

struct bus_region {
    uint64_t base, size;
    uint64_t offset; /* what an access at `base` is to the device */
    void *device;
    const struct device_ops *ops;
    bool first; /* of the device's regions */
};

/* One address space. */
struct bus {
    struct bus_region regions[BUS_MAX_REGIONS];
    uint32_t count, last;             /* `last`: the region that answered last */
    uint8_t by_base[BUS_MAX_REGIONS]; /* regions in the order of their addresses */
    uint8_t timed[BUS_MAX_REGIONS];   /* the first region of each device that has deadlines */
    uint32_t timed_count;
    /* Told once for each address (the first BUS_UNKNOWN_SEEN) where nothing answers; NULL: nobody. */
    void (*unknown)(void *context, uint64_t address, uint32_t size, bool write, uint64_t value);
    void *context;
    uint64_t seen[1u << BUS_SEEN_SLOTS_LOG2]; /* address + 1, by a hash; 0: empty */
    uint32_t seen_count;
};

/* False: no room, empty, over the end of the address space, or it overlaps a region that is there. */
bool bus_add(struct bus *bus, uint64_t base, uint64_t size, uint64_t offset, void *device,
             const struct device_ops *ops);

/*
 * All ones where nothing answers; cut to `size` (1, 2, 4, 8). An access that is not inside one region is made of bytes,
 * each for the device that is there, as the bridge to an 8-bit bus does; a device sees none that leaves its region.
 */
uint64_t bus_read(struct bus *bus, uint64_t address, uint32_t size);
/* Dropped where nothing answers. */
void bus_write(struct bus *bus, uint64_t address, uint32_t size, uint64_t value);

/* The devices' earliest deadline, and what is due at `now`. A device in several regions is asked once. */
uint64_t bus_deadline(const struct bus *bus);
void bus_advance(struct bus *bus, uint64_t now);
void bus_reset(struct bus *bus);
