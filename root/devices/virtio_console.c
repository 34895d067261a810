/* SPDX-License-Identifier: MIT */
#include "root/devices/virtio_console.h"

#define DEVICE_ID 3u
#define QUEUE_RECEIVE 0u
#define QUEUE_TRANSMIT 1u

uint32_t virtio_console_room(const struct virtio_console *c)
{
    bool room = virtio_mmio_runs(&c->mmio) && virtqueue_waits(&c->mmio.queues[QUEUE_RECEIVE], c->mmio.memory);
    return room ? 1 : 0;
}

void virtio_console_receive(struct virtio_console *c, uint8_t byte)
{
    struct virtio_mmio *v = &c->mmio;
    struct virtqueue *q = &v->queues[QUEUE_RECEIVE];
    struct virtqueue_chain chain;
    if (!virtio_mmio_runs(v)) {
        return;
    }
    enum virtqueue_result result = virtqueue_take(q, v->memory, &chain);
    if (result == VIRTQUEUE_BROKEN || (result == VIRTQUEUE_TAKEN && chain.writable == 0)) {
        virtio_mmio_break(v);
    } else if (result == VIRTQUEUE_TAKEN) {
        (void)virtqueue_scatter(&chain.parts[chain.readable], chain.writable, 0, &byte, 1);
        if (virtqueue_give(q, v->memory, chain.head, 1)) {
            virtio_mmio_interrupt(v);
        }
    }
}

static void send(struct virtio_console *c, const struct virtqueue_chain *chain)
{
    for (uint32_t i = 0; i < chain->readable; i++) {
        for (uint32_t n = 0; n < chain->parts[i].size; n++) {
            sink_put(&c->out, chain->parts[i].data[n]);
        }
    }
}

static void transmit(struct virtio_console *c)
{
    struct virtio_mmio *v = &c->mmio;
    struct virtqueue *q = &v->queues[QUEUE_TRANSMIT];
    struct virtqueue_chain chain;
    enum virtqueue_result result = VIRTQUEUE_TAKEN;
    bool interrupt = false;
    for (uint32_t n = 0; n < VIRTQUEUE_MAX && result == VIRTQUEUE_TAKEN;
         n++) { /* later ones come with a later notice */
        result = virtqueue_take(q, v->memory, &chain);
        if (result == VIRTQUEUE_TAKEN) {
            send(c, &chain);
            interrupt |= virtqueue_give(q, v->memory, chain.head, 0);
        }
    }
    if (interrupt) {
        virtio_mmio_interrupt(v);
    }
    if (result == VIRTQUEUE_BROKEN) {
        virtio_mmio_break(v);
    }
}

static void notify(struct virtio_mmio *v, uint32_t queue)
{
    struct virtio_console *c = v->device;
    if (queue == QUEUE_TRANSMIT) {
        transmit(c);
    } else if (c->drained != NULL) {
        c->drained(c->context);
    }
}

static const struct virtio_type type = {.id = DEVICE_ID, .queues = 2, .notify = notify};

void virtio_console_init(struct virtio_console *c, const struct guest_memory *memory, const struct irq_line *irq,
                         const struct byte_sink *out, void (*drained)(void *context), void *context)
{
    c->out = *out;
    c->drained = drained;
    c->context = context;
    virtio_mmio_init(&c->mmio, &type, c, memory, irq, 0);
}
