/* SPDX-License-Identifier: MIT */
/* sources: root/devices/virt*.c */
/*
 * A driver that does anything to a disk and a console: register accesses, rings that are nearly right or quite wrong,
 * memory that another CPU changes meanwhile. The devices keep to the guest's memory and their own, the interrupt line
 * is what the registers say, every request comes back once, and a broken device stays so.
 */
#include <pthread.h>
#include <string.h>

#include "root/devices/virtio_blk.h"
#include "root/devices/virtio_console.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

#define LOW_SIZE 0x4000u
#define HIGH_SIZE 0x1000u
#define DISK_SIZE (9 * 512u + 100)
#define QUEUE_SIZE 8u
#define RING(q) ((q)*0x1000u)
#define BUFFERS 0x2000u
#define HEADERS 0x3000u
#define MOST_STEPS 400u

enum { NOTIFY = 0x50, STATUS = 0x70, STARTED = 15, NEEDS_RESET = 0x40 };

struct world {
    struct tape tape;
    struct guest_memory memory;
    struct virtio_blk disk;
    struct virtio_console console;
    struct virtio_mmio *device;
    uint8_t *image;
    bool line[2];
    uint32_t noise; /* of the other CPU; 0: there is none */
    uint32_t stop;  /* atomic */
};

static void set_line(void *context, uint32_t line, bool level)
{
    struct world *w = context;
    w->line[line] = level;
}

/* The guest changes something between two bytes of its output. */
static void on_byte(void *context, uint8_t byte)
{
    struct world *w = context;
    if (byte == 0xee) {
        w->memory.low[tape_u64(&w->tape) % LOW_SIZE] = tape_byte(&w->tape);
    }
}

static void on_drained(void *context)
{
    struct world *w = context;
    for (unsigned n = tape_choose(&w->tape, 20); n > 0 && virtio_console_room(&w->console) != 0; n--) {
        virtio_console_receive(&w->console, (uint8_t)n);
    }
}

static void *other_cpu(void *context)
{
    struct world *w = context;
    uint32_t x = w->noise;
    while (__atomic_load_n(&w->stop, __ATOMIC_RELAXED) == 0) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        uint8_t *at = &w->memory.low[(x >> 8) % (2 * 0x1000)];
        __atomic_store_n(at, (uint8_t)(x & 15), __ATOMIC_RELAXED);
    }
    return NULL;
}

static void out(struct world *w, uint64_t offset, uint32_t value)
{
    virtio_mmio_ops.write(w->device, offset, 4, value);
}

/* One of the device's queues, if it has several. */
static uint32_t choose_queue(struct world *w)
{
    return tape_choose(&w->tape, w->device->type->queues);
}

static void set_up_queue(struct world *w, uint32_t queue)
{
    out(w, 0x30, queue);
    out(w, 0x38, QUEUE_SIZE);
    for (uint32_t half = 0; half < 3; half++) {
        out(w, 0x80 + half * 16, RING(queue) + half * 0x200);
        out(w, 0x84 + half * 16, 0);
    }
    out(w, 0x44, 1);
}

static void start(struct world *w)
{
    memset(w->memory.low, 0, BUFFERS);
    out(w, STATUS, 0);
    out(w, 0x24, 1);
    out(w, 0x20, 1);
    out(w, 0x24, 0);
    out(w, 0x20, 1u << 28);
    out(w, STATUS, STARTED & ~4);
    for (uint32_t queue = 0; queue < w->device->type->queues; queue++) {
        set_up_queue(w, queue);
    }
    out(w, STATUS, STARTED);
    CHECK(virtio_mmio_runs(w->device) || w->noise != 0);
}

static uint64_t buffer(struct world *w)
{
    uint8_t choice = tape_byte(&w->tape);
    if (choice == 0xff) {
        return tape_u64(&w->tape);
    }
    return (choice & 1) != 0 ? GUEST_HIGH_BASE + choice * 8u : BUFFERS + choice * 16u;
}

