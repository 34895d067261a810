/* SPDX-License-Identifier: MIT */
#include "root/lib/heap.h"

#include <stdint.h>

#include "root/lib/cpu.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"

#define SMALLEST_SHIFT 5u /* 32 bytes, the header among them */
#define CLASSES 20u       /* up to 16 MiB */
#define HEADER sizeof(union header)

/* In front of every block. */
union header {
    union header *next; /* of a free block */
    size_t class;       /* of a used one */
    uint8_t align[16];
};

static union header *free_blocks[CLASSES];
static uint32_t heap_lock;

static size_t class_size(size_t class)
{
    return (size_t)1 << (class + SMALLEST_SHIFT);
}

static union header *take(size_t class)
{
    union header *block;
    while (__atomic_exchange_n(&heap_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
    block = free_blocks[class];
    if (block != NULL) {
        free_blocks[class] = block->next;
    }
    __atomic_store_n(&heap_lock, 0, __ATOMIC_RELEASE);
    return block;
}

static void give(union header *block, size_t class)
{
    while (__atomic_exchange_n(&heap_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
    block->next = free_blocks[class];
    free_blocks[class] = block;
    __atomic_store_n(&heap_lock, 0, __ATOMIC_RELEASE);
}

/* New pages for a class; what one block leaves of a page becomes free blocks. */
static union header *extend(size_t class)
{
    size_t size = class_size(class), bytes = size < ROOT_PAGE ? ROOT_PAGE : size;
    uint8_t *pages = root_alloc_pages(bytes / ROOT_PAGE, ROOT_PAGE);
    for (size_t at = size; pages != NULL && at < bytes; at += size) {
        give((union header *)(void *)(pages + at), class);
    }
    return (union header *)(void *)pages;
}

void *malloc(size_t size)
{
    size_t class = 0;
    while (class < CLASSES && class_size(class) - HEADER < size) {
        class ++;
    }
    if (class == CLASSES) {
        return NULL;
    }
    union header *block = take(class);
    if (block == NULL) {
        block = extend(class);
    }
    if (block == NULL) {
        return NULL;
    }
    block->class = class;
    return block + 1;
}

void *calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *block = malloc(total);
    return block == NULL ? NULL : memset(block, 0, total);
}

void *realloc(void *block, size_t size)
{
    void *grown = malloc(size);
    if (grown != NULL && block != NULL) {
        size_t old = class_size(((union header *)block - 1)->class) - HEADER;
        memcpy(grown, block, old < size ? old : size);
        free(block);
    }
    return grown;
}

void free(void *block)
{
    if (block != NULL) {
        union header *h = (union header *)block - 1;
        give(h, h->class);
    }
}
