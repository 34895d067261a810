/* SPDX-License-Identifier: MIT */
/* sources: root/devices/virtio_mmio.c root/devices/virtqueue.c tests/unit/virtio_driver.c */
#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/virtio_driver.h"

#define FEATURE 0x24ull /* two bits of the device's own */
#define NONE UINT32_MAX

/* A device that counts. */
static struct virtio_mmio device;
static unsigned notices[2], resets;

static void on_notify(struct virtio_mmio *v, uint32_t queue)
{
    assert_ptr_equal(v, &device);
    notices[queue]++;
}

static uint8_t config(const struct virtio_mmio *v, uint32_t offset)
{
    assert_ptr_equal(v, &device);
    return (uint8_t)(0x10 + offset);
}

static void on_reset(struct virtio_mmio *v)
{
    assert_ptr_equal(v, &device);
    resets++;
}

static const struct virtio_type type = {.id = 7, .queues = 2, .notify = on_notify, .config = config, .reset = on_reset};

static int fresh(void **state)
{
    (void)state;
    driver_fresh(&device);
    virtio_mmio_init(&device, &type, NULL, &memory, &driver_irq, FEATURE);
    notices[0] = notices[1] = resets = 0;
    return 0;
}

static void identity(void **state)
{
    (void)state;
    assert_int_equal(in(MAGIC), 0x74726976);
    assert_int_equal(in(VERSION), 2);
    assert_int_equal(in(DEVICE_ID), 7);
    assert_int_not_equal(in(VENDOR_ID), 0);
    assert_int_equal(in(STATUS), 0);
    assert_int_equal(in(INTERRUPT_STATUS), 0);
    assert_int_equal(in(CONFIG_GENERATION), 0);
}

static void other_widths_are_not_registers(void **state)
{
    static const uint32_t sizes[] = {1, 2, 8};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(virtio_mmio_ops.read(&device, MAGIC, sizes[i]), UINT64_MAX);
        virtio_mmio_ops.write(&device, STATUS, sizes[i], ACKNOWLEDGE);
        assert_int_equal(in(STATUS), 0);
    }
    assert_int_equal(virtio_mmio_ops.read(&device, MAGIC + 1, 4), 0);
    virtio_mmio_ops.write(&device, STATUS + 1, 4, ACKNOWLEDGE);
    assert_int_equal(in(STATUS), 0);
}

static void what_is_written_only_or_nothing_reads_zero(void **state)
{
    static const uint32_t offsets[] = {DEVICE_FEATURES_SEL, DRIVER_FEATURES, QUEUE_SEL, QUEUE_NUM, QUEUE_NOTIFY,
                                       INTERRUPT_ACK,       QUEUE_DESC,      0x28,      0xc0,      0xf8};
    (void)state;
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        assert_int_equal(in(offsets[i]), 0);
    }
}

static void read_only_registers_stay(void **state)
{
    (void)state;
    for (uint32_t offset = MAGIC; offset <= VENDOR_ID; offset += 4) {
        uint32_t before = in(offset);
        out(offset, ~before);
        assert_int_equal(in(offset), before);
    }
    out(INTERRUPT_STATUS, 3);
    assert_int_equal(in(INTERRUPT_STATUS), 0);
    assert_false(driver.line);
}

static void there_is_no_shared_memory(void **state)
{
    (void)state;
    for (uint32_t offset = 0xb0; offset <= 0xbc; offset += 4) {
        assert_int_equal(in(offset), NONE);
    }
}

static void features_by_pages(void **state)
{
    (void)state;
    assert_int_equal(driver_features(), FEATURE | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC);
    out(DEVICE_FEATURES_SEL, 2);
    assert_int_equal(in(DEVICE_FEATURES), 0);
    out(DEVICE_FEATURES_SEL, UINT32_MAX);
    assert_int_equal(in(DEVICE_FEATURES), 0);
}

