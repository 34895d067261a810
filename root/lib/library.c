/* SPDX-License-Identifier: MIT */
#include "root/lib/library.h"

#include <stddef.h>
#include <stdint.h>

#include "root/lib/console.h"
#include "root/lib/cpu.h"
#include "root/lib/power.h"
#include "root/lib/sort.h"

#define MSR_FS_BASE 0xc0000100u
#define GUARD_WORD 5u /* at 0x28, by the x86-64 psABI's thread control block */

/* One for all CPUs: it is only read. A zero byte stops string functions that run into it. */
static const uint64_t thread_block[] = {[GUARD_WORD] = 0x5bd1e995a7c94d00};

void library_init_cpu(void)
{
    cpu_wrmsr(MSR_FS_BASE, (uintptr_t)thread_block);
}

void __stack_chk_fail(void)
{
    root_printf("A function of a library has overwritten its stack frame.\n");
    root_power_off(1);
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t t = a[i];
        a[i] = b[i];
        b[i] = t;
    }
}

static void sift_down(uint8_t *items, size_t root, size_t count, size_t size,
                      int (*compare)(const void *a, const void *b))
{
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare(items + child * size, items + (child + 1) * size) < 0) {
            child++;
        }
        if (compare(items + root * size, items + child * size) >= 0) {
            return;
        }
        swap(items + root * size, items + child * size, size);
        root = child;
    }
}

/* A heap sort. */
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *a, const void *b))
{
    for (size_t i = count / 2; i-- > 0;) {
        sift_down(items, i, count, size, compare);
    }
    for (size_t left = count; left > 1; left--) {
        swap(items, (uint8_t *)items + (left - 1) * size, size);
        sift_down(items, 0, left - 1, size, compare);
    }
}
