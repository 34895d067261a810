/* SPDX-License-Identifier: MIT */
#include "root/devices/virtio_mmio.h"

#define REG_MAGIC 0x000u
#define REG_VERSION 0x004u
#define REG_DEVICE_ID 0x008u
#define REG_VENDOR_ID 0x00cu
#define REG_DEVICE_FEATURES 0x010u
#define REG_DEVICE_FEATURES_SEL 0x014u
#define REG_DRIVER_FEATURES 0x020u
#define REG_DRIVER_FEATURES_SEL 0x024u
#define REG_QUEUE_SEL 0x030u
#define REG_QUEUE_NUM_MAX 0x034u
#define REG_QUEUE_NUM 0x038u
#define REG_QUEUE_READY 0x044u
#define REG_QUEUE_NOTIFY 0x050u
#define REG_INTERRUPT_STATUS 0x060u
#define REG_INTERRUPT_ACK 0x064u
#define REG_STATUS 0x070u
#define REG_QUEUE_DESC_LOW 0x080u
#define REG_QUEUE_DESC_HIGH 0x084u
#define REG_QUEUE_DRIVER_LOW 0x090u
#define REG_QUEUE_DRIVER_HIGH 0x094u
#define REG_QUEUE_DEVICE_LOW 0x0a0u
#define REG_QUEUE_DEVICE_HIGH 0x0a4u
#define REG_SHM_LEN_LOW 0x0b0u
#define REG_SHM_BASE_HIGH 0x0bcu
#define REG_CONFIG_GENERATION 0x0fcu
#define REG_CONFIG 0x100u

#define MAGIC 0x74726976u /* "virt" */
#define VERSION 2u
#define VENDOR 0x4c424857u /* "WHBL" */

#define STATUS_FEATURES_OK 0x08u
#define STATUS_DRIVER_OK 0x04u
#define STATUS_NEEDS_RESET 0x40u
#define STATUS_FAILED 0x80u
#define STATUS_OF_DRIVER (0xffu & ~STATUS_NEEDS_RESET)
#define INTERRUPT_QUEUE 1u
#define INTERRUPT_CONFIG 2u

bool virtio_mmio_runs(const struct virtio_mmio *v)
{
    uint32_t go = STATUS_FEATURES_OK | STATUS_DRIVER_OK;
    return (v->status & (go | STATUS_NEEDS_RESET | STATUS_FAILED)) == go;
}

static void raise(struct virtio_mmio *v, uint32_t cause)
{
    v->interrupts |= cause;
    irq_set(&v->irq, v->interrupts != 0);
}

void virtio_mmio_interrupt(struct virtio_mmio *v)
{
    raise(v, INTERRUPT_QUEUE);
}

void virtio_mmio_break(struct virtio_mmio *v)
{
    bool told = (v->status & STATUS_DRIVER_OK) != 0;
    v->status |= STATUS_NEEDS_RESET;
    if (told) {
        raise(v, INTERRUPT_CONFIG);
    }
}

void virtio_mmio_later(struct virtio_mmio *v, uint32_t queue)
{
    v->later |= 1u << queue;
}

static void give_turn(struct virtio_mmio *v, uint32_t queue)
{
    v->later &= ~(1u << queue);
    if (virtio_mmio_runs(v)) {
        v->type->notify(v, queue);
    }
}

static struct virtqueue *selected(struct virtio_mmio *v)
{
    return v->queue_selected < v->type->queues ? &v->queues[v->queue_selected] : NULL;
}

static uint32_t read_features(const struct virtio_mmio *v)
{
    return v->feature_page < 2 ? (uint32_t)(v->features >> 32 * v->feature_page) : 0;
}

static uint32_t read_register(struct virtio_mmio *v, uint64_t offset)
{
    const struct virtqueue *q = selected(v);
    switch (offset) {
    case REG_MAGIC:
        return MAGIC;
    case REG_VERSION:
        return VERSION;
    case REG_DEVICE_ID:
        return v->type->id;
    case REG_VENDOR_ID:
        return VENDOR;
    case REG_DEVICE_FEATURES:
        return read_features(v);
    case REG_QUEUE_NUM_MAX:
        return q != NULL ? VIRTQUEUE_MAX : 0;
    case REG_QUEUE_READY:
        return q != NULL && q->ready ? 1 : 0;
    case REG_INTERRUPT_STATUS:
        return v->interrupts;
    case REG_STATUS:
        return v->status;
    default: /* shared memory: a length of all ones says that there is none (4.2.2). What is only written reads 0 */
        return offset >= REG_SHM_LEN_LOW && offset <= REG_SHM_BASE_HIGH ? 0xffffffff : 0;
    }
}

static uint64_t virtio_read(void *device, uint64_t offset, uint32_t size)
{
    struct virtio_mmio *v = device;
    uint64_t value = 0;
    if (offset < REG_CONFIG) {
        return size == 4 ? read_register(v, offset) : UINT64_MAX;
    }
    for (uint32_t i = 0; i < size && v->type->config != NULL; i++) {
        value |= (uint64_t)v->type->config(v, (uint32_t)(offset - REG_CONFIG) + i) << 8 * i;
    }
    return value;
}

