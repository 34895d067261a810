/* SPDX-License-Identifier: MIT */
#include "root/devices/virtio_console.h"

#define DEVICE_ID 3u
#define QUEUE_RECEIVE 0u
#define QUEUE_TRANSMIT 1u
#define PIECE 256u
#define TURN_BYTES 4096u /* of output in one turn of `notify`: a serial line's third of a second */

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

/* Puts out up to `*budget` bytes of the request from byte `from` on; returns how far it came. */
static uint64_t send(struct virtio_console *c, const struct virtqueue_chain *chain, uint64_t from, uint32_t *budget)
{
    uint8_t bytes[PIECE];
    uint32_t n;
    do {
        uint32_t size = *budget < PIECE ? *budget : PIECE;
        n = virtqueue_gather(chain->parts, chain->readable, from, bytes, size);
        for (uint32_t i = 0; i < n; i++) {
            sink_put(&c->out, bytes[i]);
        }
        from += n;
        *budget -= n;
    } while (n != 0);
    return from;
}

/* One request. TAKEN: it went out and is back; EMPTY also when the budget did not suffice. */
static enum virtqueue_result transmit_one(struct virtio_console *c, uint32_t *budget, bool *interrupt)
{
    struct virtio_mmio *v = &c->mmio;
    struct virtqueue *q = &v->queues[QUEUE_TRANSMIT];
    struct virtqueue_chain chain;
    enum virtqueue_result result = virtqueue_take(q, v->memory, &chain);
    if (result != VIRTQUEUE_TAKEN) {
        return result;
    }
    uint64_t at = send(c, &chain, q->done, budget);
    if (at < virtqueue_bytes(chain.parts, chain.readable)) {
        virtqueue_put_back(q, at);
        virtio_mmio_later(v, QUEUE_TRANSMIT);
        return VIRTQUEUE_EMPTY;
    }
    *interrupt |= virtqueue_give(q, v->memory, chain.head, 0);
    return VIRTQUEUE_TAKEN;
}

static void transmit(struct virtio_console *c)
{
    struct virtio_mmio *v = &c->mmio;
    enum virtqueue_result result = VIRTQUEUE_TAKEN;
    uint32_t budget = TURN_BYTES;
    bool interrupt = false;
    for (uint32_t n = 0; n < VIRTQUEUE_MAX && result == VIRTQUEUE_TAKEN; n++) {
        result = transmit_one(c, &budget, &interrupt);
    }
    if (interrupt) {
        virtio_mmio_interrupt(v);
    }
    if (result == VIRTQUEUE_BROKEN) {
        virtio_mmio_break(v);
    } else if (result == VIRTQUEUE_TAKEN) {
        virtio_mmio_later(v, QUEUE_TRANSMIT);
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
