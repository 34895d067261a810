/* SPDX-License-Identifier: MIT */
/* A disk over an image in memory (virtio 1.2, 5.2). What is written stays in memory and is gone with the machine. */
#pragma once

#include "root/devices/virtio_mmio.h"

#define VIRTIO_BLK_ID 20u

struct virtio_blk {
    struct virtio_mmio mmio;
    uint8_t *data;
    uint64_t sectors;
    bool readonly;
    char id[VIRTIO_BLK_ID]; /* "whimbrel-" and the interrupt line, so that each disk of a machine has its own */
};

/* The image's last part of a sector is not offered. */
void virtio_blk_init(struct virtio_blk *b, const struct guest_memory *memory, const struct irq_line *irq, uint8_t *data,
                     uint64_t size, bool readonly);
