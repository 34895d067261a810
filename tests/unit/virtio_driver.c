/* SPDX-License-Identifier: MIT */
#include "tests/unit/virtio_driver.h"

#include <string.h>

#include "tests/unit/cmocka_tests.h"

_Alignas(16) uint8_t ram[RAM_SIZE];
_Alignas(16) uint8_t high[HIGH_SIZE];
const struct guest_memory memory = {ram, RAM_SIZE, high, HIGH_SIZE};
struct driver driver;

static void set_line(void *context, uint32_t line, bool level)
{
    assert_ptr_equal(context, &driver);
    assert_int_equal(line, 10);
    driver.raised += level && !driver.line ? 1 : 0;
    driver.line = level;
}

const struct irq_line driver_irq = {set_line, &driver, 10};

void driver_fresh(struct virtio_mmio *device)
{
    memset(ram, 0xcc, sizeof(ram));
    memset(high, 0xcc, sizeof(high));
    driver = (struct driver){.device = device};
}

uint32_t in(uint32_t offset)
{
    return (uint32_t)virtio_mmio_ops.read(driver.device, offset, 4);
}

void out(uint32_t offset, uint32_t value)
{
    virtio_mmio_ops.write(driver.device, offset, 4, value);
}

uint64_t driver_features(void)
{
    out(DEVICE_FEATURES_SEL, 1);
    uint64_t features = (uint64_t)in(DEVICE_FEATURES) << 32;
    out(DEVICE_FEATURES_SEL, 0);
    return features | in(DEVICE_FEATURES);
}

uint32_t driver_negotiate(uint64_t features)
{
    out(STATUS, 0);
    out(STATUS, ACKNOWLEDGE);
    out(STATUS, ACKNOWLEDGE | DRIVER);
    out(DRIVER_FEATURES_SEL, 1);
    out(DRIVER_FEATURES, (uint32_t)(features >> 32));
    out(DRIVER_FEATURES_SEL, 0);
    out(DRIVER_FEATURES, (uint32_t)features);
    out(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    return in(STATUS);
}

static void out_address(uint32_t offset, uint64_t address)
{
    out(offset, (uint32_t)address);
    out(offset + 4, (uint32_t)(address >> 32));
}

void driver_queue(uint32_t queue, uint32_t size)
{
    memset(ram + RING(queue), 0, 0x4000);
    driver.available[queue] = driver.seen[queue] = 0;
    driver.size = (uint16_t)size;
    out(QUEUE_SEL, queue);
    out(QUEUE_NUM, size);
    out_address(QUEUE_DESC, DESC_OF(queue));
    out_address(QUEUE_DRIVER, AVAIL_OF(queue));
    out_address(QUEUE_DEVICE, USED_OF(queue));
    out(QUEUE_READY, 1);
}

void driver_start(uint32_t size)
{
    uint32_t negotiated = ACKNOWLEDGE | DRIVER | FEATURES_OK;
    assert_int_equal(driver_negotiate(VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC), negotiated);
    for (uint32_t queue = 0; queue < VIRTIO_MAX_QUEUES; queue++) {
        out(QUEUE_SEL, queue);
        if (in(QUEUE_NUM_MAX) != 0) {
            driver_queue(queue, size);
            assert_int_equal(in(QUEUE_READY), 1);
        }
    }
    out(STATUS, negotiated | DRIVER_OK);
    assert_int_equal(in(STATUS), negotiated | DRIVER_OK);
}

void put_descriptor(uint64_t table, uint32_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
    uint8_t *at = guest_memory_at(&memory, table + 16ull * index, 16);
    assert_non_null(at);
    memcpy(at, &address, 8);
    memcpy(at + 8, &length, 4);
    memcpy(at + 12, &flags, 2);
    memcpy(at + 14, &next, 2);
}

void offer(uint32_t queue, uint16_t head)
{
    uint16_t at = driver.available[queue]++;
    memcpy(ram + AVAIL_OF(queue) + 4 + 2 * (at % driver.size), &head, 2);
    at++;
    memcpy(ram + AVAIL_OF(queue) + 2, &at, 2);
}

void notify(uint32_t queue)
{
    out(QUEUE_NOTIFY, queue);
}

uint16_t used_index(uint32_t queue)
{
    uint16_t index;
    memcpy(&index, ram + USED_OF(queue) + 2, 2);
    return index;
}

struct used take_used(uint32_t queue)
{
    struct used used;
    assert_int_not_equal(used_index(queue), driver.seen[queue]);
    memcpy(&used, ram + USED_OF(queue) + 4 + 8 * (driver.seen[queue]++ % driver.size), 8);
    return used;
}

void set_no_interrupt(uint32_t queue, bool no)
{
    ram[AVAIL_OF(queue)] = no ? 1 : 0;
}

void expect_broken(void)
{
    assert_int_equal(in(STATUS), ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK | NEEDS_RESET);
    assert_int_equal(in(INTERRUPT_STATUS)&2, 2);
    assert_true(driver.line);
    for (uint32_t queue = 0; queue < VIRTIO_MAX_QUEUES; queue++) {
        uint16_t before = used_index(queue);
        notify(queue);
        assert_int_equal(used_index(queue), before);
    }
}
