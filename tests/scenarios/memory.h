/* SPDX-License-Identifier: MIT */
/* What the scenarios on guest memory share. */
#pragma once

#include "tests/scenarios/scenario.h"

#define MIB 0x100000ull
#define HOLE 0x400000ull /* mapped by the guest's page tables, not by guest_create */
#define MEMORY_TICKS 2000000000ull

#define DECLARE_MEMORY_PAYLOAD(name) extern const uint8_t payload_##name[], payload_##name##_end[]
/* The guest's VP at the beginning of a payload in 64-bit mode. */
#define START_64(g, vp, name)                                                                                          \
    do {                                                                                                               \
        guest_load(g, vp, payload_##name, payload_##name##_end, 0x1000);                                               \
        guest_enter_mode(g, vp, GUEST_LONG, 0x1000);                                                                   \
    } while (0)

/* The calls by their names, on a guest. */
enum whb_status memory_map(struct guest *g, const void *from, uint64_t gpa, uint64_t size, uint64_t flags);
enum whb_status memory_unmap(struct guest *g, uint64_t gpa, uint64_t size);
enum whb_status memory_protect(struct guest *g, uint64_t gpa, uint64_t size, uint64_t flags);
/* With a bitmap of just the size it needs; null: none. */
enum whb_status memory_dirty(struct guest *g, uint64_t gpa, uint64_t size, uint64_t *bitmap);
enum whb_status memory_write(struct guest *g, uint64_t gpa, const void *data, uint64_t size);
enum whb_status memory_read(struct guest *g, uint64_t gpa, void *data, uint64_t size);

void memory_statistics(struct whb_statistics *statistics);

/* A run on another CPU. `exits` counts what came back that was not expected. */
struct memory_run {
    struct guest *guest;
    uint32_t vp;
    WHV_RUN_VP_EXIT_REASON expect;
    volatile uint32_t bad;
    WHV_RUN_VP_EXIT_CONTEXT record;
};
void memory_run_on(uint32_t cpu, struct memory_run *run);
/* Waits for its end and checks what came; a run that is cancelled is ended first. */
void memory_run_end(uint32_t cpu, struct memory_run *run);

/* Waits until the word differs from `from`; false: it did not. */
bool memory_wait_change(const volatile uint32_t *word, uint32_t from);
