/* SPDX-License-Identifier: MIT */
/* sources: root/devices/virtio_blk.c root/devices/virtio_mmio.c root/devices/virtqueue.c tests/unit/virtio_driver.c */
#include "root/devices/virtio_blk.h"

#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/virtio_driver.h"

#define QUEUE 0u
#define SIZE 16u
#define SECTOR 512u
#define SECTORS 100u
#define HEADER BUFFERS
#define STATUS_BYTE (BUFFERS + 0x100u)
#define DATA (BUFFERS + 0x1000u)
#define NOT_WRITTEN 0xcc

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

static uint8_t image[SECTORS * SECTOR + 17];
static struct virtio_blk disk;

static void start(uint64_t size, bool readonly)
{
    driver_fresh(&disk.mmio);
    for (size_t i = 0; i < sizeof(image); i++) {
        image[i] = (uint8_t)(i / SECTOR * 7 + i);
    }
    virtio_blk_init(&disk, &memory, &driver_irq, image, size, readonly);
    driver_start(SIZE);
}

static int fresh(void **state)
{
    (void)state;
    start(sizeof(image), false);
    return 0;
}

static void put_header(uint32_t kind, uint64_t sector)
{
    uint32_t words[4] = {kind, 0, (uint32_t)sector, (uint32_t)(sector >> 32)};
    memcpy(ram + HEADER, words, sizeof(words));
}

/* Header, data (if any) and status, each its own descriptor from 0 on. */
static void put_request(uint32_t kind, uint64_t sector, uint32_t size)
{
    put_header(kind, sector);
    put_descriptor(DESC_OF(QUEUE), 0, HEADER, 16, NEXT, size != 0 ? 1 : 2);
    put_descriptor(DESC_OF(QUEUE), 1, DATA, size, (uint16_t)(kind == T_OUT ? NEXT : NEXT | WRITE), 2);
    put_descriptor(DESC_OF(QUEUE), 2, STATUS_BYTE, 1, WRITE, 0);
    ram[STATUS_BYTE] = NOT_WRITTEN;
}

/* The request is served at once; returns its status. */
static uint8_t request(uint32_t kind, uint64_t sector, uint32_t size, uint32_t *length)
{
    put_request(kind, sector, size);
    offer(QUEUE, 0);
    notify(QUEUE);
    struct used used = take_used(QUEUE);
    assert_int_equal(used.id, 0);
    *length = used.length;
    return ram[STATUS_BYTE];
}

static void expect_request(uint32_t kind, uint64_t sector, uint32_t size, uint8_t status, uint32_t length)
{
    uint32_t came;
    assert_int_equal(request(kind, sector, size, &came), status);
    assert_int_equal(came, length);
}

static uint64_t config(uint32_t offset, uint32_t size)
{
    return virtio_mmio_ops.read(&disk.mmio, CONFIG + offset, size) & (size == 8 ? UINT64_MAX : (1ull << 8 * size) - 1);
}

static void identity(void **state)
{
    (void)state;
    uint64_t features = 1u << 2 | 1u << 6 | 1u << 9; /* SEG_MAX, BLK_SIZE, FLUSH */
    features |= VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC;
    assert_int_equal(in(DEVICE_ID), 2);
    assert_int_equal(driver_features(), features);
    start(sizeof(image), true);
    assert_int_equal(driver_features(), features | 1u << 5);
    out(QUEUE_SEL, 1);
    assert_int_equal(in(QUEUE_NUM_MAX), 0);
}

static void configuration(void **state)
{
    (void)state;
    assert_int_equal(config(0, 8), SECTORS); /* the 17 bytes behind the last sector are not offered */
    assert_int_equal(config(0, 4), SECTORS);
    assert_int_equal(config(4, 4), 0);
    assert_int_equal(config(8, 4), 0);
    assert_int_equal(config(12, 4), VIRTQUEUE_PARTS - 2);
    assert_int_equal(config(16, 4), 0);
    assert_int_equal(config(20, 4), SECTOR);
    assert_int_equal(config(21, 1), 2);
    assert_int_equal(config(24, 8), 0);
    assert_int_equal(virtio_mmio_ops.read(&disk.mmio, 0xff8, 8), 0);
}

