/* SPDX-License-Identifier: MIT */
/* sources: root/devices/misc_ports.c */
#include <string.h>

#include "root/devices/misc_ports.h"
#include "root/devices/platform.h"
#include "tests/unit/cmocka_tests.h"

enum { POST = 0x80, CONTROL = 0x92, PCI_ADDRESS = 0xcf8, RESET = 0xcf9 };

struct log {
    char text[16];
    size_t used;
};

static struct misc_ports ports;
static struct log debug_log, firmware_log;
static uint32_t resets, exits, exit_status;

static void on_byte(void *context, uint8_t byte)
{
    struct log *log = context;
    assert_true(log->used < sizeof(log->text) - 1);
    log->text[log->used++] = (char)byte;
}

static void on_reset(void *context)
{
    assert_ptr_equal(context, &resets);
    resets++;
}

static void on_exit_port(void *context, uint32_t status)
{
    assert_ptr_equal(context, &resets);
    exits++;
    exit_status = status;
}

static int fresh(void **state)
{
    const struct byte_sink debug = {on_byte, &debug_log}, firmware = {on_byte, &firmware_log};
    (void)state;
    memset(&ports, 0xff, sizeof(ports));
    memset(&debug_log, 0, sizeof(debug_log));
    memset(&firmware_log, 0, sizeof(firmware_log));
    resets = exits = exit_status = 0;
    misc_ports_init(&ports, &debug, &firmware, on_reset, on_exit_port, &resets);
    return 0;
}

static uint64_t in(uint64_t port)
{
    return misc_ports_ops.read(&ports, port, 1) & 0xff;
}

static void out(uint64_t port, uint8_t value)
{
    misc_ports_ops.write(&ports, port, 1, value);
}

static void post_codes_are_kept(void **state)
{
    (void)state;
    assert_int_equal(in(POST), 0);
    out(POST, 0xa5);
    assert_int_equal(in(POST), 0xa5);
    assert_int_equal(ports.post, 0xa5);
}

static void a20_is_always_open(void **state)
{
    (void)state;
    assert_int_equal(in(CONTROL), 0x02);
    out(CONTROL, 0x00);
    assert_int_equal(in(CONTROL), 0x02);
    out(CONTROL, 0x0c);
    assert_int_equal(in(CONTROL), 0x0e);
    assert_int_equal(resets, 0);
}

static void system_control_resets(void **state)
{
    (void)state;
    out(CONTROL, 0x01);
    assert_int_equal(resets, 1);
    assert_int_equal(in(CONTROL), 0x02);
    out(CONTROL, 0x03);
    assert_int_equal(resets, 2);
}

static void reset_control_resets_at_a_rise(void **state)
{
    (void)state;
    assert_int_equal(in(RESET), 0);
    out(RESET, 0x02);
    assert_int_equal(in(RESET), 0x02);
    assert_int_equal(resets, 0);
    out(RESET, 0x06);
    assert_int_equal(resets, 1);
    out(RESET, 0x06);
    assert_int_equal(resets, 1);
    out(RESET, 0x0a);
    assert_int_equal(in(RESET), 0x0a);
    out(RESET, 0xfe);
    assert_int_equal(resets, 2);
    assert_int_equal(in(RESET), 0x0e);
    misc_ports_ops.reset(&ports);
    assert_int_equal(in(RESET), 0);
    out(RESET, 0x04);
    assert_int_equal(resets, 3);
}

/* SeaBIOS and Linux look for a PCI bus by doublewords at CF8H, whose second byte lies on the reset control. */
static void looking_for_pci_resets_nothing(void **state)
{
    (void)state;
    misc_ports_ops.write(&ports, PCI_ADDRESS, 4, 0x8000ff00);
    misc_ports_ops.write(&ports, PCI_ADDRESS, 2, 0xff00);
    misc_ports_ops.write(&ports, RESET, 2, 0x0606);
    out(PCI_ADDRESS, 0xff);
    out(PCI_ADDRESS + 3, 0x01);
    assert_int_equal(resets, 0);
    assert_int_equal((uint32_t)misc_ports_ops.read(&ports, PCI_ADDRESS, 4), 0xffffffff);
    assert_int_equal((uint16_t)misc_ports_ops.read(&ports, RESET, 2), 0xffff);
    assert_int_equal(in(PCI_ADDRESS), 0xff);
}

static void debug_ports_say_that_they_are_there(void **state)
{
    (void)state;
    assert_int_equal(in(PLATFORM_DEBUG_PORT), 0xe9);
    assert_int_equal(in(PLATFORM_BIOS_DEBUG_PORT), 0xe9);
}

static void debug_bytes_go_to_their_logs(void **state)
{
    (void)state;
    for (const char *c = "hello"; *c != 0; c++) {
        out(PLATFORM_DEBUG_PORT, (uint8_t)*c);
    }
    out(PLATFORM_BIOS_DEBUG_PORT, 'S');
    assert_string_equal(debug_log.text, "hello");
    assert_string_equal(firmware_log.text, "S");
}

static void the_exit_port_takes_any_size(void **state)
{
    (void)state;
    out(PLATFORM_EXIT_PORT, 0);
    assert_int_equal(exit_status, 1);
    out(PLATFORM_EXIT_PORT, 0x10);
    assert_int_equal(exit_status, 33);
    misc_ports_ops.write(&ports, PLATFORM_EXIT_PORT, 2, 0xffff);
    assert_int_equal(exit_status, 0x1ffff);
    misc_ports_ops.write(&ports, PLATFORM_EXIT_PORT, 4, 0x7fffffff);
    assert_int_equal(exit_status, 0xffffffff);
    misc_ports_ops.write(&ports, PLATFORM_EXIT_PORT, 4, 0x80000001);
    assert_int_equal(exit_status, 3);
    assert_int_equal(exits, 5);
    out(PLATFORM_EXIT_PORT + 1, 1);
    assert_int_equal(exits, 5);
    assert_int_equal(in(PLATFORM_EXIT_PORT), 0xff);
}

static void reset_forgets(void **state)
{
    (void)state;
    out(POST, 0x11);
    out(CONTROL, 0x0e);
    out(RESET, 0x0a);
    misc_ports_ops.reset(&ports);
    assert_int_equal(in(POST), 0);
    assert_int_equal(in(CONTROL), 0x02);
    assert_int_equal(in(RESET), 0);
    out(PLATFORM_DEBUG_PORT, '!');
    assert_string_equal(debug_log.text, "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(post_codes_are_kept, fresh),
        cmocka_unit_test_setup(a20_is_always_open, fresh),
        cmocka_unit_test_setup(system_control_resets, fresh),
        cmocka_unit_test_setup(reset_control_resets_at_a_rise, fresh),
        cmocka_unit_test_setup(looking_for_pci_resets_nothing, fresh),
        cmocka_unit_test_setup(debug_ports_say_that_they_are_there, fresh),
        cmocka_unit_test_setup(debug_bytes_go_to_their_logs, fresh),
        cmocka_unit_test_setup(the_exit_port_takes_any_size, fresh),
        cmocka_unit_test_setup(reset_forgets, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
