/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/options.c kernel/core/format.c */
#include <string.h>

#include "arch/cpu/percpu.h"
#include "kernel/boot/options.h"
#include "kernel/debug/serial.h"
#include "tests/fuzz/check.h"

static void check_options(const struct boot_options *options)
{
    CHECK(options->serial_port <= SERIAL_MAX_PORT);
    CHECK(serial_speed_is_possible(options->serial_baud));
    CHECK(options->log_level <= LOG_LEVEL_DEBUG);
    CHECK(options->heap_size >= OPTIONS_HEAP_MIN && options->heap_size <= OPTIONS_HEAP_MAX);
    CHECK(options->heap_size % OPTIONS_HEAP_UNIT == 0);
    CHECK(options->on_panic <= ON_PANIC_REBOOT);
    CHECK(options->crash_test <= CRASH_TEST_DF);
    CHECK(options->max_cpus >= 1 && options->max_cpus <= MAX_CPUS);
}

/* The first byte is the size of the error buffer, the rest the command line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boot_options options;

    if (size == 0) {
        return 0;
    }
    size_t error_size = data[0];
    char *error = malloc(error_size + 1);
    char *cmdline = malloc(size);
    memcpy(cmdline, data + 1, size - 1);
    cmdline[size - 1] = '\0';
    error[error_size] = '#';

    bool ok = options_parse(cmdline, &options, error, error_size);
    check_options(&options);
    CHECK(error[error_size] == '#');
    CHECK(error_size == 0 || memchr(error, 0, error_size) != NULL);
    CHECK(error_size < 2 || ok == (error[0] == '\0'));
    free(error);
    free(cmdline);
    return 0;
}
