/* SPDX-License-Identifier: MIT */
/* The hypervisor's command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/debug/log.h"

#define OPTIONS_HEAP_DEFAULT (32ull << 20)
#define OPTIONS_HEAP_MIN (4ull << 20)
#define OPTIONS_HEAP_MAX (4ull << 30)
#define OPTIONS_HEAP_UNIT (2ull << 20) /* sizes are rounded up to this, so that large pages map the heap */

enum on_panic {
    ON_PANIC_HALT,
    ON_PANIC_REBOOT,
};

/* A failure provoked on purpose at the end of boot, so that tests can see the crash report. */
enum crash_test {
    CRASH_TEST_NONE,
    CRASH_TEST_PANIC,
    CRASH_TEST_UD,
    CRASH_TEST_PF,
    CRASH_TEST_STACK_OVERFLOW,
    CRASH_TEST_DF,
};

/* Whether guests in x2APIC mode get APICv; auto: yes, but not under another hypervisor (docs/apic.md). */
enum apicv_option {
    APICV_AUTO,
    APICV_ON,
    APICV_OFF,
};

struct boot_options {
    uint16_t serial_port; /* I/O port, 0: no serial console */
    uint32_t serial_baud; /* bits a second, a divisor of SERIAL_MAX_BAUD */
    enum log_level log_level;
    uint64_t heap_size; /* bytes, OPTIONS_HEAP_MIN to OPTIONS_HEAP_MAX, a multiple of OPTIONS_HEAP_UNIT */
    enum on_panic on_panic;
    enum crash_test crash_test;
    uint32_t max_cpus;  /* 1 to MAX_CPUS; CPUs beyond it are left alone */
    uint32_t apicv;     /* enum apicv_option: virtual-interrupt delivery for guests where the CPU has it */
    bool x2apic;        /* use x2APIC mode where the CPU has it */
    bool test_calls;    /* the hypercalls that make the hypervisor fail on purpose: WHB_CALL_FAIL_ALLOCATION */
    uint8_t keyid_bits; /* 0 to 8: as if so many bits of physical addresses were KeyIDs; for tests */
    bool mitigations;   /* mitigate speculative leaks as the CPU needs */
};

void options_defaults(struct boot_options *out);

/*
 * Parses words separated by spaces: serial=PORT[,BAUD] (PORT a number, com1 to com4, or none),
 * loglevel=error|warn|info|debug, heap=SIZE (suffix K, M or G), on-panic=halt|reboot, x2apic=on|off, apicv=auto|on|off,
 * crash-test=none|panic|ud|pf|stack-overflow|df, maxcpus=N, mitigations=auto|off, test-calls,
 * keyid-bits=N (0 to 8). The last of equal options counts.
 *
 * Always fills *out: what is missing or wrong has its default (or its last right value). Returns false if a word was
 * unknown or had a bad value; `error` then holds a sentence for each, joined by "; " and cut to `error_size` bytes.
 */
bool options_parse(const char *cmdline, struct boot_options *out, char *error, size_t error_size);