static void reads(void **state)
{
    (void)state;
    expect_request(T_IN, 3, 1024, S_OK, 1025);
    assert_memory_equal(ram + DATA, image + 3 * 512, 1024);
    assert_int_equal(ram[DATA + 1024], NOT_WRITTEN);
    assert_int_equal(ram[STATUS_BYTE + 1], NOT_WRITTEN);
    expect_request(T_IN, SECTORS - 1, 512, S_OK, 513);
    assert_memory_equal(ram + DATA, image + 99 * 512, 512);
    expect_request(T_IN, 0, SECTORS * SECTOR, S_OK, SECTORS * SECTOR + 1);
    assert_memory_equal(ram + DATA, image, SECTORS * SECTOR);
    expect_request(T_IN, SECTORS, 0, S_OK, 1);
}

static void writes(void **state)
{
    (void)state;
    static uint8_t before[sizeof(image)];
    memcpy(before, image, sizeof(image));
    memset(ram + DATA, 0x5a, 1024);
    expect_request(T_OUT, SECTORS - 2, 1024, S_OK, 1);
    assert_memory_equal(image + 98 * 512, ram + DATA, 1024);
    assert_memory_equal(image, before, 98 * 512);
    assert_memory_equal(image + 100 * 512, before + 100 * 512, 17);
    memset(ram + DATA, 0, 1024);
    expect_request(T_IN, SECTORS - 1, 512, S_OK, 513);
    assert_int_equal(ram[DATA], 0x5a);
    assert_int_equal(ram[DATA + 511], 0x5a);
}

static void accesses_beyond_the_end(void **state)
{
    static const uint64_t sectors[] = {SECTORS,    SECTORS - 1, SECTORS + 1, UINT32_MAX,
                                       1ull << 32, 1ull << 55,  UINT64_MAX,  UINT64_MAX - 1};
    static uint8_t before[sizeof(image)];
    (void)state;
    memcpy(before, image, sizeof(image));
    for (unsigned i = 0; i < sizeof(sectors) / sizeof(sectors[0]); i++) {
        expect_request(T_IN, sectors[i], 1024, S_IOERR, 1);
        assert_int_equal(ram[DATA], NOT_WRITTEN);
        expect_request(T_OUT, sectors[i], 1024, S_IOERR, 1);
    }
    assert_memory_equal(image, before, sizeof(image));
    assert_int_equal(in(STATUS)&NEEDS_RESET, 0);
}

static void parts_of_sectors(void **state)
{
    (void)state;
    expect_request(T_IN, 0, 511, S_IOERR, 1);
    expect_request(T_IN, 0, 513, S_IOERR, 1);
    expect_request(T_OUT, 0, 100, S_IOERR, 1);
}

static void a_disk_to_read_only(void **state)
{
    (void)state;
    start(sizeof(image), true);
    uint8_t before = image[0];
    memset(ram + DATA, (uint8_t)~before, 512);
    expect_request(T_OUT, 0, 512, S_IOERR, 1);
    assert_int_equal(image[0], before);
    expect_request(T_IN, 0, 512, S_OK, 513);
    assert_int_equal(ram[DATA], before);
}

static void an_empty_disk(void **state)
{
    (void)state;
    start(SECTOR - 1, false);
    assert_int_equal(config(0, 8), 0);
    expect_request(T_IN, 0, 512, S_IOERR, 1);
    expect_request(T_OUT, 0, 512, S_IOERR, 1);
}

static void flush_and_identity(void **state)
{
    (void)state;
    expect_request(T_FLUSH, 0, 0, S_OK, 1);
    expect_request(T_GET_ID, 0, 20, S_OK, 21);
    assert_memory_equal(ram + DATA, "whimbrel-10\0\0\0\0\0\0\0\0", 20);
    ram[DATA + 20] = NOT_WRITTEN;
    expect_request(T_GET_ID, 0, 512, S_OK, 21);
    assert_int_equal(ram[DATA + 20], NOT_WRITTEN);
    memset(ram + DATA, NOT_WRITTEN, 20);
    expect_request(T_GET_ID, 0, 3, S_OK, 4);
    assert_memory_equal(ram + DATA, "whi\xcc", 4);
}

