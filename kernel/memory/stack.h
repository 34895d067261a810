/* SPDX-License-Identifier: MIT */
/* Stacks of the hypervisor: in a region of their own, each with an absent page below. Boot CPU only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A new stack of `pages` pages. Returns its top (exclusive, page aligned); NULL: out of memory or too many stacks. */
void *stack_create(size_t pages);

/* Frees the pages of the stack with this top. Its addresses are not used again. */
void stack_destroy(void *top);

/* Number of stacks that stack_create made, and how many of them have an absent page below. */
void stack_count_guards(uint64_t *count, uint64_t *guarded);
