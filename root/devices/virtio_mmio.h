/* SPDX-License-Identifier: MIT */
/* The virtio transport over MMIO, version 2 (virtio 1.2, 4.2). Device types plug in by a table. */
#pragma once

#include "root/devices/virtqueue.h"

#define VIRTIO_MAX_QUEUES 2u
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_VERSION_1 (1ull << 32)

struct virtio_mmio;

struct virtio_type {
    uint32_t id; /* virtio 1.2, 5 */
    uint32_t queues;
    /* The driver says that queue `queue` has something, or an earlier turn left something (virtio_mmio_later). */
    void (*notify)(struct virtio_mmio *v, uint32_t queue);
    /* Device configuration at `offset` bytes; NULL: none. */
    uint8_t (*config)(const struct virtio_mmio *v, uint32_t offset);
    void (*reset)(struct virtio_mmio *v);
};

struct virtio_mmio {
    const struct virtio_type *type;
    void *device; /* the type's own */
    const struct guest_memory *memory;
    struct irq_line irq;
    uint64_t features;        /* offered */
    uint64_t driver_features; /* taken */
    uint32_t feature_page, driver_feature_page, queue_selected, status, interrupts;
    uint32_t later; /* bit n: queue n gets another turn */
    struct virtqueue queues[VIRTIO_MAX_QUEUES];
};

void virtio_mmio_init(struct virtio_mmio *v, const struct virtio_type *type, void *device,
                      const struct guest_memory *memory, const struct irq_line *irq, uint64_t features);

/* The driver has started the device and it is not broken. */
bool virtio_mmio_runs(const struct virtio_mmio *v);
/* `notify` has worked for long enough: it is called again from `advance`, so that no guest holds the machine's lock. */
void virtio_mmio_later(struct virtio_mmio *v, uint32_t queue);
/* Requests of a queue came back, and the driver wants to know. */
void virtio_mmio_interrupt(struct virtio_mmio *v);
/* The driver violated the specification: DEVICE_NEEDS_RESET, and nothing more until it does. */
void virtio_mmio_break(struct virtio_mmio *v);

extern const struct device_ops virtio_mmio_ops;
