/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/options.c kernel/core/format.c */
#include <string.h>

#include "arch/cpu/percpu.h"
#include "kernel/boot/options.h"
#include "tests/unit/cmocka_tests.h"

static struct boot_options parsed;
static char error[512];

static void accept(const char *cmdline)
{
    bool ok = options_parse(cmdline, &parsed, error, sizeof(error));
    if (!ok) {
        fail_msg("'%s' was refused: %s", cmdline, error);
    }
    assert_string_equal(error, "");
}

/* Member by member: padding has no defined contents. */
static void expect_equal(const struct boot_options *a, const struct boot_options *b)
{
    assert_int_equal(a->serial_port, b->serial_port);
    assert_int_equal(a->serial_baud, b->serial_baud);
    assert_int_equal(a->log_level, b->log_level);
    assert_int_equal(a->heap_size, b->heap_size);
    assert_int_equal(a->on_panic, b->on_panic);
    assert_int_equal(a->crash_test, b->crash_test);
    assert_int_equal(a->max_cpus, b->max_cpus);
    assert_int_equal(a->x2apic, b->x2apic);
    assert_int_equal(a->mitigations, b->mitigations);
    assert_int_equal(a->test_calls, b->test_calls);
}

static void refuse(const char *cmdline, const char *expected)
{
    struct boot_options defaults;

    if (options_parse(cmdline, &parsed, error, sizeof(error))) {
        fail_msg("'%s' was accepted", cmdline);
    }
    assert_string_equal(error, expected);
    options_defaults(&defaults);
    expect_equal(&parsed, &defaults);
}

static void test_defaults(void **state)
{
    (void)state;
    memset(&parsed, 0xa5, sizeof(parsed));
    accept("");
    assert_int_equal(parsed.serial_port, 0x3f8);
    assert_int_equal(parsed.serial_baud, 115200);
    assert_int_equal(parsed.log_level, LOG_LEVEL_INFO);
    assert_int_equal(parsed.heap_size, 32u << 20);
    assert_int_equal(parsed.on_panic, ON_PANIC_HALT);
    assert_int_equal(parsed.crash_test, CRASH_TEST_NONE);
    assert_int_equal(parsed.max_cpus, MAX_CPUS);
    assert_true(parsed.x2apic);
    assert_true(parsed.mitigations);
    assert_false(parsed.test_calls);
}

static void test_serial(void **state)
{
    static const struct {
        const char *cmdline;
        uint16_t port;
        uint32_t baud;
    } cases[] = {
        {"serial=com1", 0x3f8, 115200},     {"serial=com2", 0x2f8, 115200},      {"serial=com3", 0x3e8, 115200},
        {"serial=com4,9600", 0x2e8, 9600},  {"serial=0x2F8", 0x2f8, 115200},     {"serial=0X2f8,57600", 0x2f8, 57600},
        {"serial=1016,38400", 1016, 38400}, {"serial=0xfff8", 0xfff8, 115200},   {"serial=1", 1, 115200},
        {"serial=none", 0, 115200},         {"serial=com1,0x2580", 0x3f8, 9600}, {"serial=com1,2", 0x3f8, 2},
        {"serial=com2,300", 0x2f8, 300},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        accept(cases[i].cmdline);
        assert_int_equal(parsed.serial_port, cases[i].port);
        assert_int_equal(parsed.serial_baud, cases[i].baud);
    }
}

static void test_bad_serial(void **state)
{
    static const char *const values[] = {
        "",
        "com5",
        "com",
        "0",
        "0x",
        "0xfff9",
        "65536",
        "none,9600",
        "com1,",
        "com1,0",
        "com1,1",
        "com1,7",
        ",9600",
        "com1,230400",
        "com1,9600,8",
        "0x3f8h",
        "99999999999999999999",
        "0x1ffffffffffffffff",
        "-1",
        "com1,4294977600",
    };
    char cmdline[64], expected[160];
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        strcpy(cmdline, "serial=");
        strcat(cmdline, values[i]);
        strcpy(expected, cmdline);
        strcat(expected, ": the value must be PORT[,BAUD], com1 to com4, or none");
        refuse(cmdline, expected);
    }
}

