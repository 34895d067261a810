/* SPDX-License-Identifier: MIT */
/* sources: root/devices/virtio_mmio.c root/devices/virtqueue.c tests/unit/virtio_driver.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/virtio_driver.h"

#define SIZE 8u
#define TABLE (BUFFERS + 0x8000u) /* of indirect descriptors */

static struct virtio_mmio device;
static struct virtqueue *const q = &device.queues[0];
static struct virtqueue_chain chain;

static const struct virtio_type type = {.id = 7, .queues = 1};

static int fresh(void **state)
{
    (void)state;
    driver_fresh(&device);
    virtio_mmio_init(&device, &type, NULL, &memory, &driver_irq, 0);
    driver_start(SIZE);
    return 0;
}

static void put(uint32_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
    put_descriptor(DESC_OF(0), index, address, length, flags, next);
}

static void put_indirect(uint32_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
    put_descriptor(TABLE, index, address, length, flags, next);
}

static enum virtqueue_result take(void)
{
    memset(&chain, 0xa5, sizeof(chain));
    return virtqueue_take(q, &memory, &chain);
}

static void expect_part(uint32_t i, uint64_t address, uint32_t size)
{
    assert_ptr_equal(chain.parts[i].data, guest_memory_at(&memory, address, size));
    assert_int_equal(chain.parts[i].size, size);
}

static void expect_taken(uint16_t head, uint32_t readable, uint32_t writable)
{
    assert_int_equal(take(), VIRTQUEUE_TAKEN);
    assert_int_equal(chain.head, head);
    assert_int_equal(chain.readable, readable);
    assert_int_equal(chain.writable, writable);
}

static void an_empty_queue(void **state)
{
    (void)state;
    assert_false(virtqueue_waits(q, &memory));
    assert_int_equal(take(), VIRTQUEUE_EMPTY);
    q->ready = false;
    offer(0, 0);
    assert_false(virtqueue_waits(q, &memory));
    assert_int_equal(take(), VIRTQUEUE_EMPTY);
}

static void a_chain_in_its_order(void **state)
{
    (void)state;
    put(5, BUFFERS, 16, NEXT, 1);
    put(1, BUFFERS + 100, 7, NEXT, 0);
    put(0, GUEST_HIGH_BASE + 8, 512, NEXT | WRITE, 7);
    put(7, RAM_SIZE - 1, 1, WRITE, 3);
    offer(0, 5);
    assert_true(virtqueue_waits(q, &memory));
    expect_taken(5, 2, 2);
    assert_false(virtqueue_waits(q, &memory));
    expect_part(0, BUFFERS, 16);
    expect_part(1, BUFFERS + 100, 7);
    expect_part(2, GUEST_HIGH_BASE + 8, 512);
    expect_part(3, RAM_SIZE - 1, 1);
    assert_int_equal(take(), VIRTQUEUE_EMPTY);
}

static void a_chain_of_the_whole_queue(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SIZE; i++) {
        put(i, BUFFERS + i, 1, i + 1 < SIZE ? NEXT : 0, (uint16_t)(i + 1));
    }
    offer(0, 0);
    expect_taken(0, SIZE, 0);
}

/* Takes what stands at descriptor 0, and it must be refused; then the queue is as new again. */
static void expect_refused(void)
{
    offer(0, 0);
    assert_int_equal(take(), VIRTQUEUE_BROKEN);
    driver_start(SIZE);
}

static void chains_with_loops(void **state)
{
    (void)state;
    put(0, BUFFERS, 1, NEXT, 0);
    expect_refused();
    put(0, BUFFERS, 1, NEXT, 1);
    put(1, BUFFERS, 1, NEXT, 2);
    put(2, BUFFERS, 1, NEXT, 1);
    expect_refused();
}

static void chains_out_of_the_table(void **state)
{
    (void)state;
    put(0, BUFFERS, 1, NEXT, SIZE);
    put(SIZE, BUFFERS, 1, 0, 0); /* behind the table is what looks like a descriptor */
    expect_refused();
    put(SIZE, BUFFERS, 1, 0, 0);
    put(0, BUFFERS, 1, NEXT, UINT16_MAX);
    expect_refused();
    offer(0, SIZE);
    assert_int_equal(take(), VIRTQUEUE_BROKEN);
}

static void buffers_out_of_memory(void **state)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } cases[] = {{RAM_SIZE, 1},
                 {RAM_SIZE - 1, 2},
                 {0, RAM_SIZE + 1},
                 {0, UINT32_MAX},
                 {GUEST_HIGH_BASE - 1, 1},
                 {GUEST_HIGH_BASE - 1, 2},
                 {GUEST_HIGH_BASE + HIGH_SIZE - 1, 2},
                 {UINT64_MAX, 1},
                 {UINT64_MAX, 2},
                 {UINT64_MAX - 0xffff, UINT32_MAX},
                 {BUFFERS, 0}};
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put(0, cases[i].address, cases[i].length, 0, 0);
        expect_refused();
        put(0, cases[i].address, cases[i].length, WRITE, 0);
        expect_refused();
    }
}