/* In queue `queue`'s table, or where indirect tables are. */
static void put_descriptor(struct world *w, uint32_t queue)
{
    static const uint32_t lengths[] = {1, 16, 512, 513, 1024, 48, 17, 4096};
    uint64_t address = buffer(w);
    uint8_t shape = tape_byte(&w->tape), place = tape_byte(&w->tape);
    uint32_t length = shape == 0xff ? (uint32_t)tape_u64(&w->tape) : lengths[shape & 7];
    uint16_t flags = shape >> 3 & 7, next = (uint16_t)(place >> 4 & 7);
    uint8_t *at = w->memory.low + ((place & 0x80) != 0 ? BUFFERS : RING(queue)) + (place & 7) * 16;
    memcpy(at, &address, 8);
    memcpy(at + 8, &length, 4);
    memcpy(at + 12, &flags, 2);
    memcpy(at + 14, &next, 2);
}

static void put_header(struct world *w)
{
    uint32_t words[4] = {tape_choose(&w->tape, 12), 0, tape_choose(&w->tape, 12), tape_byte(&w->tape) == 0xff ? 1 : 0};
    memcpy(w->memory.low + HEADERS, words, sizeof(words));
}

/* Header, data, status: the disk's usual request, of `data` bytes. */
static void put_request(struct world *w)
{
    uint16_t write = tape_byte(&w->tape) & 2;
    const uint64_t address[3] = {HEADERS, buffer(w), HEADERS + 64};
    const uint32_t length[3] = {16, 512 * (1 + tape_choose(&w->tape, 4)), 1};
    const uint16_t flags[3] = {1, 1 | write, 2};
    put_header(w);
    for (uint16_t i = 0; i < 3; i++) {
        uint8_t *at = w->memory.low + RING(0) + i * 16;
        uint16_t next = i + 1;
        memcpy(at, &address[i], 8);
        memcpy(at + 8, &length[i], 4);
        memcpy(at + 12, &flags[i], 2);
        memcpy(at + 14, &next, 2);
    }
}

static void offer(struct world *w, uint32_t queue)
{
    uint8_t *ring = w->memory.low + RING(queue) + 0x200;
    uint16_t index, head = (uint16_t)tape_choose(&w->tape, QUEUE_SIZE + (tape_byte(&w->tape) == 0xff ? 1 : 0));
    memcpy(&index, ring + 2, 2);
    memcpy(ring + 4 + 2 * (index++ % QUEUE_SIZE), &head, 2);
    memcpy(ring + 2, &index, 2);
}

/* Nothing that a driver does to a broken device reaches memory. */
static void expect_silence(struct world *w)
{
    static uint8_t before[LOW_SIZE];
    memcpy(before, w->memory.low, LOW_SIZE);
    for (uint32_t queue = 0; queue < w->device->type->queues; queue++) {
        out(w, NOTIFY, queue);
    }
    virtio_console_receive(&w->console, 1);
    virtio_mmio_ops.advance(w->device, 0);
    CHECK(w->device->later == 0);
    CHECK(w->device != &w->console.mmio || w->noise != 0 || memcmp(before, w->memory.low, LOW_SIZE) == 0);
}

static void check(struct world *w)
{
    const struct virtio_mmio *v = w->device;
    uint32_t line = v == &w->disk.mmio ? 0 : 1;
    CHECK(w->line[line] == (v->interrupts != 0) && (v->interrupts & ~3u) == 0);
    CHECK((v->driver_features & ~v->features) == 0 || (v->status & 8) == 0);
    CHECK(v->later < 1u << v->type->queues);
    for (uint32_t i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        const struct virtqueue *q = &v->queues[i];
        CHECK(!q->ready || virtqueue_check(q, v->memory));
        CHECK(!virtio_mmio_runs(v) || !q->ready || q->taken == q->used);
    }
    if ((v->status & NEEDS_RESET) != 0) {
        expect_silence(w);
    }
}

