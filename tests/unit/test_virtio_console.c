/* SPDX-License-Identifier: MIT */
/* sources: root/devices/virt*.c tests/unit/virtio_driver.c */
#include "root/devices/virtio_console.h"

#include <string.h>

#include "tests/unit/cmocka_tests.h"
#include "tests/unit/virtio_driver.h"

#define RX 0u
#define TX 1u
#define SIZE 8u
#define OUT_MAX 0x20000u

static struct virtio_console console;
static uint8_t sent[OUT_MAX];
static uint32_t sent_size;
static unsigned drained;
static const char *keys; /* what a terminal has for the guest */

static void on_byte(void *context, uint8_t byte)
{
    assert_ptr_equal(context, sent);
    assert_in_range(sent_size, 0, OUT_MAX - 1);
    sent[sent_size++] = byte;
}

/* As the machine does it: keys as long as there is room. */
static void on_drained(void *context)
{
    assert_ptr_equal(context, &drained);
    drained++;
    while (keys != NULL && *keys != 0 && virtio_console_room(&console) != 0) {
        virtio_console_receive(&console, (uint8_t)*keys++);
    }
}

static int fresh(void **state)
{
    const struct byte_sink sink = {on_byte, sent};
    (void)state;
    sent_size = 0;
    drained = 0;
    keys = NULL;
    driver_fresh(&console.mmio);
    virtio_console_init(&console, &memory, &driver_irq, &sink, on_drained, &drained);
    driver_start(SIZE);
    return 0;
}

static void expect_sent(const char *text)
{
    assert_int_equal(sent_size, strlen(text));
    assert_memory_equal(sent, text, sent_size);
    sent_size = 0;
}

static void identity(void **state)
{
    (void)state;
    assert_int_equal(in(DEVICE_ID), 3);
    assert_int_equal(driver_features(), VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC);
    out(QUEUE_SEL, 1);
    assert_int_equal(in(QUEUE_NUM_MAX), VIRTQUEUE_MAX);
    out(QUEUE_SEL, 2);
    assert_int_equal(in(QUEUE_NUM_MAX), 0);
}

static void output(void **state)
{
    (void)state;
    memcpy(ram + BUFFERS, "hello, world", 12);
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 5, NEXT, 1);
    put_descriptor(DESC_OF(TX), 1, BUFFERS + 7, 5, 0, 0);
    put_descriptor(DESC_OF(TX), 2, BUFFERS + 5, 1, 0, 0);
    offer(TX, 0);
    offer(TX, 2);
    assert_int_equal(sent_size, 0);
    notify(TX);
    expect_sent("helloworld,");
    struct used first = take_used(TX), second = take_used(TX);
    assert_int_equal(first.id, 0);
    assert_int_equal(first.length, 0);
    assert_int_equal(second.id, 2);
    assert_int_equal(driver.raised, 1);
    notify(TX);
    assert_int_equal(sent_size, 0);
    assert_int_equal(used_index(TX), 2);
}

static void output_nobody_waits_for(void **state)
{
    (void)state;
    ram[BUFFERS] = 'x';
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 1, 0, 0);
    set_no_interrupt(TX, true);
    offer(TX, 0);
    notify(TX);
    expect_sent("x");
    assert_false(driver.line);
}

static void output_has_only_what_is_readable(void **state)
{
    (void)state;
    ram[BUFFERS] = 'r';
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 1, NEXT, 1);
    put_descriptor(DESC_OF(TX), 1, BUFFERS + 16, 16, WRITE, 0);
    offer(TX, 0);
    offer(TX, 1);
    notify(TX);
    expect_sent("r");
    assert_int_equal(used_index(TX), 2);
    assert_int_equal(ram[BUFFERS + 16], 0xcc);
}

/* No turn puts out more than 4 KiB, no byte is lost or doubled, and the request comes back once, at its end. */
static void long_output_in_turns(void **state)
{
    (void)state;
    static uint8_t expected[10000 + 3];
    for (uint32_t i = 0; i < sizeof(expected); i++) {
        expected[i] = (uint8_t)(i % 251);
    }
    memcpy(ram + BUFFERS, expected, sizeof(expected));
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 4000, NEXT, 1);
    put_descriptor(DESC_OF(TX), 1, BUFFERS + 4000, 6000, 0, 0);
    put_descriptor(DESC_OF(TX), 2, BUFFERS + 10000, 3, 0, 0);
    offer(TX, 0);
    offer(TX, 2);
    notify(TX);
    assert_int_equal(sent_size, 4096);
    assert_int_equal(used_index(TX), 0);
    assert_false(driver.line);
    assert_int_equal(virtio_mmio_ops.deadline(&console.mmio), 0);
    virtio_mmio_ops.advance(&console.mmio, 1);
    assert_int_equal(sent_size, 8192);
    notify(TX); /* the driver's notice is a turn too */
    assert_int_equal(used_index(TX), 2);
    assert_int_equal(virtio_mmio_ops.deadline(&console.mmio), DEVICE_NEVER);
    assert_int_equal(sent_size, sizeof(expected));
    assert_memory_equal(sent, expected, sizeof(expected));
    assert_true(driver.line);
}