static void test_heap(void **state)
{
    static const struct {
        const char *cmdline;
        uint64_t size;
    } cases[] = {
        {"heap=4M", 4ull << 20},      {"heap=4096K", 4ull << 20}, {"heap=4194304", 4ull << 20},
        {"heap=64m", 64ull << 20},    {"heap=1g", 1ull << 30},    {"heap=4G", 4ull << 30},
        {"heap=5M", 6ull << 20},      {"heap=4097k", 6ull << 20}, {"heap=0x4000000", 64ull << 20},
        {"heap=4194305", 6ull << 20},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        accept(cases[i].cmdline);
        assert_int_equal(parsed.heap_size, cases[i].size);
    }
}

static void test_bad_heap(void **state)
{
    (void)state;
    refuse("heap=", "heap=: the value must be a size from 4M to 4G");
    refuse("heap", "heap: the value must be a size from 4M to 4G");
    refuse("heap=M", "heap=M: the value must be a size from 4M to 4G");
    refuse("heap=3M", "heap=3M: the value must be a size from 4M to 4G");
    refuse("heap=5G", "heap=5G: the value must be a size from 4M to 4G");
    refuse("heap=4MB", "heap=4MB: the value must be a size from 4M to 4G");
    refuse("heap=18446744073709551615G", "heap=18446744073709551615G: the value must be a size from 4M to 4G");
    refuse("heap=17179869185G", "heap=17179869185G: the value must be a size from 4M to 4G");
}

