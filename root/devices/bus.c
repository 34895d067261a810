/* SPDX-License-Identifier: MIT */
#include "root/devices/bus.h"

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
    bus->regions[bus->count++] = (struct bus_region){base, size, offset, device, ops, first};
    return true;
}

/* The region in which the whole access is. A driver mostly goes on with the device that it spoke to last. */
static const struct bus_region *find(struct bus *bus, uint64_t address, uint32_t size)
{
    if (bus->count != 0 && is_inside(&bus->regions[bus->last], address, size)) {
        return &bus->regions[bus->last];
    }
    for (uint32_t i = 0; i < bus->count; i++) {
        if (is_inside(&bus->regions[i], address, size)) {
            bus->last = i;
            return &bus->regions[i];
        }
    }
    return NULL;
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
    for (uint32_t i = 0; i < bus->seen_count; i++) {
        if (bus->seen[i] == address) {
            return;
        }
    }
    if (bus->seen_count < BUS_UNKNOWN_SEEN) {
        bus->seen[bus->seen_count++] = address;
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
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (r->ops->deadline != NULL && r->first) {
            uint64_t at = r->ops->deadline(r->device);
            earliest = at < earliest ? at : earliest;
        }
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
