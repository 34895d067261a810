/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue (virtio 1.2, 2.7) in guest memory, which a running guest may change at any moment: every descriptor
 * is copied once and the copy is checked.
 */
#pragma once

#include "root/devices/device.h"
#include "root/devices/guest_memory.h"

#define VIRTQUEUE_MAX 256u
#define VIRTQUEUE_PARTS 130u /* of one request: 128 data segments, header and status */

struct virtqueue {
    uint32_t size; /* a power of two up to VIRTQUEUE_MAX; 0 is not possible once `ready` */
    bool ready;
    uint64_t descriptors, driver, device; /* guest-physical addresses of the three areas */
    uint16_t taken;                       /* the driver's ring up to here is taken */
    uint16_t used;                        /* the device's ring is filled up to here */
    uint64_t done;                        /* bytes of the next request that an earlier turn dealt with */
};

/* One piece of guest memory. */
struct virtqueue_part {
    uint8_t *data;
    uint32_t size;
};

/* A request: what the device reads, then what it writes. */
struct virtqueue_chain {
    uint16_t head;
    uint32_t readable, writable; /* parts of each kind; the writable ones follow the readable */
    struct virtqueue_part parts[VIRTQUEUE_PARTS];
};

enum virtqueue_result { VIRTQUEUE_EMPTY, VIRTQUEUE_TAKEN, VIRTQUEUE_BROKEN };

/* Whether the three areas are in guest memory and aligned, and the size is one that virtio allows. */
bool virtqueue_check(const struct virtqueue *q, const struct guest_memory *memory);

/* Takes the driver's next request. BROKEN: the driver violates the specification; the device needs a reset. */
enum virtqueue_result virtqueue_take(struct virtqueue *q, const struct guest_memory *memory,
                                     struct virtqueue_chain *chain);
/* The request just taken is the next one again; virtqueue_give of it sets `done` to 0. */
void virtqueue_put_back(struct virtqueue *q, uint64_t done);
/* Whether a request waits; like virtqueue_take, without taking it. */
bool virtqueue_waits(const struct virtqueue *q, const struct guest_memory *memory);
/* Gives the request back with `written` bytes in its writable parts. True: the driver wants an interrupt. */
bool virtqueue_give(struct virtqueue *q, const struct guest_memory *memory, uint16_t head, uint32_t written);

/* Copies between a buffer and parts, from byte `offset` of the parts on; returns the bytes copied. */
uint32_t virtqueue_gather(const struct virtqueue_part *parts, uint32_t count, uint64_t offset, void *to, uint32_t size);
uint32_t virtqueue_scatter(const struct virtqueue_part *parts, uint32_t count, uint64_t offset, const void *from,
                           uint32_t size);
uint64_t virtqueue_bytes(const struct virtqueue_part *parts, uint32_t count);
