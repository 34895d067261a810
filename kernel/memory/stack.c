/* SPDX-License-Identifier: MIT */
#include "kernel/memory/stack.h"

#include "arch/cpu/direct_map.h"
#include "arch/cpu/percpu.h"
#include "kernel/memory/page_alloc.h"
#include "kernel/memory/paging.h"

#define STACK_REGION 0xffffc00000000000ull
#define STACKS_PER_CPU 4u
#define STACK_MAX (MAX_CPUS * STACKS_PER_CPU + STACKS_PER_CPU)

struct stack {
    uintptr_t bottom, top; /* bottom 0: destroyed */
    void *pages;           /* in the direct map */
};

static struct stack stacks[STACK_MAX];
static uint32_t stack_used; /* entries of stacks ever used */
static uintptr_t next_guard = STACK_REGION;

static void unmap(const struct stack *stack)
{
    for (uintptr_t va = stack->bottom; va < stack->top; va += PAGE_SIZE) {
        paging_unmap_page(va);
    }
}

static bool map(const struct stack *stack)
{
    uint64_t pa = virt_to_phys(stack->pages);
    for (uintptr_t va = stack->bottom; va < stack->top; va += PAGE_SIZE, pa += PAGE_SIZE) {
        if (!paging_map_page(va, pa, PAGING_WRITE)) {
            unmap(stack);
            return false;
        }
    }
    return true;
}

void *stack_create(size_t pages)
{
    if (stack_used == STACK_MAX) {
        return NULL;
    }
    struct stack *stack = &stacks[stack_used];
    stack->pages = page_alloc_contiguous(PAGE_USE_HOST, pages);
    if (stack->pages == NULL) {
        return NULL;
    }
    stack->bottom = next_guard + PAGE_SIZE;
    stack->top = stack->bottom + pages * PAGE_SIZE;
    if (!map(stack)) {
        page_free_contiguous(stack->pages, PAGE_USE_HOST, pages);
        return NULL;
    }
    next_guard = stack->top;
    stack_used++;
    return (void *)stack->top;
}

void stack_destroy(void *top)
{
    for (uint32_t i = 0; i < stack_used; i++) {
        struct stack *stack = &stacks[i];
        if (stack->bottom != 0 && stack->top == (uintptr_t)top) {
            unmap(stack);
            page_free_contiguous(stack->pages, PAGE_USE_HOST, (stack->top - stack->bottom) / PAGE_SIZE);
            stack->bottom = 0;
            return;
        }
    }
}

void stack_count_guards(uint64_t *count, uint64_t *guarded)
{
    *count = 0;
    *guarded = 0;
    for (uint32_t i = 0; i < stack_used; i++) {
        if (stacks[i].bottom != 0) {
            (*count)++;
            *guarded += !paging_is_mapped(stacks[i].bottom - PAGE_SIZE);
        }
    }
}
