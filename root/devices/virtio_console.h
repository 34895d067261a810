/* SPDX-License-Identifier: MIT */
/* A console with one port (virtio 1.2, 5.3). */
#pragma once

#include "root/devices/virtio_mmio.h"

struct virtio_console {
    struct virtio_mmio mmio;
    struct byte_sink out;
    void (*drained)(void *context); /* the guest gave buffers: there is room for bytes */
    void *context;
};

void virtio_console_init(struct virtio_console *c, const struct guest_memory *memory, const struct irq_line *irq,
                         const struct byte_sink *out, void (*drained)(void *context), void *context);

/* Bytes that the guest takes now: 0 or more than 0. */
uint32_t virtio_console_room(const struct virtio_console *c);
/* A byte for the guest; dropped if there is no room. */
void virtio_console_receive(struct virtio_console *c, uint8_t byte);
