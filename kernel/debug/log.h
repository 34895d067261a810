/* SPDX-License-Identifier: MIT */
/* The hypervisor's log: lines to the serial console and to a ring buffer that the root can read. Safe on any CPU. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of log that are kept for log_ring_read. */
#define LOG_RING_SIZE 65536u

/* Longest line in bytes, prefix and newline included; longer ones are cut. */
#define LOG_LINE_MAX 512u

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/* Lines above `level` are discarded from now on. The level at boot is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/*
 * Writes one line. `fmt` (kernel/core/format.h) needs no newline at its end; control characters within the text become
 * '?', so that text from outside cannot forge a line. Not for NMI context: an NMI may have interrupted the lock's
 * holder.
 */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * For panic: from now on the lock is not taken and no level is discarded. The other CPUs must be stopped or stopping.
 */
void log_panic_begin(void);

/*
 * Copies up to `size` bytes of log to `dst`, starting at `position` (bytes since boot) or, when that has been
 * overwritten, at the oldest byte kept. Stores where the copy starts in *first_position and returns its length: 0 when
 * nothing newer than `position` exists, *first_position then being the end of the log.
 */
size_t log_ring_read(uint64_t position, void *dst, size_t size, uint64_t *first_position);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
