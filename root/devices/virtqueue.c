/* SPDX-License-Identifier: MIT */
#include "root/devices/virtqueue.h"

#include "root/lib/string.h"

#define DESCRIPTOR 16u
#define FLAG_NEXT 1u
#define FLAG_WRITE 2u
#define FLAG_INDIRECT 4u
#define RING_HEADER 4u /* flags, index */
#define USED_ENTRY 8u
#define AVAIL_NO_INTERRUPT 1u

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

bool virtqueue_check(const struct virtqueue *q, const struct guest_memory *memory)
{
    bool power = q->size != 0 && (q->size & (q->size - 1)) == 0 && q->size <= VIRTQUEUE_MAX;
    bool aligned = q->descriptors % 16 == 0 && q->driver % 2 == 0 && q->device % 4 == 0;
    return power && aligned && guest_memory_at(memory, q->descriptors, (uint64_t)q->size * DESCRIPTOR) != NULL &&
           guest_memory_at(memory, q->driver, RING_HEADER + 2ull * q->size + 2) != NULL &&
           guest_memory_at(memory, q->device, RING_HEADER + (uint64_t)USED_ENTRY * q->size + 2) != NULL;
}

static uint16_t load16(const uint8_t *at)
{
    return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static uint8_t *driver_ring(const struct virtqueue *q, const struct guest_memory *memory)
{
    return guest_memory_at(memory, q->driver, RING_HEADER + 2ull * q->size + 2);
}

bool virtqueue_waits(const struct virtqueue *q, const struct guest_memory *memory)
{
    const uint8_t *ring = q->ready ? driver_ring(q, memory) : NULL;
    return ring != NULL && load16(ring + 2) != q->taken;
}

/* A table of descriptors: the queue's own, or an indirect one. */
struct table {
    const uint8_t *entries;
    uint32_t count;
};

/* Adds one buffer; false: it is not in memory, the order is wrong, or there are too many. */
static bool add_part(struct virtqueue_chain *c, const struct guest_memory *memory, const struct descriptor *d)
{
    bool write = (d->flags & FLAG_WRITE) != 0;
    uint32_t at = c->readable + c->writable;
    if (at == VIRTQUEUE_PARTS || (!write && c->writable != 0) || d->length == 0) {
        return false;
    }
    c->parts[at].data = guest_memory_at(memory, d->address, d->length);
    c->parts[at].size = d->length;
    c->readable += write ? 0 : 1;
    c->writable += write ? 1 : 0;
    return c->parts[at].data != NULL;
}

/* Follows a chain; at most one indirect table, as its last descriptor. A loop ends as a chain of too many parts. */
static bool follow(struct virtqueue_chain *c, const struct guest_memory *memory, struct table t, uint16_t index)
{
    bool indirect = false;
    while (index < t.count) {
        struct descriptor d;
        memcpy(&d, t.entries + (size_t)index * DESCRIPTOR, sizeof(d));
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler must not read again what was checked */
        if ((d.flags & FLAG_INDIRECT) != 0) {
            if (indirect || (d.flags & FLAG_NEXT) != 0 || d.length % DESCRIPTOR != 0) {
                return false;
            }
            t = (struct table){guest_memory_at(memory, d.address, d.length), d.length / DESCRIPTOR};
            if (t.entries == NULL) {
                return false;
            }
            indirect = true;
            index = 0;
            continue;
        }
        if (!add_part(c, memory, &d)) {
            return false;
        }
        if ((d.flags & FLAG_NEXT) == 0) {
            return true;
        }
        index = d.next;
    }
    return false;
}

enum virtqueue_result virtqueue_take(struct virtqueue *q, const struct guest_memory *memory,
                                     struct virtqueue_chain *chain)
{
    const uint8_t *ring = q->ready ? driver_ring(q, memory) : NULL;
    if (ring == NULL) {
        return VIRTQUEUE_EMPTY;
    }
    uint16_t waiting = (uint16_t)(load16(ring + 2) - q->taken);
    if (waiting == 0) {
        return VIRTQUEUE_EMPTY;
    }
    struct table t = {guest_memory_at(memory, q->descriptors, (uint64_t)q->size * DESCRIPTOR), q->size};
    if (waiting > q->size || t.entries == NULL) {
        return VIRTQUEUE_BROKEN;
    }
    chain->head = load16(ring + RING_HEADER + 2ull * (q->taken % q->size));
    chain->readable = chain->writable = 0;
    q->taken++;
    return follow(chain, memory, t, chain->head) ? VIRTQUEUE_TAKEN : VIRTQUEUE_BROKEN;
}

void virtqueue_put_back(struct virtqueue *q, uint64_t done)
{
    q->taken--;
    q->done = done;
}

bool virtqueue_give(struct virtqueue *q, const struct guest_memory *memory, uint16_t head, uint32_t written)
{
    uint8_t *ring = guest_memory_at(memory, q->device, RING_HEADER + (uint64_t)USED_ENTRY * q->size + 2);
    const uint8_t *driver = driver_ring(q, memory);
    if (ring == NULL || driver == NULL) {
        return false;
    }
    uint32_t entry[2] = {head, written};
    q->done = 0;
    memcpy(ring + RING_HEADER + (size_t)(q->used % q->size) * USED_ENTRY, entry, sizeof(entry));
    q->used++;
    __atomic_store_n((uint16_t *)(void *)(ring + 2), q->used, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the index is out before the driver's wish is looked at (2.7.7.1) */
    return (load16(driver) & AVAIL_NO_INTERRUPT) == 0;
}

/* The bytes of part `i` from `*offset` on that fit `left`, or 0 and *offset less the part's size. */
static uint32_t piece(const struct virtqueue_part *part, uint64_t *offset, uint32_t left)
{
    if (*offset >= part->size) {
        *offset -= part->size;
        return 0;
    }
    uint32_t here = part->size - (uint32_t)*offset;
    return here < left ? here : left;
}

uint32_t virtqueue_gather(const struct virtqueue_part *parts, uint32_t count, uint64_t offset, void *to, uint32_t size)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < count && done < size; i++) {
        uint32_t n = piece(&parts[i], &offset, size - done);
        if (n != 0) {
            memcpy((uint8_t *)to + done, parts[i].data + offset, n);
            done += n;
            offset = 0;
        }
    }
    return done;
}

uint32_t virtqueue_scatter(const struct virtqueue_part *parts, uint32_t count, uint64_t offset, const void *from,
                           uint32_t size)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < count && done < size; i++) {
        uint32_t n = piece(&parts[i], &offset, size - done);
        if (n != 0) {
            memcpy(parts[i].data + offset, (const uint8_t *)from + done, n);
            done += n;
            offset = 0;
        }
    }
    return done;
}

uint64_t virtqueue_bytes(const struct virtqueue_part *parts, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += parts[i].size;
    }
    return sum;
}
