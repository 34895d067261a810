/* SPDX-License-Identifier: MIT */
#include "root/devices/virtio_blk.h"

#include "root/lib/string.h"

#define DEVICE_ID 2u
#define SECTOR 512u
#define HEADER 16u /* type, reserved, sector */
#define F_SEG_MAX (1ull << 2)
#define F_RO (1ull << 5)
#define F_BLK_SIZE (1ull << 6)
#define F_FLUSH (1ull << 9)
#define SEG_MAX (VIRTQUEUE_PARTS - 2)

#define T_IN 0u
#define T_OUT 1u
#define T_FLUSH 4u
#define T_GET_ID 8u
#define S_OK_BYTE 0u
#define S_IOERR 1u
#define S_UNSUPP 2u
#define TURN_BYTES (16u << 20)   /* about as much as a turn of `notify` moves */
#define REQUEST_COST (64u << 10) /* what a request counts for besides its bytes */

#define CONFIG_CAPACITY 0u
#define CONFIG_SEG_MAX 12u
#define CONFIG_BLK_SIZE 20u

static uint8_t byte_of(uint64_t value, uint32_t at)
{
    return (uint8_t)(value >> 8 * at);
}

static uint8_t config(const struct virtio_mmio *v, uint32_t offset)
{
    const struct virtio_blk *b = v->device;
    if (offset < CONFIG_CAPACITY + 8) {
        return byte_of(b->sectors, offset);
    }
    if (offset >= CONFIG_SEG_MAX && offset < CONFIG_SEG_MAX + 4) {
        return byte_of(SEG_MAX, offset - CONFIG_SEG_MAX);
    }
    if (offset >= CONFIG_BLK_SIZE && offset < CONFIG_BLK_SIZE + 4) {
        return byte_of(SECTOR, offset - CONFIG_BLK_SIZE);
    }
    return 0;
}

/* Whether `bytes` from `sector` on are whole sectors of the disk. */
static bool on_disk(const struct virtio_blk *b, uint64_t sector, uint64_t bytes)
{
    return bytes % SECTOR == 0 && sector <= b->sectors && bytes / SECTOR <= b->sectors - sector;
}

/* To the writable parts but for the status byte at their end. */
static uint8_t read_disk(struct virtio_blk *b, const struct virtqueue_chain *c, uint64_t sector, uint32_t *written)
{
    const struct virtqueue_part *to = &c->parts[c->readable];
    uint64_t bytes = virtqueue_bytes(to, c->writable) - 1;
    if (!on_disk(b, sector, bytes) || bytes > UINT32_MAX - 1) {
        return S_IOERR;
    }
    *written = virtqueue_scatter(to, c->writable, 0, b->data + sector * SECTOR, (uint32_t)bytes);
    return S_OK_BYTE;
}

static uint8_t write_disk(struct virtio_blk *b, const struct virtqueue_chain *c, uint64_t sector)
{
    uint64_t bytes = virtqueue_bytes(c->parts, c->readable) - HEADER;
    if (b->readonly || !on_disk(b, sector, bytes) || bytes > UINT32_MAX) {
        return S_IOERR;
    }
    (void)virtqueue_gather(c->parts, c->readable, HEADER, b->data + sector * SECTOR, (uint32_t)bytes);
    return S_OK_BYTE;
}

static uint8_t give_id(const struct virtio_blk *b, const struct virtqueue_chain *c, uint32_t *written)
{
    uint64_t room = virtqueue_bytes(&c->parts[c->readable], c->writable) - 1;
    uint32_t size = room < VIRTIO_BLK_ID ? (uint32_t)room : VIRTIO_BLK_ID;
    *written = virtqueue_scatter(&c->parts[c->readable], c->writable, 0, b->id, size);
    return S_OK_BYTE;
}

static uint8_t execute(struct virtio_blk *b, const struct virtqueue_chain *c, uint32_t *written)
{
    uint32_t header[HEADER / 4];
    (void)virtqueue_gather(c->parts, c->readable, 0, header, HEADER);
    uint64_t sector = header[2] | (uint64_t)header[3] << 32;
    switch (header[0]) {
    case T_IN:
        return read_disk(b, c, sector, written);
    case T_OUT:
        return write_disk(b, c, sector);
    case T_FLUSH:
        return S_OK_BYTE; /* memory is all the store there is */
    case T_GET_ID:
        return give_id(b, c, written);
    default:
        return S_UNSUPP;
    }
}

/* False: a request without a header to read or a status byte to write. */
static bool serve(struct virtio_blk *b, const struct virtqueue_chain *c, bool *interrupt)
{
    uint64_t room = virtqueue_bytes(&c->parts[c->readable], c->writable);
    if (virtqueue_bytes(c->parts, c->readable) < HEADER || room == 0) {
        return false;
    }
    uint32_t written = 0;
    uint8_t status = execute(b, c, &written);
    (void)virtqueue_scatter(&c->parts[c->readable], c->writable, room - 1, &status, 1);
    *interrupt |= virtqueue_give(&b->mmio.queues[0], b->mmio.memory, c->head, written + 1);
    return true;
}

/* The bytes that a request may move at most; what it says is not checked yet. */
static uint64_t cost(const struct virtqueue_chain *c)
{
    return virtqueue_bytes(c->parts, c->readable + c->writable) + REQUEST_COST;
}

static void notify(struct virtio_mmio *v, uint32_t queue)
{
    struct virtio_blk *b = v->device;
    struct virtqueue_chain chain;
    enum virtqueue_result result;
    bool interrupt = false;
    uint64_t spent = 0;
    do {
        result = virtqueue_take(&v->queues[queue], v->memory, &chain);
        if (result == VIRTQUEUE_TAKEN && !serve(b, &chain, &interrupt)) {
            result = VIRTQUEUE_BROKEN;
        }
        spent += result == VIRTQUEUE_TAKEN ? cost(&chain) : 0;
    } while (result == VIRTQUEUE_TAKEN && spent < TURN_BYTES);
    if (interrupt) {
        virtio_mmio_interrupt(v);
    }
    if (result == VIRTQUEUE_BROKEN) {
        virtio_mmio_break(v);
    } else if (result == VIRTQUEUE_TAKEN) {
        virtio_mmio_later(v, queue);
    }
}

static const struct virtio_type type = {.id = DEVICE_ID, .queues = 1, .notify = notify, .config = config};

static void name(struct virtio_blk *b, uint32_t number)
{
    static const char prefix[] = "whimbrel-";
    memset(b->id, 0, sizeof(b->id));
    memcpy(b->id, prefix, sizeof(prefix) - 1);
    b->id[sizeof(prefix) - 1] = (char)('0' + number / 10 % 10);
    b->id[sizeof(prefix)] = (char)('0' + number % 10);
}

void virtio_blk_init(struct virtio_blk *b, const struct guest_memory *memory, const struct irq_line *irq, uint8_t *data,
                     uint64_t size, bool readonly)
{
    b->data = data;
    b->sectors = size / SECTOR;
    b->readonly = readonly;
    name(b, irq->line);
    virtio_mmio_init(&b->mmio, &type, b, memory, irq, F_SEG_MAX | F_BLK_SIZE | F_FLUSH | (readonly ? F_RO : 0));
}