static void reset_in_the_middle_of_output(void **state)
{
    (void)state;
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 5000, 0, 0);
    offer(TX, 0);
    notify(TX);
    assert_int_equal(sent_size, 4096);
    sent_size = 0;
    out(STATUS, 0);
    assert_int_equal(virtio_mmio_ops.deadline(&console.mmio), DEVICE_NEVER);
    virtio_mmio_ops.advance(&console.mmio, 1);
    assert_int_equal(sent_size, 0);
    driver_start(SIZE);
    memcpy(ram + BUFFERS, "new", 3);
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 3, 0, 0);
    offer(TX, 0);
    notify(TX);
    expect_sent("new");
}

static void broken_output(void **state)
{
    (void)state;
    ram[BUFFERS] = 'a';
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 1, 0, 0);
    put_descriptor(DESC_OF(TX), 1, BUFFERS, 1, NEXT, 1);
    offer(TX, 0);
    offer(TX, 1);
    offer(TX, 0);
    notify(TX);
    expect_sent("a");
    assert_int_equal(used_index(TX), 1);
    expect_broken();
}

static void give_receive_buffers(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_descriptor(DESC_OF(RX), i, BUFFERS + i * 64, 64, WRITE, 0);
        offer(RX, (uint16_t)i);
    }
}

static void expect_input(const char *text)
{
    for (; *text != 0; text++) {
        struct used used = take_used(RX);
        assert_int_equal(used.length, 1);
        assert_int_equal(ram[BUFFERS + used.id * 64], *text);
        assert_int_equal(ram[BUFFERS + used.id * 64 + 1], 0xcc);
    }
    assert_int_equal(used_index(RX), driver.seen[RX]);
}

static void input(void **state)
{
    (void)state;
    assert_int_equal(virtio_console_room(&console), 0);
    give_receive_buffers(2);
    assert_int_not_equal(virtio_console_room(&console), 0);
    virtio_console_receive(&console, 'a');
    assert_true(driver.line);
    virtio_console_receive(&console, 'b');
    assert_int_equal(virtio_console_room(&console), 0);
    virtio_console_receive(&console, 'c'); /* dropped, as said */
    expect_input("ab");
    assert_int_equal(in(STATUS)&NEEDS_RESET, 0);
}

static void input_without_interrupt(void **state)
{
    (void)state;
    give_receive_buffers(1);
    set_no_interrupt(RX, true);
    virtio_console_receive(&console, 'a');
    assert_false(driver.line);
    expect_input("a");
}

static void waiting_keys_go_in_with_new_buffers(void **state)
{
    (void)state;
    keys = "a longer line\r";
    give_receive_buffers(3);
    assert_int_equal(drained, 0);
    notify(RX);
    assert_int_equal(drained, 1);
    expect_input("a l");
    give_receive_buffers(SIZE);
    notify(RX);
    expect_input("onger li");
    give_receive_buffers(SIZE);
    notify(RX);
    expect_input("ne\r");
    assert_int_not_equal(virtio_console_room(&console), 0);
}

static void nobody_waits_for_room(void **state)
{
    (void)state;
    virtio_console_init(&console, &memory, &driver_irq, &(const struct byte_sink){0}, NULL, NULL);
    driver_start(SIZE);
    give_receive_buffers(1);
    notify(RX);
    put_descriptor(DESC_OF(TX), 0, BUFFERS, 9, 0, 0);
    offer(TX, 0);
    notify(TX);
    assert_int_equal(used_index(TX), 1);
}

static void no_input_before_the_driver_is_there(void **state)
{
    (void)state;
    give_receive_buffers(1);
    out(STATUS, 0);
    assert_int_equal(virtio_console_room(&console), 0);
    virtio_console_receive(&console, 'a');
    (void)driver_negotiate(VIRTIO_F_VERSION_1);
    driver_queue(RX, SIZE);
    give_receive_buffers(1);
    assert_int_equal(virtio_console_room(&console), 0);
    virtio_console_receive(&console, 'b');
    assert_int_equal(used_index(RX), 0);
    out(STATUS, in(STATUS) | DRIVER_OK);
    assert_int_not_equal(virtio_console_room(&console), 0);
}

static void broken_input(void **state)
{
    (void)state;
    put_descriptor(DESC_OF(RX), 0, BUFFERS, 64, 0, 0); /* not for writing */
    offer(RX, 0);
    virtio_console_receive(&console, 'a');
    expect_broken();
    assert_int_equal(virtio_console_room(&console), 0);
    driver_start(SIZE);
    put_descriptor(DESC_OF(RX), 0, RAM_SIZE, 64, WRITE, 0);
    offer(RX, 0);
    virtio_console_receive(&console, 'a');
    assert_int_equal(used_index(RX), 0);
    expect_broken();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(identity, fresh),
        cmocka_unit_test_setup(output, fresh),
        cmocka_unit_test_setup(output_nobody_waits_for, fresh),
        cmocka_unit_test_setup(output_has_only_what_is_readable, fresh),
        cmocka_unit_test_setup(long_output_in_turns, fresh),
        cmocka_unit_test_setup(reset_in_the_middle_of_output, fresh),
        cmocka_unit_test_setup(broken_output, fresh),
        cmocka_unit_test_setup(input, fresh),
        cmocka_unit_test_setup(input_without_interrupt, fresh),
        cmocka_unit_test_setup(waiting_keys_go_in_with_new_buffers, fresh),
        cmocka_unit_test_setup(nobody_waits_for_room, fresh),
        cmocka_unit_test_setup(no_input_before_the_driver_is_there, fresh),
        cmocka_unit_test_setup(broken_input, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
