/* SPDX-License-Identifier: MIT */
/*
 * The memory that the attack gives away: guests may be given any page of it, and calls may write anywhere in it.
 * Nothing that the attack itself relies on is in it, nor within reach of a size in the pools behind it.
 */
#pragma once

#include "tests/attack/attack.h"

#define ARENA_GUEST (4u << 20) /* bytes at the start: guest memory, filled with small guest programs */
#define ARENA_RUN_PAGES 16u    /* behind it */
#define ARENA_PARTITIONS 4u
#define ARENA_STALE 8u
#define ARENA_VPS 3u /* processor count of the partitions */

struct arena {
    uint64_t base; /* aligned to 2 MiB */
    uint64_t run_pages;
    uint64_t events; /* a page for doorbells */
    uint64_t buffers;
    uint64_t hypervisor, hypervisor_end; /* a range of the hypervisor's */
    uint64_t ram_end;
    uint64_t partitions[ARENA_PARTITIONS]; /* atomic: handles, shared between the CPUs */
    uint64_t stale[ARENA_STALE];           /* atomic: handles of deleted partitions */
};

extern struct arena arena;

void arena_init(struct random *r, const struct whb_handoff *machine);

/* Deletes a partition, waiting while others use it. */
void arena_delete(struct attacker *a, uint64_t handle);
/* Puts a handle into a place below ARENA_PARTITIONS, and deletes the partition that was there. */
void arena_put(struct attacker *a, uint32_t place, uint64_t handle);
/* Makes a partition with memory and VPs that can run, and puts it. */
void arena_build(struct attacker *a, uint32_t place);
