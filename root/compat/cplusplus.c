/* SPDX-License-Identifier: MIT */
/*
 * What a C++ compiler calls (Itanium C++ ABI, 2.8 and 3.3): memory, objects that live from before main to its end, pure
 * virtual functions. There are no exceptions and no type information, and no C++ library beyond headers.
 */
#include "root/compat/cplusplus.h"

#include "root/compat/stdlib.h"
#include "root/lib/console.h"
#include "root/lib/heap.h"
#include "root/lib/root.h"

#define MAX_OBJECTS 128u

typedef void constructor(void);
extern constructor *const init_array_start[], *const init_array_end[]; /* root/root.ld */

static struct {
    void (*destroy)(void *object);
    void *object;
} objects[MAX_OBJECTS];
static uint32_t object_count;

void *cplusplus_new(size_t size) __asm__("_Znwm");
void *cplusplus_new_array(size_t size) __asm__("_Znam");
void *cplusplus_new_nothrow(size_t size, const void *tag) __asm__("_ZnwmRKSt9nothrow_t");
void *cplusplus_new_array_nothrow(size_t size, const void *tag) __asm__("_ZnamRKSt9nothrow_t");
void cplusplus_delete(void *block) __asm__("_ZdlPv");
void cplusplus_delete_array(void *block) __asm__("_ZdaPv");
void cplusplus_delete_sized(void *block, size_t size) __asm__("_ZdlPvm");
void cplusplus_delete_array_sized(void *block, size_t size) __asm__("_ZdaPvm");
void cplusplus_pure_virtual(void) __asm__("__cxa_pure_virtual");
int cplusplus_at_exit(void (*destroy)(void *), void *object, void *program) __asm__("__cxa_atexit");
extern void *cplusplus_program __asm__("__dso_handle");
void *cplusplus_program;

void *cplusplus_new(size_t size)
{
    void *block = malloc(size == 0 ? 1 : size);
    if (block == NULL) {
        root_printf("operator new: no memory for %zu bytes\n", size); /* there are no exceptions */
        exit(EXIT_FAILURE);
    }
    return block;
}

void *cplusplus_new_array(size_t size)
{
    return cplusplus_new(size);
}

void *cplusplus_new_nothrow(size_t size, const void *tag)
{
    (void)tag;
    return malloc(size == 0 ? 1 : size);
}

void *cplusplus_new_array_nothrow(size_t size, const void *tag)
{
    return cplusplus_new_nothrow(size, tag);
}

void cplusplus_delete(void *block)
{
    free(block);
}

void cplusplus_delete_array(void *block)
{
    free(block);
}

void cplusplus_delete_sized(void *block, size_t size)
{
    (void)size;
    free(block);
}

void cplusplus_delete_array_sized(void *block, size_t size)
{
    (void)size;
    free(block);
}

void cplusplus_pure_virtual(void)
{
    root_printf("A pure virtual function was called.\n");
    exit(EXIT_FAILURE);
}

/* One thread at a time makes global objects; an object of a function is made by its first caller. */
int cplusplus_at_exit(void (*destroy)(void *), void *object, void *program)
{
    uint32_t at = __atomic_fetch_add(&object_count, 1, __ATOMIC_ACQ_REL);
    (void)program;
    if (at >= MAX_OBJECTS) {
        __atomic_store_n(&object_count, MAX_OBJECTS, __ATOMIC_RELEASE);
        return -1;
    }
    objects[at].destroy = destroy;
    objects[at].object = object;
    return 0;
}

void cplusplus_construct(void)
{
    for (constructor *const *c = init_array_start; c < init_array_end; c++) {
        (*c)();
    }
}

void cplusplus_destroy(void)
{
    while (object_count > 0) {
        object_count--;
        objects[object_count].destroy(objects[object_count].object);
    }
}
