/* SPDX-License-Identifier: MIT */
/* The few Windows functions of root/compat/windows.h. */
#include "root/compat/windows.h"

#include <stdbool.h>

#include "root/compat/stdlib.h"
#include "root/lib/cpu.h"
#include "root/lib/hypercall.h"
#include "root/lib/memory.h"

#define MAX_BLOCKS 256u

/* Blocks are never given back to the root's pages, which could not join them: a later VirtualAlloc takes them. */
static struct block {
    void *start;
    size_t pages;
    bool used;
} blocks[MAX_BLOCKS];
static uint32_t blocks_lock;
static DWORD last_error;

static void lock(void)
{
    while (__atomic_exchange_n(&blocks_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
}

static void unlock(void)
{
    __atomic_store_n(&blocks_lock, 0, __ATOMIC_RELEASE);
}

/* The smallest free block of at least that many pages, or else a new one. */
static struct block *take_block(size_t pages)
{
    struct block *best = NULL, *empty = NULL;
    for (uint32_t i = 0; i < MAX_BLOCKS; i++) {
        struct block *b = &blocks[i];
        if (b->start == NULL) {
            empty = empty == NULL ? b : empty;
        } else if (!b->used && b->pages >= pages && (best == NULL || b->pages < best->pages)) {
            best = b;
        }
    }
    if (best == NULL && empty != NULL) {
        empty->start = root_alloc_pages(pages, ROOT_PAGE);
        empty->pages = pages;
        best = empty->start == NULL ? NULL : empty;
    }
    if (best != NULL) {
        best->used = true;
    }
    return best;
}

LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protection)
{
    (void)protection;
    if (address != NULL || size == 0 || size > SIZE_MAX - ROOT_PAGE || (type & MEM_COMMIT) == 0) {
        last_error = ERROR_INVALID_PARAMETER;
        return NULL;
    }
    lock();
    const struct block *b = take_block((size + ROOT_PAGE - 1) / ROOT_PAGE);
    void *start = b == NULL ? NULL : b->start;
    unlock();
    if (start == NULL) {
        last_error = ERROR_NOT_ENOUGH_MEMORY;
        return NULL;
    }
    return memset(start, 0, b->pages * ROOT_PAGE);
}

BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type)
{
    BOOL found = FALSE;
    if (address == NULL || size != 0 || type != MEM_RELEASE) {
        last_error = ERROR_INVALID_PARAMETER;
        return FALSE;
    }
    lock();
    for (uint32_t i = 0; i < MAX_BLOCKS && !found; i++) {
        if (blocks[i].start == address && blocks[i].used) {
            blocks[i].used = false;
            found = TRUE;
        }
    }
    unlock();
    if (!found) {
        last_error = ERROR_INVALID_ADDRESS;
    }
    return found;
}

DWORD GetLastError(void)
{
    return last_error;
}

HANDLE GetCurrentProcess(void)
{
    return (HANDLE)UINTPTR_MAX; /* Windows' own pseudo handle, -1 */
}

BOOL QueryPerformanceCounter(LARGE_INTEGER *count)
{
    count->QuadPart = (LONGLONG)cpu_rdtsc();
    return TRUE;
}

BOOL QueryPerformanceFrequency(LARGE_INTEGER *frequency)
{
    struct whb_statistics s = {0};
    if (whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL) != WHB_OK || s.tsc_khz == 0) {
        return FALSE;
    }
    frequency->QuadPart = (LONGLONG)s.tsc_khz * 1000;
    return TRUE;
}

void ExitProcess(UINT code)
{
    exit((int)code);
}