static void features_are_taken(void **state)
{
    (void)state;
    assert_int_equal(driver_negotiate(VIRTIO_F_VERSION_1), ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assert_int_equal(driver_negotiate(VIRTIO_F_VERSION_1 | FEATURE), ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assert_int_equal(device.driver_features, VIRTIO_F_VERSION_1 | FEATURE);
    out(DRIVER_FEATURES, 0); /* too late */
    assert_int_equal(device.driver_features, VIRTIO_F_VERSION_1 | FEATURE);
}

static void features_are_refused(void **state)
{
    (void)state;
    assert_int_equal(driver_negotiate(0), ACKNOWLEDGE | DRIVER);
    assert_int_equal(driver_negotiate(FEATURE), ACKNOWLEDGE | DRIVER);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t wanted = VIRTIO_F_VERSION_1 | 1ull << bit;
        bool good = (wanted & ~driver_features()) == 0;
        assert_int_equal(driver_negotiate(wanted), ACKNOWLEDGE | DRIVER | (good ? FEATURES_OK : 0u));
    }
}

static void a_refused_driver_has_no_device(void **state)
{
    (void)state;
    (void)driver_negotiate(FEATURE);
    driver_queue(0, 8);
    out(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    assert_int_equal(in(STATUS), ACKNOWLEDGE | DRIVER | DRIVER_OK);
    notify(0);
    assert_int_equal(notices[0], 0);
}

static void a_page_of_features_that_does_not_exist(void **state)
{
    (void)state;
    out(DRIVER_FEATURES_SEL, 2);
    out(DRIVER_FEATURES, UINT32_MAX);
    assert_int_equal(device.driver_features, 0);
}

static void queues_have_sizes(void **state)
{
    (void)state;
    for (uint32_t queue = 0; queue < 2; queue++) {
        out(QUEUE_SEL, queue);
        assert_int_equal(in(QUEUE_NUM_MAX), VIRTQUEUE_MAX);
        assert_int_equal(in(QUEUE_READY), 0);
    }
    out(QUEUE_SEL, 2);
    assert_int_equal(in(QUEUE_NUM_MAX), 0);
    out(QUEUE_READY, 1);
    assert_int_equal(in(QUEUE_READY), 0);
    assert_int_equal(in(STATUS), 0);
    out(QUEUE_SEL, UINT32_MAX);
    assert_int_equal(in(QUEUE_NUM_MAX), 0);
}

static void a_ready_queue_does_not_change(void **state)
{
    (void)state;
    driver_queue(1, 16);
    assert_int_equal(in(QUEUE_READY), 1);
    struct virtqueue before = device.queues[1];
    for (uint32_t offset = QUEUE_DESC; offset <= QUEUE_DEVICE + 4; offset += 4) {
        out(offset, 0x7000);
    }
    out(QUEUE_NUM, 4);
    out(QUEUE_READY, 1);
    assert_memory_equal(&device.queues[1], &before, sizeof(before));
    out(QUEUE_READY, 0);
    assert_int_equal(in(QUEUE_READY), 0);
    out(QUEUE_NUM, 4);
    assert_int_equal(device.queues[1].size, 4);
    assert_int_equal(device.queues[0].size, VIRTQUEUE_MAX);
}

static void addresses_have_two_halves(void **state)
{
    (void)state;
    out(QUEUE_SEL, 0);
    static const uint32_t offsets[] = {QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE};
    const uint64_t *fields[] = {&device.queues[0].descriptors, &device.queues[0].driver, &device.queues[0].device};
    for (unsigned i = 0; i < 3; i++) {
        out(offsets[i] + 4, 0x12345678);
        out(offsets[i], 0x9abcdef0);
        assert_int_equal(*fields[i], 0x123456789abcdef0);
        out(offsets[i] + 4, 1);
        assert_int_equal(*fields[i], 0x19abcdef0);
    }
}

static void try_queue(uint32_t size, uint64_t descriptors, uint64_t avail, uint64_t used, bool good)
{
    out(STATUS, 0);
    out(QUEUE_SEL, 0);
    out(QUEUE_NUM, size);
    device.queues[0].descriptors = descriptors;
    device.queues[0].driver = avail;
    device.queues[0].device = used;
    out(QUEUE_READY, 1);
    assert_int_equal(in(QUEUE_READY), good);
    assert_int_equal(in(STATUS), good ? 0 : NEEDS_RESET);
    assert_false(driver.line); /* not before DRIVER_OK (virtio 1.2, 2.1.2) */
}

static void impossible_queues(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 3, 255, 257, 512, 0x10000, 0x80000000, UINT32_MAX};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        try_queue(sizes[i], 0, 0x2000, 0x3000, false);
    }
    try_queue(1, 0, 0x2000, 0x3000, true);
    try_queue(256, 0, 0x2000, 0x3000, true);
    try_queue(8, 8, 0x2000, 0x3000, false);
    try_queue(8, 0, 0x2001, 0x3000, false);
    try_queue(8, 0, 0x2000, 0x3002, false);
}

