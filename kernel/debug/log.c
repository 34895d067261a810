/* SPDX-License-Identifier: MIT */
#include "kernel/debug/log.h"

#include <stdarg.h>
#include <stdbool.h>

#include "arch/cpu/string.h"
#include "kernel/core/format.h"
#include "kernel/core/spinlock.h"
#include "kernel/debug/serial.h"

_Static_assert((LOG_RING_SIZE & (LOG_RING_SIZE - 1)) == 0, "positions are reduced by a mask");

/* All zero at boot, and so no part of the image. */
static struct {
    struct spinlock lock;
    bool panicking; /* atomic; only ever set */
    uint64_t end;   /* bytes logged since boot */
    char ring[LOG_RING_SIZE];
} log_state;

static enum log_level log_level = LOG_LEVEL_INFO; /* atomic */

/* Both return whether the lock was taken: a panic may begin between the two. */
static bool lock_log(void)
{
    if (__atomic_load_n(&log_state.panicking, __ATOMIC_ACQUIRE)) {
        return false;
    }
    spin_lock(&log_state.lock);
    return true;
}

static void unlock_log(bool locked)
{
    if (locked) {
        spin_unlock(&log_state.lock);
    }
}

void log_set_level(enum log_level level)
{
    __atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
}

void log_panic_begin(void)
{
    __atomic_store_n(&log_state.panicking, true, __ATOMIC_RELEASE);
    /* A CPU that waits for a holder which is already stopped can still get out and see its stop request. */
    spin_unlock(&log_state.lock);
}

static bool is_discarded(enum log_level level)
{
    return level > __atomic_load_n(&log_level, __ATOMIC_RELAXED) &&
           !__atomic_load_n(&log_state.panicking, __ATOMIC_RELAXED);
}

static const char *prefix_of(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "[whimbrel] error: ";
    case LOG_LEVEL_WARN:
        return "[whimbrel] warning: ";
    default:
        return "[whimbrel] ";
    }
}

static void replace_control_characters(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            text[i] = '?';
        }
    }
}

static size_t ring_room(size_t offset, size_t size)
{
    size_t room = LOG_RING_SIZE - offset;
    return size < room ? size : room;
}

static void ring_append(const char *text, size_t size)
{
    size_t offset = log_state.end & (LOG_RING_SIZE - 1);
    size_t part = ring_room(offset, size);

    memcpy(&log_state.ring[offset], text, part);
    memcpy(log_state.ring, text + part, size - part);
    log_state.end += size;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char line[LOG_LINE_MAX + 1];
    va_list args;

    if (is_discarded(level)) {
        return;
    }
    size_t length = format_string(line, sizeof(line), "%s", prefix_of(level));
    va_start(args, fmt);
    length += format_vstring(line + length, LOG_LINE_MAX - length, fmt, args);
    va_end(args);
    if (line[length - 1] == '\n') {
        length--;
    }
    replace_control_characters(line, length);
    line[length++] = '\n';

    bool locked = lock_log();
    ring_append(line, length);
    serial_write(line, length);
    unlock_log(locked);
}

size_t log_ring_read(uint64_t position, void *dst, size_t size, uint64_t *first_position)
{
    char *to = dst;
    bool locked = lock_log();
    uint64_t end = log_state.end;
    uint64_t oldest = end > LOG_RING_SIZE ? end - LOG_RING_SIZE : 0;
    uint64_t first = position < oldest ? oldest : (position > end ? end : position);
    size_t count = end - first < size ? (size_t)(end - first) : size;
    size_t offset = first & (LOG_RING_SIZE - 1);
    size_t part = ring_room(offset, count);

    memcpy(to, &log_state.ring[offset], part);
    memcpy(to + part, log_state.ring, count - part);
    unlock_log(locked);
    *first_position = first;
    return count;
}