static void readable_after_writable(void **state)
{
    (void)state;
    put(0, BUFFERS, 1, NEXT | WRITE, 1);
    put(1, BUFFERS, 1, 0, 0);
    expect_refused();
}

static void more_waiting_than_the_queue_holds(void **state)
{
    (void)state;
    put(0, BUFFERS, 1, 0, 0);
    for (uint32_t i = 0; i < SIZE; i++) {
        offer(0, 0);
    }
    expect_taken(0, 1, 0);
    offer(0, 0);
    expect_taken(0, 1, 0);
    offer(0, 0);
    offer(0, 0);
    assert_int_equal(take(), VIRTQUEUE_BROKEN);
}

static void the_index_goes_back(void **state)
{
    (void)state;
    put(0, BUFFERS, 1, 0, 0);
    offer(0, 0);
    expect_taken(0, 1, 0);
    memset(ram + AVAIL_OF(0) + 2, 0, 2);
    assert_int_equal(take(), VIRTQUEUE_BROKEN);
}

static void indirect_chains(void **state)
{
    (void)state;
    put_indirect(0, BUFFERS, 16, NEXT, 2);
    put_indirect(2, BUFFERS + 16, 32, NEXT | WRITE, 1);
    put_indirect(1, BUFFERS + 48, 1, WRITE, 0);
    put(3, TABLE, 48, INDIRECT | WRITE, 0); /* WRITE says nothing here (2.7.5.3.2) */
    offer(0, 3);
    expect_taken(3, 1, 2);
    expect_part(1, BUFFERS + 16, 32);
    expect_part(2, BUFFERS + 48, 1);
    put(4, BUFFERS + 64, 4, NEXT, 3); /* ordinary ones may come before */
    offer(0, 4);
    expect_taken(4, 2, 2);
    expect_part(0, BUFFERS + 64, 4);
}

static void indirect_tables_need_no_alignment(void **state)
{
    (void)state;
    put_descriptor(TABLE + 3, 0, BUFFERS, 9, WRITE, 0);
    put(0, TABLE + 3, 16, INDIRECT, 0);
    offer(0, 0);
    expect_taken(0, 0, 1);
    expect_part(0, BUFFERS, 9);
}

static void an_indirect_table_longer_than_the_queue(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < VIRTQUEUE_PARTS; i++) {
        put_indirect(i, BUFFERS + i, 1, i + 1 < VIRTQUEUE_PARTS ? NEXT : 0, (uint16_t)(i + 1));
    }
    put(0, TABLE, VIRTQUEUE_PARTS * 16, INDIRECT, 0);
    offer(0, 0);
    expect_taken(0, VIRTQUEUE_PARTS, 0);
    put_indirect(VIRTQUEUE_PARTS - 1, BUFFERS, 1, NEXT, VIRTQUEUE_PARTS);
    put_indirect(VIRTQUEUE_PARTS, BUFFERS, 1, 0, 0);
    put(0, TABLE, VIRTQUEUE_PARTS * 16 + 16, INDIRECT, 0);
    expect_refused();
}

static void impossible_indirect_tables(void **state)
{
    (void)state;
    put_indirect(0, BUFFERS, 1, 0, 0);
    static const uint32_t lengths[] = {0, 1, 15, 17, UINT32_MAX, 0xfffffff0};
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        put(0, TABLE, lengths[i], INDIRECT, 0);
        expect_refused();
    }
    put(0, TABLE, 16, INDIRECT | NEXT, 1);
    put(1, BUFFERS, 1, 0, 0);
    expect_refused();
    put(0, RAM_SIZE - 8, 16, INDIRECT, 0);
    expect_refused();
    put(0, UINT64_MAX - 15, 16, INDIRECT, 0);
    expect_refused();
}

static void impossible_indirect_chains(void **state)
{
    (void)state;
    put_indirect(0, TABLE, 16, INDIRECT, 0); /* in itself */
    put(0, TABLE, 16, INDIRECT, 0);
    expect_refused();
    put_indirect(0, BUFFERS, 1, NEXT, 1); /* out of the table */
    put_indirect(1, BUFFERS, 1, 0, 0);
    put(0, TABLE, 16, INDIRECT, 0);
    expect_refused();
    put_indirect(0, BUFFERS, 1, NEXT, 1);
    put_indirect(1, BUFFERS, 1, NEXT, 0); /* a loop */
    put(0, TABLE, 32, INDIRECT, 0);
    expect_refused();
    put(0, BUFFERS, 1, NEXT | WRITE, 1); /* readable ones after a writable */
    put(1, TABLE, 16, INDIRECT, 0);
    put_indirect(0, BUFFERS, 1, 0, 0);
    expect_refused();
}

static void requests_come_back(void **state)
{
    (void)state;
    assert_true(virtqueue_give(q, &memory, 3, 513));
    assert_true(virtqueue_give(q, &memory, 6, 0));
    assert_int_equal(used_index(0), 2);
    struct used first = take_used(0), second = take_used(0);
    assert_int_equal(first.id, 3);
    assert_int_equal(first.length, 513);
    assert_int_equal(second.id, 6);
    assert_int_equal(second.length, 0);
    set_no_interrupt(0, true);
    assert_false(virtqueue_give(q, &memory, 1, 0));
    set_no_interrupt(0, false);
    assert_true(virtqueue_give(q, &memory, 1, 0));
    assert_int_equal(ram[USED_OF(0)], 0); /* notices are always wanted */
}