static void queues_at_the_end_of_memory(void **state)
{
    (void)state;
    try_queue(8, RAM_SIZE - 128, 0, 0, true);
    try_queue(8, RAM_SIZE - 112, 0, 0, false);
    try_queue(8, 0, RAM_SIZE - 22, 0, true);
    try_queue(8, 0, RAM_SIZE - 20, 0, false);
    try_queue(8, 0, 0, RAM_SIZE - 72, true);
    try_queue(8, 0, 0, RAM_SIZE - 68, false);
    try_queue(8, GUEST_HIGH_BASE + HIGH_SIZE - 128, GUEST_HIGH_BASE, GUEST_HIGH_BASE + 32, true);
    try_queue(8, GUEST_HIGH_BASE + HIGH_SIZE, 0, 0, false);
    try_queue(8, UINT64_MAX - 15, 0, 0, false);
    try_queue(8, 0, UINT64_MAX - 1, 0, false);
    try_queue(8, 0, 0, UINT64_MAX - 3, false);
}

static void notices_reach_a_running_device(void **state)
{
    (void)state;
    notify(0);
    (void)driver_negotiate(VIRTIO_F_VERSION_1);
    notify(0);
    assert_int_equal(notices[0], 0);
    driver_start(8);
    notify(1);
    notify(2);
    notify(UINT32_MAX);
    assert_int_equal(notices[0], 0);
    assert_int_equal(notices[1], 1);
    out(STATUS, in(STATUS) | FAILED);
    notify(1);
    assert_int_equal(notices[1], 1);
}

static void interrupts_are_levels(void **state)
{
    (void)state;
    driver_start(8);
    virtio_mmio_interrupt(&device);
    virtio_mmio_interrupt(&device);
    assert_true(driver.line);
    assert_int_equal(driver.raised, 1);
    assert_int_equal(in(INTERRUPT_STATUS), 1);
    out(INTERRUPT_ACK, 2);
    assert_true(driver.line);
    out(INTERRUPT_ACK, 1);
    assert_false(driver.line);
    assert_int_equal(in(INTERRUPT_STATUS), 0);
    virtio_mmio_interrupt(&device);
    assert_int_equal(driver.raised, 2);
}

static void a_broken_device_waits_for_reset(void **state)
{
    (void)state;
    driver_start(8);
    virtio_mmio_interrupt(&device);
    virtio_mmio_break(&device);
    assert_int_equal(in(INTERRUPT_STATUS), 3);
    out(INTERRUPT_ACK, 1);
    assert_true(driver.line);
    out(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK); /* the driver cannot take it back */
    expect_broken();
    notify(0);
    assert_int_equal(notices[0], 0);
    out(STATUS, 0);
    assert_int_equal(in(STATUS), 0);
    assert_false(driver.line);
    driver_start(8);
    notify(0);
    assert_int_equal(notices[0], 1);
}

static void the_driver_does_not_break_the_device(void **state)
{
    (void)state;
    driver_start(8);
    out(STATUS, 0xffffff7f);
    assert_int_equal(in(STATUS), 0x3f);
    notify(0);
    assert_int_equal(notices[0], 1);
}

static void reset_forgets_all(void **state)
{
    (void)state;
    static struct virtio_mmio first;
    first = device;
    driver_start(8);
    virtio_mmio_interrupt(&device);
    virtio_mmio_later(&device, 1);
    out(QUEUE_SEL, 1);
    out(DEVICE_FEATURES_SEL, 1);
    resets = 0;
    out(STATUS, 0);
    assert_int_equal(resets, 1);
    assert_memory_equal(&device, &first, sizeof(device));
    assert_false(driver.line);
    driver_start(8);
    virtio_mmio_ops.reset(&device);
    assert_memory_equal(&device, &first, sizeof(device));
}

