/* SPDX-License-Identifier: MIT */
/* A virtio driver for unit tests: registers, rings and buffers in a guest's memory, and the interrupt line it sees. */
#pragma once

#include "root/devices/virtio_mmio.h"

enum {
    MAGIC = 0x00,
    VERSION = 0x04,
    DEVICE_ID = 0x08,
    VENDOR_ID = 0x0c,
    DEVICE_FEATURES = 0x10,
    DEVICE_FEATURES_SEL = 0x14,
    DRIVER_FEATURES = 0x20,
    DRIVER_FEATURES_SEL = 0x24,
    QUEUE_SEL = 0x30,
    QUEUE_NUM_MAX = 0x34,
    QUEUE_NUM = 0x38,
    QUEUE_READY = 0x44,
    QUEUE_NOTIFY = 0x50,
    INTERRUPT_STATUS = 0x60,
    INTERRUPT_ACK = 0x64,
    STATUS = 0x70,
    QUEUE_DESC = 0x80,
    QUEUE_DRIVER = 0x90,
    QUEUE_DEVICE = 0xa0,
    CONFIG_GENERATION = 0xfc,
    CONFIG = 0x100
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 0x40, FAILED = 0x80 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

#define RAM_SIZE 0x40000u
#define HIGH_SIZE 0x1000u

/* Queue q's areas. */
#define RING(q) (0x1000u + (q)*0x4000u)
#define DESC_OF(q) RING(q)
#define AVAIL_OF(q) (RING(q) + 0x1000u)
#define USED_OF(q) (RING(q) + 0x2000u)
#define BUFFERS 0x10000u

struct driver {
    struct virtio_mmio *device;
    uint16_t size, available[VIRTIO_MAX_QUEUES], seen[VIRTIO_MAX_QUEUES];
    bool line;       /* level of the interrupt line */
    unsigned raised; /* times that it rose */
};

struct used {
    uint32_t id, length;
};

extern uint8_t ram[RAM_SIZE], high[HIGH_SIZE];
extern const struct guest_memory memory;
extern struct driver driver;
extern const struct irq_line driver_irq;

/* Memory and driver as new; the device is not touched. */
void driver_fresh(struct virtio_mmio *device);

uint32_t in(uint32_t offset);
void out(uint32_t offset, uint32_t value);
uint64_t driver_features(void);
/* Takes `features`; returns the status then. */
uint32_t driver_negotiate(uint64_t features);
/* One queue with `size` entries at its usual place. */
void driver_queue(uint32_t queue, uint32_t size);
/* From reset to DRIVER_OK with VERSION_1, INDIRECT_DESC and all of the device's queues. */
void driver_start(uint32_t size);

void put_descriptor(uint64_t table, uint32_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next);
/* Makes a chain available without notice. */
void offer(uint32_t queue, uint16_t head);
void notify(uint32_t queue);
/* The next used element; fails the test if there is none. */
struct used take_used(uint32_t queue);
uint16_t used_index(uint32_t queue);
void set_no_interrupt(uint32_t queue, bool no);
/* The device says that it is broken, has said so by interrupt, and returned nothing more. */
void expect_broken(void);
