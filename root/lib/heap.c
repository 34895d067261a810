/* SPDX-License-Identifier: MIT */
#include "root/lib/heap.h"

#include <stdint.h>

#include "root/lib/cpu.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"

#define SMALLEST_SHIFT 5u /* 32 bytes, the header among them */
#define CLASSES 20u       /* up to 16 MiB; what is larger has as many pages as it needs */
#define LARGE CLASSES
#define HEADER sizeof(struct header)

/* In front of every block. */
struct header {
    union {
        struct header *next; /* of a free block */
        size_t class;        /* of a used one */
    };
    size_t pages; /* of a large one */
};

static struct header *free_blocks[CLASSES + 1];
static uint32_t heap_lock;

static size_t class_size(size_t class)
{
    return (size_t)1 << (class + SMALLEST_SHIFT);
}

static void lock(void)
{
    while (__atomic_exchange_n(&heap_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
}

static void unlock(void)
{
    __atomic_store_n(&heap_lock, 0, __ATOMIC_RELEASE);
}

static struct header *take(size_t class)
{
    lock();
    struct header *block = free_blocks[class];
    if (block != NULL) {
        free_blocks[class] = block->next;
    }
    unlock();
    return block;
}

static void give(struct header *block, size_t class)
{
    lock();
    block->next = free_blocks[class];
    free_blocks[class] = block;
    unlock();
}

/* New pages for a class; what one block leaves of a page becomes free blocks. */
static struct header *extend(size_t class)
{
    size_t size = class_size(class), bytes = size < ROOT_PAGE ? ROOT_PAGE : size;
    uint8_t *pages = root_alloc_pages(bytes / ROOT_PAGE, ROOT_PAGE);
    for (size_t at = size; pages != NULL && at < bytes; at += size) {
        give((struct header *)(void *)(pages + at), class);
    }
    return (struct header *)(void *)pages;
}

/* The first free large block that has enough pages, and no more than twice as many. */
static struct header *take_large(size_t pages)
{
    lock();
    struct header **at = &free_blocks[LARGE];
    while (*at != NULL && ((*at)->pages < pages || (*at)->pages / 2 > pages)) {
        at = &(*at)->next;
    }
    struct header *block = *at;
    if (block != NULL) {
        *at = block->next;
    }
    unlock();
    return block;
}

static void *malloc_large(size_t size)
{
    if (size > SIZE_MAX - HEADER - ROOT_PAGE) {
        return NULL;
    }
    size_t pages = (size + HEADER + ROOT_PAGE - 1) / ROOT_PAGE;
    struct header *block = take_large(pages);
    if (block == NULL) {
        block = root_alloc_pages(pages, ROOT_PAGE);
        if (block == NULL) {
            return NULL;
        }
        block->pages = pages;
    }
    block->class = LARGE;
    return block + 1;
}

void *malloc(size_t size)
{
    size_t class = 0;
    while (class < CLASSES && class_size(class) - HEADER < size) {
        class ++;
    }
    if (class == LARGE) {
        return malloc_large(size);
    }
    struct header *block = take(class);
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
        const struct header *h = (struct header *)block - 1;
        size_t old = (h->class == LARGE ? h->pages * ROOT_PAGE : class_size(h->class)) - HEADER;
        memcpy(grown, block, old < size ? old : size);
        free(block);
    }
    return grown;
}

void free(void *block)
{
    if (block != NULL) {
        struct header *h = (struct header *)block - 1;
        give(h, h->class);
    }
}