/* Both indices go over 65535, and the rings around many times. */
static void indices_wrap(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SIZE; i++) {
        put(i, BUFFERS + i, 1 + i, 0, 0);
    }
    for (uint32_t n = 0; n < 0x10000 + 3 * SIZE; n++) {
        uint16_t head = (uint16_t)(n * 3 % SIZE);
        offer(0, head);
        expect_taken(head, 1, 0);
        assert_true(virtqueue_give(q, &memory, head, n));
        struct used used = take_used(0);
        assert_int_equal(used.id, head);
        assert_int_equal(used.length, n);
        assert_false(virtqueue_waits(q, &memory));
    }
    assert_int_equal(used_index(0), 3 * SIZE);
}

static void a_queue_made_ready_again_begins_again(void **state)
{
    (void)state;
    put(0, BUFFERS, 1, 0, 0);
    offer(0, 0);
    expect_taken(0, 1, 0);
    (void)virtqueue_give(q, &memory, 0, 0);
    out(QUEUE_SEL, 0);
    out(QUEUE_READY, 0);
    offer(0, 0);
    assert_int_equal(take(), VIRTQUEUE_EMPTY);
    driver_queue(0, SIZE);
    assert_int_equal(take(), VIRTQUEUE_EMPTY);
    put(2, BUFFERS, 1, 0, 0);
    offer(0, 2);
    expect_taken(2, 1, 0);
    (void)virtqueue_give(q, &memory, 2, 0);
    assert_int_equal(take_used(0).id, 2);
}

static void a_request_put_back_comes_again(void **state)
{
    (void)state;
    put(0, BUFFERS, 10, 0, 0);
    offer(0, 0);
    expect_taken(0, 1, 0);
    virtqueue_put_back(q, 4);
    assert_true(virtqueue_waits(q, &memory));
    assert_int_equal(q->done, 4);
    expect_taken(0, 1, 0);
    (void)virtqueue_give(q, &memory, 0, 0);
    assert_int_equal(q->done, 0);
    virtqueue_put_back(q, 5);
    out(QUEUE_SEL, 0);
    out(QUEUE_READY, 0);
    out(QUEUE_READY, 1);
    assert_int_equal(q->done, 0);
}

static void bytes_over_parts(void **state)
{
    (void)state;
    uint8_t a[3], b[1], c[6], flat[10];
    const struct virtqueue_part parts[] = {{a, 3}, {b, 1}, {c, 6}};
    assert_int_equal(virtqueue_bytes(parts, 3), 10);
    assert_int_equal(virtqueue_bytes(parts, 0), 0);
    for (uint32_t offset = 0; offset <= 11; offset++) {
        for (uint32_t size = 0; size <= 12; size++) {
            uint32_t room = offset < 10 ? 10 - offset : 0, expected = size < room ? size : room;
            memset(a, 0, 3);
            memset(b, 0, 1);
            memset(c, 0, 6);
            memset(flat, 0, sizeof(flat));
            assert_int_equal(virtqueue_scatter(parts, 3, offset, "ABCDEFGHIJKL", size), expected);
            assert_int_equal(virtqueue_gather(parts, 3, 0, flat, 10), 10);
            for (uint32_t i = 0; i < 10; i++) {
                bool in_range = i >= offset && i - offset < expected;
                assert_int_equal(flat[i], in_range ? 'A' + (int)(i - offset) : 0);
            }
            assert_int_equal(virtqueue_gather(parts, 3, offset, flat, size < 10 ? size : 10),
                             expected < 10 ? expected : 10);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_queue, fresh),
        cmocka_unit_test_setup(a_chain_in_its_order, fresh),
        cmocka_unit_test_setup(a_chain_of_the_whole_queue, fresh),
        cmocka_unit_test_setup(chains_with_loops, fresh),
        cmocka_unit_test_setup(chains_out_of_the_table, fresh),
        cmocka_unit_test_setup(buffers_out_of_memory, fresh),
        cmocka_unit_test_setup(readable_after_writable, fresh),
        cmocka_unit_test_setup(more_waiting_than_the_queue_holds, fresh),
        cmocka_unit_test_setup(the_index_goes_back, fresh),
        cmocka_unit_test_setup(indirect_chains, fresh),
        cmocka_unit_test_setup(indirect_tables_need_no_alignment, fresh),
        cmocka_unit_test_setup(an_indirect_table_longer_than_the_queue, fresh),
        cmocka_unit_test_setup(impossible_indirect_tables, fresh),
        cmocka_unit_test_setup(impossible_indirect_chains, fresh),
        cmocka_unit_test_setup(requests_come_back, fresh),
        cmocka_unit_test_setup(indices_wrap, fresh),
        cmocka_unit_test_setup(a_queue_made_ready_again_begins_again, fresh),
        cmocka_unit_test_setup(a_request_put_back_comes_again, fresh),
        cmocka_unit_test(bytes_over_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