static void any_access(struct world *w)
{
    uint64_t offset = tape_byte(&w->tape);
    uint32_t size = 1u << tape_choose(&w->tape, 4);
    offset = (offset & 0xc0) == 0xc0 ? 0x100 + (offset & 0x3f) : offset * 4 % 0x100;
    if (tape_byte(&w->tape) < 0x60) {
        uint64_t value = virtio_mmio_ops.read(w->device, offset, size);
        CHECK(offset != 0 || size != 4 || value == 0x74726976);
    } else {
        uint8_t small = tape_byte(&w->tape);
        virtio_mmio_ops.write(w->device, offset, size, small == 0xff ? tape_u64(&w->tape) : small);
    }
}

static void step(struct world *w)
{
    switch (tape_choose(&w->tape, 16)) {
    case 0:
        w->device = w->device == &w->disk.mmio ? &w->console.mmio : &w->disk.mmio;
        break;
    case 1:
        start(w);
        break;
    case 2:
        any_access(w);
        break;
    case 3:
        w->memory.low[tape_u64(&w->tape) % LOW_SIZE] = tape_byte(&w->tape);
        break;
    case 4:
        put_header(w);
        break;
    case 5:
        virtio_mmio_ops.advance(w->device, 0);
        break;
    case 6:
        virtio_console_receive(&w->console, tape_byte(&w->tape));
        break;
    case 7:
        put_request(w);
        break;
    case 8:
    case 9:
        out(w, NOTIFY, choose_queue(w));
        break;
    case 10:
    case 11:
    case 12:
        offer(w, choose_queue(w));
        break;
    default:
        put_descriptor(w, choose_queue(w));
    }
    check(w);
}

/* What is left is done in a limited number of turns, if the guest's memory stays as it is. */
static void finish(struct world *w)
{
    w->tape.left = 0;
    for (unsigned turns = 0; virtio_mmio_ops.deadline(w->device) != DEVICE_NEVER; turns++) {
        CHECK(turns < 1000 || w->noise != 0);
        if (turns == 1000) {
            break;
        }
        virtio_mmio_ops.advance(w->device, 0);
    }
    virtio_mmio_ops.reset(w->device);
    check(w);
    CHECK(!virtio_mmio_runs(w->device));
}

static void run(struct world *w, bool readonly)
{
    struct irq_line lines[2] = {{set_line, w, 0}, {set_line, w, 1}};
    const struct byte_sink sink = {on_byte, w};
    pthread_t thread;
    virtio_blk_init(&w->disk, &w->memory, &lines[0], w->image, DISK_SIZE, readonly);
    virtio_console_init(&w->console, &w->memory, &lines[1], &sink, on_drained, w);
    w->device = readonly ? &w->console.mmio : &w->disk.mmio;
    start(w);
    bool threaded = w->noise != 0 && pthread_create(&thread, NULL, other_cpu, w) == 0;
    for (unsigned i = 0; i < MOST_STEPS && w->tape.left != 0; i++) {
        step(w);
    }
    finish(w);
    if (threaded) {
        __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
        (void)pthread_join(thread, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t before[DISK_SIZE];
    static struct world w;
    w = (struct world){.tape = {data, size}};
    bool readonly = (tape_byte(&w.tape) & 1) != 0;
    uint8_t noise = tape_byte(&w.tape);
    w.noise = noise > 0xf0 ? noise : 0;
    w.memory = (struct guest_memory){calloc(1, LOW_SIZE), LOW_SIZE, calloc(1, HIGH_SIZE), HIGH_SIZE};
    w.image = malloc(DISK_SIZE);
    memset(w.image, 0xee, DISK_SIZE);
    memset(before, 0xee, DISK_SIZE);
    run(&w, readonly);
    CHECK(!readonly || memcmp(w.image, before, DISK_SIZE) == 0);
    CHECK(memcmp(w.image + DISK_SIZE / 512 * 512, before, DISK_SIZE % 512) == 0);
    free(w.image);
    free(w.memory.low);
    free(w.memory.high);
    return 0;
}