static void left_work_gets_another_turn(void **state)
{
    (void)state;
    driver_start(8);
    assert_int_equal(virtio_mmio_ops.deadline(&device), DEVICE_NEVER);
    virtio_mmio_later(&device, 1);
    assert_int_equal(virtio_mmio_ops.deadline(&device), 0);
    virtio_mmio_ops.advance(&device, 5);
    assert_int_equal(notices[0], 0);
    assert_int_equal(notices[1], 1);
    assert_int_equal(virtio_mmio_ops.deadline(&device), DEVICE_NEVER);
    virtio_mmio_ops.advance(&device, 6);
    assert_int_equal(notices[1], 1);
    virtio_mmio_later(&device, 0);
    notify(0); /* this is the turn */
    assert_int_equal(virtio_mmio_ops.deadline(&device), DEVICE_NEVER);
    virtio_mmio_later(&device, 0);
    virtio_mmio_break(&device);
    virtio_mmio_ops.advance(&device, 7);
    assert_int_equal(notices[0], 1);
    assert_int_equal(virtio_mmio_ops.deadline(&device), DEVICE_NEVER);
}

static void configuration_in_all_widths(void **state)
{
    (void)state;
    assert_int_equal(virtio_mmio_ops.read(&device, CONFIG + 1, 1), 0x11);
    assert_int_equal(virtio_mmio_ops.read(&device, CONFIG + 1, 2), 0x1211);
    assert_int_equal(virtio_mmio_ops.read(&device, CONFIG, 4), 0x13121110);
    assert_int_equal(virtio_mmio_ops.read(&device, CONFIG, 8), 0x1716151413121110);
    virtio_mmio_ops.write(&device, CONFIG, 8, 0);
    assert_int_equal(virtio_mmio_ops.read(&device, CONFIG, 1), 0x10);
}

static void no_configuration_reads_zero(void **state)
{
    (void)state;
    static const struct virtio_type plain = {.id = 9, .queues = 1, .notify = on_notify};
    virtio_mmio_init(&device, &plain, NULL, &memory, &(const struct irq_line){0}, 0);
    assert_int_equal(virtio_mmio_ops.read(&device, CONFIG, 8), 0);
    out(QUEUE_SEL, 1);
    assert_int_equal(in(QUEUE_NUM_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(identity, fresh),
        cmocka_unit_test_setup(other_widths_are_not_registers, fresh),
        cmocka_unit_test_setup(what_is_written_only_or_nothing_reads_zero, fresh),
        cmocka_unit_test_setup(read_only_registers_stay, fresh),
        cmocka_unit_test_setup(there_is_no_shared_memory, fresh),
        cmocka_unit_test_setup(features_by_pages, fresh),
        cmocka_unit_test_setup(features_are_taken, fresh),
        cmocka_unit_test_setup(features_are_refused, fresh),
        cmocka_unit_test_setup(a_refused_driver_has_no_device, fresh),
        cmocka_unit_test_setup(a_page_of_features_that_does_not_exist, fresh),
        cmocka_unit_test_setup(queues_have_sizes, fresh),
        cmocka_unit_test_setup(a_ready_queue_does_not_change, fresh),
        cmocka_unit_test_setup(addresses_have_two_halves, fresh),
        cmocka_unit_test_setup(impossible_queues, fresh),
        cmocka_unit_test_setup(queues_at_the_end_of_memory, fresh),
        cmocka_unit_test_setup(notices_reach_a_running_device, fresh),
        cmocka_unit_test_setup(interrupts_are_levels, fresh),
        cmocka_unit_test_setup(a_broken_device_waits_for_reset, fresh),
        cmocka_unit_test_setup(the_driver_does_not_break_the_device, fresh),
        cmocka_unit_test_setup(reset_forgets_all, fresh),
        cmocka_unit_test_setup(left_work_gets_another_turn, fresh),
        cmocka_unit_test_setup(configuration_in_all_widths, fresh),
        cmocka_unit_test_setup(no_configuration_reads_zero, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