static void test_choices(void **state)
{
    (void)state;
    accept("loglevel=error on-panic=reboot x2apic=off crash-test=df maxcpus=1 mitigations=off");
    assert_int_equal(parsed.log_level, LOG_LEVEL_ERROR);
    assert_int_equal(parsed.on_panic, ON_PANIC_REBOOT);
    assert_int_equal(parsed.crash_test, CRASH_TEST_DF);
    assert_int_equal(parsed.max_cpus, 1);
    assert_false(parsed.x2apic);
    assert_false(parsed.mitigations);
    accept("loglevel=warn on-panic=halt x2apic=on crash-test=stack-overflow maxcpus=64 mitigations=auto");
    assert_int_equal(parsed.log_level, LOG_LEVEL_WARN);
    assert_int_equal(parsed.on_panic, ON_PANIC_HALT);
    assert_int_equal(parsed.crash_test, CRASH_TEST_STACK_OVERFLOW);
    assert_int_equal(parsed.max_cpus, 64);
    assert_true(parsed.x2apic);
    assert_true(parsed.mitigations);
    accept("test-calls loglevel=info");
    assert_true(parsed.test_calls);
    accept("apicv=off");
    assert_int_equal(parsed.apicv, APICV_OFF);
    accept("apicv=on");
    assert_int_equal(parsed.apicv, APICV_ON);
    accept("test-calls");
    assert_int_equal(parsed.apicv, APICV_AUTO);
    accept("keyid-bits=8 keyid-bits=6");
    assert_int_equal(parsed.keyid_bits, 6);
    accept("");
    assert_int_equal(parsed.keyid_bits, 0);
    accept("loglevel=info crash-test=panic");
    assert_int_equal(parsed.crash_test, CRASH_TEST_PANIC);
    accept("loglevel=debug crash-test=ud");
    assert_int_equal(parsed.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(parsed.crash_test, CRASH_TEST_UD);
    accept("crash-test=pf crash-test=none");
    assert_int_equal(parsed.crash_test, CRASH_TEST_NONE);
    accept("crash-test=pf");
    assert_int_equal(parsed.crash_test, CRASH_TEST_PF);
}

static void test_bad_choices(void **state)
{
    (void)state;
    refuse("loglevel=verbose", "loglevel=verbose: the value must be error, warn, info or debug");
    refuse("loglevel=warning", "loglevel=warning: the value must be error, warn, info or debug");
    refuse("loglevel=inf", "loglevel=inf: the value must be error, warn, info or debug");
    refuse("on-panic=", "on-panic=: the value must be halt or reboot");
    refuse("x2apic", "x2apic: the value must be on or off");
    refuse("x2apic=ON", "x2apic=ON: the value must be on or off");
    refuse("crash-test=gp", "crash-test=gp: the value must be none, panic, ud, pf, stack-overflow or df");
    refuse("maxcpus=0", "maxcpus=0: the value must be a number from 1 to 64");
    refuse("maxcpus=65", "maxcpus=65: the value must be a number from 1 to 64");
    refuse("maxcpus=2x", "maxcpus=2x: the value must be a number from 1 to 64");
    refuse("maxcpus=4294967297", "maxcpus=4294967297: the value must be a number from 1 to 64");
    refuse("keyid-bits=9", "keyid-bits=9: the value must be a number from 0 to 8");
    refuse("test-calls=on", "test-calls=on: the value must be left out");
    refuse("mitigations=on", "mitigations=on: the value must be auto or off");
}

static void test_unknown_options_are_named(void **state)
{
    (void)state;
    refuse("quiet", "quiet: no such option");
    refuse("Heap=64M", "Heap=64M: no such option");
    refuse("heaps=64M", "heaps=64M: no such option");
    refuse("hea=64M", "hea=64M: no such option");
    refuse("=", "=: no such option");
    refuse("=64M", "=64M: no such option");
}

static void test_a_bad_word_leaves_the_others(void **state)
{
    (void)state;
    assert_false(options_parse("heap=64M nonsense maxcpus=0 loglevel=debug heap=1M", &parsed, error, sizeof(error)));
    assert_int_equal(parsed.heap_size, 64u << 20);
    assert_int_equal(parsed.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(parsed.max_cpus, MAX_CPUS);
    assert_string_equal(error, "nonsense: no such option; maxcpus=0: the value must be a number from 1 to 64; "
                               "heap=1M: the value must be a size from 4M to 4G");
}

static void test_last_value_counts_and_space_is_free(void **state)
{
    (void)state;
    accept("  heap=8M \t heap=16M\r\n");
    assert_int_equal(parsed.heap_size, 16u << 20);
    accept(" \t ");
    accept("x2apic=off x2apic=off");
    assert_false(parsed.x2apic);
    accept("x2apic=off x2apic=on");
    assert_true(parsed.x2apic);
}

static void test_a_bad_switch_changes_nothing(void **state)
{
    (void)state;
    assert_false(options_parse("x2apic=off x2apic=maybe", &parsed, error, sizeof(error)));
    assert_false(parsed.x2apic);
    assert_false(options_parse("serial=com2,9600 serial=com9,300", &parsed, error, sizeof(error)));
    assert_int_equal(parsed.serial_port, 0x2f8);
    assert_int_equal(parsed.serial_baud, 9600);
}

static void test_report_is_cut_to_its_buffer(void **state)
{
    char small[12];
    (void)state;
    memset(small, '#', sizeof(small));
    assert_false(options_parse("first second third", &parsed, small, sizeof(small) - 1));
    assert_string_equal(small, "first: no ");
    assert_int_equal(small[11], '#');
    assert_false(options_parse("first", &parsed, small, 1));
    assert_string_equal(small, "");
    assert_false(options_parse("first", &parsed, NULL, 0));
}

static void test_a_long_word_is_cut_in_the_report(void **state)
{
    char word[201] = {0};
    (void)state;
    memset(word, 'w', sizeof(word) - 1);
    assert_false(options_parse(word, &parsed, error, sizeof(error)));
    assert_int_equal(strlen(error), 48 + strlen(": no such option"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_serial),
        cmocka_unit_test(test_bad_serial),
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_bad_heap),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_bad_choices),
        cmocka_unit_test(test_unknown_options_are_named),
        cmocka_unit_test(test_a_bad_word_leaves_the_others),
        cmocka_unit_test(test_last_value_counts_and_space_is_free),
        cmocka_unit_test(test_a_bad_switch_changes_nothing),
        cmocka_unit_test(test_report_is_cut_to_its_buffer),
        cmocka_unit_test(test_a_long_word_is_cut_in_the_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