static void what_is_not_offered(void **state)
{
    static const uint32_t kinds[] = {2, 3, 5, 6, 7, 9, T_DISCARD, 12, T_WRITE_ZEROES, 1u << 31, UINT32_MAX};
    (void)state;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        expect_request(kinds[i], 0, 512, S_UNSUPP, 1);
        assert_int_equal(ram[DATA], NOT_WRITTEN);
    }
}

/* The device must not care how a request is cut into descriptors (virtio 1.2, 2.7.4). */
static void any_framing(void **state)
{
    (void)state;
    put_header(T_IN, 5);
    put_descriptor(DESC_OF(QUEUE), 0, HEADER, 5, NEXT, 1);
    put_descriptor(DESC_OF(QUEUE), 1, HEADER + 5, 11, NEXT, 2);
    put_descriptor(DESC_OF(QUEUE), 2, DATA, 300, NEXT | WRITE, 3);
    put_descriptor(DESC_OF(QUEUE), 3, DATA + 300, 213, WRITE, 0); /* its last byte is the status */
    offer(QUEUE, 0);
    notify(QUEUE);
    assert_int_equal(take_used(QUEUE).length, 513);
    assert_memory_equal(ram + DATA, image + 5 * 512, 512);
    assert_int_equal(ram[DATA + 512], S_OK);
    put_header(T_OUT, 7);
    memset(ram + HEADER + 16, 0x77, 512);
    put_descriptor(DESC_OF(QUEUE), 0, HEADER, 16 + 512, NEXT, 1);
    put_descriptor(DESC_OF(QUEUE), 1, DATA, 1, WRITE, 0);
    offer(QUEUE, 0);
    notify(QUEUE);
    assert_int_equal(take_used(QUEUE).length, 1);
    assert_int_equal(ram[DATA], S_OK);
    assert_memory_equal(image + 7 * 512, ram + HEADER + 16, 512);
}

static void all_segments_by_an_indirect_table(void **state)
{
    (void)state;
    uint32_t last = VIRTQUEUE_PARTS - 1, table = DATA + 0x8000;
    put_header(T_IN, 1);
    put_descriptor(table, 0, HEADER, 16, NEXT, 1);
    for (uint32_t i = 1; i < last; i++) { /* in reverse */
        put_descriptor(table, i, DATA + (127 - (i - 1)) * 32, 32, NEXT | WRITE, (uint16_t)(i + 1));
    }
    put_descriptor(table, last, STATUS_BYTE, 1, WRITE, 0);
    put_descriptor(DESC_OF(QUEUE), 9, table, VIRTQUEUE_PARTS * 16, INDIRECT, 0);
    offer(QUEUE, 9);
    notify(QUEUE);
    struct used used = take_used(QUEUE);
    assert_int_equal(used.id, 9);
    assert_int_equal(used.length, 128 * 32 + 1);
    for (uint32_t i = 0; i < 128; i++) {
        assert_memory_equal(ram + DATA + (127 - i) * 32, image + 512 + i * 32, 32);
    }
}

static void broken_requests(void **state)
{
    (void)state;
    put_request(T_IN, 0, 512);
    put_descriptor(DESC_OF(QUEUE), 0, HEADER, 15, NEXT, 1); /* no whole header */
    offer(QUEUE, 0);
    notify(QUEUE);
    expect_broken();
    driver_start(SIZE);
    put_request(T_FLUSH, 0, 0);
    put_descriptor(DESC_OF(QUEUE), 0, HEADER, 16, 0, 0); /* nothing to write */
    offer(QUEUE, 0);
    notify(QUEUE);
    expect_broken();
    assert_int_equal(used_index(QUEUE), 0);
    driver_start(SIZE);
    put_request(T_IN, 0, 512);
    put_descriptor(DESC_OF(QUEUE), 1, UINT64_MAX - 511, 512, NEXT | WRITE, 2);
    offer(QUEUE, 0);
    notify(QUEUE);
    expect_broken();
}

static void good_requests_before_a_broken_one(void **state)
{
    (void)state;
    put_request(T_FLUSH, 0, 0);
    offer(QUEUE, 0);
    offer(QUEUE, SIZE);
    offer(QUEUE, 0);
    notify(QUEUE);
    assert_int_equal(used_index(QUEUE), 1);
    assert_int_equal(in(INTERRUPT_STATUS), 3);
    expect_broken();
}