static void reset(struct virtio_mmio *v)
{
    v->driver_features = 0;
    v->feature_page = v->driver_feature_page = v->queue_selected = v->status = v->interrupts = v->later = 0;
    for (uint32_t i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        v->queues[i] = (struct virtqueue){.size = VIRTQUEUE_MAX};
    }
    irq_set(&v->irq, false);
    if (v->type->reset != NULL) {
        v->type->reset(v);
    }
}

/* FEATURES_OK stays clear if the driver took what is not offered, or not version 1 (3.1.1). */
static void write_status(struct virtio_mmio *v, uint32_t value)
{
    if (value == 0) {
        reset(v);
        return;
    }
    bool good = (v->driver_features & ~v->features) == 0 && (v->driver_features & VIRTIO_F_VERSION_1) != 0;
    if ((value & STATUS_FEATURES_OK) != 0 && !good) {
        value &= ~STATUS_FEATURES_OK;
    }
    v->status = (value & STATUS_OF_DRIVER) | (v->status & STATUS_NEEDS_RESET);
}

static void write_features(struct virtio_mmio *v, uint32_t value)
{
    if (v->driver_feature_page < 2 && (v->status & STATUS_FEATURES_OK) == 0) {
        uint32_t shift = 32 * v->driver_feature_page;
        v->driver_features = (v->driver_features & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
    }
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
    uint32_t shift = high ? 32 : 0;
    *address = (*address & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

static void write_ready(struct virtio_mmio *v, struct virtqueue *q, uint32_t value)
{
    if (value == 0) {
        q->ready = false;
    } else if (!q->ready) {
        q->taken = q->used = 0;
        q->done = 0;
        q->ready = virtqueue_check(q, v->memory);
        if (!q->ready) {
            virtio_mmio_break(v);
        }
    }
}

/* A queue in use does not change. */
static void write_queue(struct virtio_mmio *v, uint64_t offset, uint32_t value)
{
    struct virtqueue *q = selected(v);
    if (q == NULL || (q->ready && offset != REG_QUEUE_READY)) {
        return;
    }
    switch (offset) {
    case REG_QUEUE_NUM:
        q->size = value;
        break;
    case REG_QUEUE_READY:
        write_ready(v, q, value);
        break;
    case REG_QUEUE_DESC_LOW:
    case REG_QUEUE_DESC_HIGH:
        set_half(&q->descriptors, offset == REG_QUEUE_DESC_HIGH, value);
        break;
    case REG_QUEUE_DRIVER_LOW:
    case REG_QUEUE_DRIVER_HIGH:
        set_half(&q->driver, offset == REG_QUEUE_DRIVER_HIGH, value);
        break;
    case REG_QUEUE_DEVICE_LOW:
    case REG_QUEUE_DEVICE_HIGH:
        set_half(&q->device, offset == REG_QUEUE_DEVICE_HIGH, value);
        break;
    default:
        break;
    }
}

static void write_register(struct virtio_mmio *v, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case REG_DEVICE_FEATURES_SEL:
        v->feature_page = value;
        break;
    case REG_DRIVER_FEATURES:
        write_features(v, value);
        break;
    case REG_DRIVER_FEATURES_SEL:
        v->driver_feature_page = value;
        break;
    case REG_QUEUE_SEL:
        v->queue_selected = value;
        break;
    case REG_QUEUE_NOTIFY:
        if (value < v->type->queues) {
            give_turn(v, value);
        }
        break;
    case REG_INTERRUPT_ACK:
        v->interrupts &= ~value;
        irq_set(&v->irq, v->interrupts != 0);
        break;
    case REG_STATUS:
        write_status(v, value);
        break;
    default:
        write_queue(v, offset, value);
        break;
    }
}

/* No device here has configuration that a driver writes. */
static void virtio_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    if (offset < REG_CONFIG && size == 4) {
        write_register(device, offset, (uint32_t)value);
    }
}

static void virtio_reset(void *device)
{
    reset(device);
}

void virtio_mmio_init(struct virtio_mmio *v, const struct virtio_type *type, void *device,
                      const struct guest_memory *memory, const struct irq_line *irq, uint64_t features)
{
    v->type = type;
    v->device = device;
    v->memory = memory;
    v->irq = *irq;
    v->features = features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC;
    reset(v);
}

static uint64_t virtio_deadline(const void *device)
{
    const struct virtio_mmio *v = device;
    return v->later != 0 ? 0 : DEVICE_NEVER;
}

static void virtio_advance(void *device, uint64_t now)
{
    struct virtio_mmio *v = device;
    (void)now;
    for (uint32_t queue = 0; queue < v->type->queues; queue++) {
        if ((v->later & 1u << queue) != 0) {
            give_turn(v, queue);
        }
    }
}

const struct device_ops virtio_mmio_ops = {
    .read = virtio_read,
    .write = virtio_write,
    .deadline = virtio_deadline,
    .advance = virtio_advance,
    .reset = virtio_reset,
};
