/* SPDX-License-Identifier: MIT */
#include "root/devices/bus.h"

#define ALL_ONES UINT64_MAX

static uint64_t cut(uint64_t value, uint32_t size)
{
    return size >= 8 ? value : value & ((1ull << 8 * size) - 1);
}

bool bus_add(struct bus *bus, uint64_t base, uint64_t size, uint64_t offset, void *device, const struct device_ops *ops)
{
    if (bus->count == BUS_MAX_REGIONS || size == 0) {
        return false;
    }
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (base < r->base + r->size && r->base < base + size) {
            return false;
        }
    }
    bus->regions[bus->count++] = (struct bus_region){base, size, offset, device, ops};
    return true;
}

/* An access that begins in a region and ends behind it is nobody's. */
static const struct bus_region *find(const struct bus *bus, uint64_t address, uint32_t size)
{
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (address >= r->base && address - r->base < r->size) {
            return size <= r->size - (address - r->base) ? r : NULL;
        }
    }
    return NULL;
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
    if (r == NULL) {
        tell_unknown(bus, address, size, false, cut(ALL_ONES, size));
        return cut(ALL_ONES, size);
    }
    return cut(r->ops->read(r->device, address - r->base + r->offset, size), size);
}

void bus_write(struct bus *bus, uint64_t address, uint32_t size, uint64_t value)
{
    const struct bus_region *r = find(bus, address, size);
    if (r == NULL) {
        tell_unknown(bus, address, size, true, cut(value, size));
        return;
    }
    r->ops->write(r->device, address - r->base + r->offset, size, cut(value, size));
}

/* Whether region `i` is the first one of its device. */
static bool is_first(const struct bus *bus, uint32_t i)
{
    for (uint32_t before = 0; before < i; before++) {
        if (bus->regions[before].device == bus->regions[i].device) {
            return false;
        }
    }
    return true;
}

uint64_t bus_deadline(const struct bus *bus)
{
    uint64_t earliest = DEVICE_NEVER;
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (r->ops->deadline != NULL) {
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
        if (r->ops->advance != NULL && is_first(bus, i)) {
            r->ops->advance(r->device, now);
        }
    }
}

void bus_reset(struct bus *bus)
{
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct bus_region *r = &bus->regions[i];
        if (r->ops->reset != NULL && is_first(bus, i)) {
            r->ops->reset(r->device);
        }
    }
}
