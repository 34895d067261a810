/* SPDX-License-Identifier: MIT */
/* VirtualAlloc and its like, heaps, and what the C library has beside malloc. */
#include <stdbool.h>

#include "root/compat/heapapi.h"
#include "root/compat/memoryapi.h"
#include "root/compat/stdlib.h"
#include "root/compat/string.h"
#include "root/compat/thread_state.h"
#include "root/compat/winbase.h"
#include "root/compat/winerror.h"
#include "root/lib/cpu.h"
#include "root/lib/memory.h"

#define MAX_BLOCKS 1024u
#define GRANULARITY 0x10000u
#define LARGE_PAGE 0x200000u
#define PROTECTIONS 0xffu
#define PROTECTION_FLAGS 0x700u

/* Blocks are never given back to the root's pages, which could not join them: a later VirtualAlloc takes them. */
static struct block {
    uint8_t *start;
    size_t pages;
    bool used;
    bool stale; /* it was in use before: not all zero */
} blocks[MAX_BLOCKS];
static uint32_t blocks_lock;

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

/* The smallest free block of at least that many pages, but not one of more than twice as many; or else a new one. */
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
    if (empty != NULL && (best == NULL || best->pages / 2 > pages)) {
        empty->start = root_alloc_pages(pages, pages * ROOT_PAGE >= LARGE_PAGE ? LARGE_PAGE : GRANULARITY);
        empty->pages = pages;
        best = empty->start == NULL ? best : empty;
    }
    if (best != NULL) {
        best->used = true;
    }
    return best;
}

/* The block in use that has the whole range; NULL: none. With the lock. */
static struct block *block_of(const void *address, size_t size)
{
    for (uint32_t i = 0; i < MAX_BLOCKS; i++) {
        uintptr_t offset = (uintptr_t)address - (uintptr_t)blocks[i].start, bytes = blocks[i].pages * ROOT_PAGE;
        if (blocks[i].used && offset < bytes && size <= bytes - offset) {
            return &blocks[i];
        }
    }
    return NULL;
}

static bool is_protection(DWORD protection)
{
    DWORD kind = protection & PROTECTIONS;
    return kind != 0 && (kind & (kind - 1)) == 0 && (protection & ~(PROTECTIONS | PROTECTION_FLAGS)) == 0;
}

/* Part of a block that is there. */
static LPVOID commit(LPVOID address, SIZE_T size)
{
    lock();
    bool there = block_of(address, size) != NULL;
    unlock();
    if (!there) {
        (void)fail(ERROR_INVALID_ADDRESS);
        return NULL;
    }
    return (LPVOID)((uintptr_t)address & ~(uintptr_t)(ROOT_PAGE - 1));
}

LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protection)
{
    if (size == 0 || size > SIZE_MAX - LARGE_PAGE || (type & (MEM_COMMIT | MEM_RESERVE)) == 0 ||
        !is_protection(protection)) {
        (void)fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    if (address != NULL) {
        return (type & MEM_RESERVE) != 0 ? (fail(ERROR_INVALID_ADDRESS), NULL) : commit(address, size);
    }
    lock();
    struct block *b = take_block((size + ROOT_PAGE - 1) / ROOT_PAGE);
    void *start = b == NULL ? NULL : b->start;
    unlock();
    if (start == NULL) {
        (void)fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (b->stale) {
        memset(start, 0, b->pages * ROOT_PAGE);
    }
    b->stale = true;
    return start;
}

LPVOID VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protection)
{
    if (process != GetCurrentProcess()) {
        (void)fail(ERROR_INVALID_HANDLE);
        return NULL;
    }
    return VirtualAlloc(address, size, type, protection);
}

BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type)
{
    if (address == NULL || (type != MEM_RELEASE && type != MEM_DECOMMIT) || (type == MEM_RELEASE && size != 0)) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    lock();
    struct block *b = block_of(address, size);
    bool whole = b != NULL && b->start == address;
    bool good = b != NULL && (whole || (type == MEM_DECOMMIT && size != 0));
    if (good && type == MEM_RELEASE) {
        b->used = false;
    } else if (good) {
        memset(address, 0, size != 0 ? size : b->pages * ROOT_PAGE);
    }
    unlock();
    return good || fail(ERROR_INVALID_ADDRESS);
}

BOOL VirtualProtect(LPVOID address, SIZE_T size, DWORD protection, PDWORD old)
{
    if (!is_protection(protection) || old == NULL) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    if (commit(address, size) == NULL) {
        return FALSE;
    }
    *old = PAGE_EXECUTE_READWRITE;
    return TRUE;
}

BOOL VirtualLock(LPVOID address, SIZE_T size)
{
    return commit(address, size) != NULL;
}

BOOL VirtualUnlock(LPVOID address, SIZE_T size)
{
    return commit(address, size) != NULL;
}

SIZE_T GetLargePageMinimum(void)
{
    return LARGE_PAGE;
}

HANDLE GetProcessHeap(void)
{
    return blocks; /* any address that is not null */
}

HANDLE HeapCreate(DWORD options, SIZE_T initial, SIZE_T maximum)
{
    (void)options;
    (void)initial;
    (void)maximum;
    return GetProcessHeap();
}

BOOL HeapDestroy(HANDLE heap)
{
    (void)heap;
    return TRUE;
}

LPVOID HeapAlloc(HANDLE heap, DWORD flags, SIZE_T size)
{
    (void)heap;
    return (flags & HEAP_ZERO_MEMORY) != 0 ? calloc(1, size) : malloc(size);
}

LPVOID HeapReAlloc(HANDLE heap, DWORD flags, LPVOID block, SIZE_T size)
{
    (void)heap;
    (void)flags;
    return block == NULL ? NULL : realloc(block, size);
}

BOOL HeapFree(HANDLE heap, DWORD flags, LPVOID block)
{
    (void)heap;
    (void)flags;
    free(block);
    return TRUE;
}

HLOCAL LocalAlloc(UINT flags, SIZE_T size)
{
    return HeapAlloc(NULL, (flags & LMEM_ZEROINIT) != 0 ? HEAP_ZERO_MEMORY : 0, size);
}

HLOCAL LocalFree(HLOCAL block)
{
    free(block);
    return NULL;
}

/* In front of the block: where malloc's begins. */
void *_aligned_malloc(size_t size, size_t alignment)
{
    if (alignment == 0 || (alignment & (alignment - 1)) != 0 || size > SIZE_MAX - alignment - sizeof(void *)) {
        errno = EINVAL;
        return NULL;
    }
    const size_t in_front = sizeof(void *);
    uint8_t *start = malloc(size + alignment + in_front);
    if (start == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    void **block = (void **)(((uintptr_t)start + sizeof(void *) + alignment - 1) & ~(uintptr_t)(alignment - 1));
    block[-1] = start;
    return block;
}

void _aligned_free(void *block)
{
    if (block != NULL) {
        free(((void **)block)[-1]);
    }
}