static void one_interrupt_for_many(void **state)
{
    (void)state;
    put_request(T_FLUSH, 0, 0);
    for (uint32_t i = 0; i < SIZE; i++) {
        offer(QUEUE, 0);
    }
    notify(QUEUE);
    assert_int_equal(used_index(QUEUE), SIZE);
    assert_int_equal(driver.raised, 1);
    assert_int_equal(in(INTERRUPT_STATUS), 1);
    out(INTERRUPT_ACK, 1);
    assert_false(driver.line);
    notify(QUEUE); /* nothing there */
    assert_false(driver.line);
    set_no_interrupt(QUEUE, true);
    offer(QUEUE, 0);
    notify(QUEUE);
    assert_int_equal(used_index(QUEUE), SIZE + 1);
    assert_false(driver.line);
}

static void reset_between_requests(void **state)
{
    (void)state;
    uint32_t length;
    memset(ram + DATA, 0x11, 512);
    assert_int_equal(request(T_OUT, 0, 512, &length), S_OK);
    put_request(T_IN, 0, 512);
    offer(QUEUE, 0);
    out(STATUS, 0);
    assert_false(driver.line);
    notify(QUEUE);
    assert_int_equal(ram[STATUS_BYTE], NOT_WRITTEN);
    driver_start(SIZE);
    notify(QUEUE);
    assert_int_equal(ram[STATUS_BYTE], NOT_WRITTEN);
    expect_request(T_IN, 0, 512, S_OK, 513);
    assert_int_equal(ram[DATA], 0x11); /* what was written stays */
}

/* 256 requests cost 16 MiB, so that a turn ends; the next ones bring the rest without another notice. */
static void long_work_in_turns(void **state)
{
    (void)state;
    driver_start(VIRTQUEUE_MAX);
    put_request(T_IN, 0, SECTORS * SECTOR);
    for (uint32_t i = 0; i < VIRTQUEUE_MAX; i++) {
        offer(QUEUE, 0);
    }
    notify(QUEUE);
    uint16_t before = used_index(QUEUE);
    assert_in_range(before, 1, VIRTQUEUE_MAX - 1);
    unsigned turns = 1;
    while (virtio_mmio_ops.deadline(&disk.mmio) == 0) {
        out(INTERRUPT_ACK, 1);
        virtio_mmio_ops.advance(&disk.mmio, turns++);
        assert_true(driver.line);
        assert_true(used_index(QUEUE) > before);
        before = used_index(QUEUE);
    }
    assert_int_equal(before, VIRTQUEUE_MAX);
    assert_in_range(turns, 2, 8);
}

static void the_rings_go_around(void **state)
{
    (void)state;
    put_request(T_FLUSH, 0, 0);
    for (uint32_t n = 0; n < 0x10000 + 5; n++) {
        ram[STATUS_BYTE] = NOT_WRITTEN;
        offer(QUEUE, 0);
        notify(QUEUE);
        assert_int_equal(ram[STATUS_BYTE], S_OK);
        (void)take_used(QUEUE);
    }
    assert_int_equal(used_index(QUEUE), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(identity, fresh),
        cmocka_unit_test_setup(configuration, fresh),
        cmocka_unit_test_setup(reads, fresh),
        cmocka_unit_test_setup(writes, fresh),
        cmocka_unit_test_setup(accesses_beyond_the_end, fresh),
        cmocka_unit_test_setup(parts_of_sectors, fresh),
        cmocka_unit_test_setup(a_disk_to_read_only, fresh),
        cmocka_unit_test_setup(an_empty_disk, fresh),
        cmocka_unit_test_setup(flush_and_identity, fresh),
        cmocka_unit_test_setup(what_is_not_offered, fresh),
        cmocka_unit_test_setup(any_framing, fresh),
        cmocka_unit_test_setup(all_segments_by_an_indirect_table, fresh),
        cmocka_unit_test_setup(broken_requests, fresh),
        cmocka_unit_test_setup(good_requests_before_a_broken_one, fresh),
        cmocka_unit_test_setup(one_interrupt_for_many, fresh),
        cmocka_unit_test_setup(reset_between_requests, fresh),
        cmocka_unit_test_setup(long_work_in_turns, fresh),
        cmocka_unit_test_setup(the_rings_go_around, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
