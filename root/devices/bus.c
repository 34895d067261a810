/* SPDX-License-Identifier: MIT */
#include "root/devices/bus.h"

#define SEEN_HASH 0x9e3779b97f4a7c15u /* multiplicative: 2^64 / golden ratio (Knuth, vol. 3, 6.4) */

static uint64_t cut(uint64_t value, uint32_t size)
{
    return size >= 8 ? value : value & ((1ull << 8 * size) - 1);
}

static bool is_inside(const struct bus_region *r, uint64_t address, uint32_t size)
{
    return address >= r->base && address - r->base < r->size && size <= r->size - (address - r->base);
}

static bool overlap(const struct bus_region *r, uint64_t base, uint64_t size)
{
    return base <= r->base + (r->size - 1) && r->base <= base + (size - 1);
}

bool bus_add(struct bus *bus, uint64_t base, uint64_t size, uint64_t offset, void *device, const struct device_ops *ops)
{
    if (bus->count == BUS_MAX_REGIONS || size == 0 || size - 1 > UINT64_MAX - base) {
        return false;
    }
    bool first = true;
    for (uint32_t i = 0; i < bus->count; i++) {
        if (overlap(&bus->regions[i], base, size)) {
            return false;
        }
        first = first && bus->regions[i].device != device;
    }
    bus->regions[bus->count] = (struct bus_region){base, size, offset, device, ops, first};
    if (first && ops->deadline != NULL) {
        bus->timed[bus->timed_count++] = (uint8_t)bus->count;
    }
    uint32_t at = bus->count++;
    for (; at > 0 && bus->regions[bus->by_base[at - 1]].base > base; at--) {
        bus->by_base[at] = bus->by_base[at - 1];
    }
    bus->by_base[at] = (uint8_t)(bus->count - 1);
    return true;
}

/* The region in which the whole access is. A driver mostly goes on with the device that it spoke to last. */
static const struct bus_region *find(struct bus *bus, uint64_t address, uint32_t size)
{
    if (bus->count != 0 && is_inside(&bus->regions[bus->last], address, size)) {
        return &bus->regions[bus->last];
    }
    uint32_t low = 0, high = bus->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (bus->regions[bus->by_base[middle]].base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || !is_inside(&bus->regions[bus->by_base[low - 1]], address, size)) {
        return NULL;
    }
    bus->last = bus->by_base[low - 1];
    return &bus->regions[bus->last];
}

/* Whether any byte of the access is in a region. */
static bool is_touched(const struct bus *bus, uint64_t address, uint32_t size)
{
    for (uint32_t byte = 0; byte < size; byte++) {
        for (uint32_t i = 0; i < bus->count; i++) {
            if (is_inside(&bus->regions[i], address + byte, 1)) {
                return true;
            }
        }
    }
    return false;
}

static void tell_unknown(struct bus *bus, uint64_t address, uint32_t size, bool write, uint64_t value)
{
    uint64_t slot = (address * SEEN_HASH) >> (64 - BUS_SEEN_SLOTS_LOG2);
    for (; bus->seen[slot] != 0; slot = (slot + 1) % (1u << BUS_SEEN_SLOTS_LOG2)) {
        if (bus->seen[slot] == address + 1) {
            return;
        }
    }
    if (bus->seen_count < BUS_UNKNOWN_SEEN) {
        bus->seen[slot] = address + 1;
        bus->seen_count++;
        if (bus->unknown != NULL) {
            bus->unknown(bus->context, address, size, write, value);
        }
    }
}

uint64_t bus_read(struct bus *bus, uint64_t address, uint32_t size)
{
    const struct bus_region *r = find(bus, address, size);
    if (r != NULL) {
        return cut(r->ops->read(r->device, address - r->base + r->offset, size), size);
    }
    if (size == 1 || !is_touched(bus, address, size)) {
        tell_unknown(bus, address, size, false, cut(UINT64_MAX, size));
        return cut(UINT64_MAX, size);
    }
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value |= bus_read(bus, address + i, 1) << 8 * i;
    }
    return value;
}

void bus_write(struct bus *bus, uint64_t address, uint32_t size, uint64_t value)
{
    const struct bus_region *r = find(bus, address, size);
    if (r != NULL) {
        r->ops->write(r->device, address - r->base + r->offset, size, cut(value, size));
    } else if (size == 1 || !is_touched(bus, address, size)) {
        tell_unknown(bus, address, size, true, cut(value, size));
    } else {
        for (uint32_t i = 0; i < size; i++) {
            bus_write(bus, address + i, 1, value >> 8 * i);
        }
    }
}

uint64_t bus_deadline(const struct bus *bus)
{
    uint64_t earliest = DEVICE_NEVER;
    for (uint32_t i = 0; i < bus->timed_count; i++) {
        const struct bus_region *r = &bus->regions[bus->timed[i]];
        uint64_t at = r->ops->deadline(r->device);
        earliest = at < earliest ? at : earliest;
    }
    return earliest;
}

void bus_advance(struct bus *bus, uint64_t now)
{
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (r->ops->advance != NULL && r->first) {
            r->ops->advance(r->device, now);
        }
    }
}

void bus_reset(struct bus *bus)
{
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (r->ops->reset != NULL && r->first) {
            r->ops->reset(r->device);
        }
    }
}
