/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/task_switch.c */
#include <string.h>

#include "root/monitor/task_switch.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

#define MEMORY 512u

static uint8_t memory[MEMORY];

static bool on_read(void *context, uint64_t linear, void *to, uint32_t size, uint32_t *error)
{
    (void)context;
    *error = 0;
    if (linear > MEMORY - size) {
        return false;
    }
    memcpy(to, memory + linear, size);
    return true;
}

static bool on_write(void *context, uint64_t linear, const void *from, uint32_t size, uint32_t *error)
{
    (void)context;
    *error = 2;
    if (linear > MEMORY - size) {
        return false;
    }
    memcpy(memory + linear, from, size);
    return true;
}

static void on_cr3(void *context, uint64_t cr3)
{
    (void)context;
    (void)cr3;
}

/* A switch that does not happen leaves the registers alone; one that does has a usable code segment or a fault. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct task_memory callbacks = {NULL, on_read, on_write, on_cr3};
    struct tape tape = {data, size};
    struct task_registers r, before;
    memset(&r, 0, sizeof(r));
    r.gdt_limit = tape_choose(&tape, 256);
    r.tr.Selector = (uint16_t)tape_choose(&tape, 256);
    r.tr.Base = tape_choose(&tape, MEMORY);
    r.tr.Attributes = tape_choose(&tape, 2) != 0 ? 0x8b : 0x83;
    r.cr0 = tape_choose(&tape, 2) != 0 ? 0x80000001 : 1;
    struct task_event event = {.source = (enum task_source)tape_choose(&tape, 4),
                               .selector = (uint16_t)tape_choose(&tape, 256),
                               .has_error = tape_choose(&tape, 2) != 0,
                               .external = tape_choose(&tape, 2) != 0};
    for (unsigned i = 0; i < MEMORY; i++) {
        memory[i] = tape_byte(&tape);
    }
    struct task_fault fault;
    bool trap;
    before = r;
    if (!task_switch(&r, &event, &callbacks, &fault, &trap)) {
        CHECK(fault.raised && memcmp(&r, &before, sizeof(r)) == 0);
        return 0;
    }
    CHECK((r.eflags & 2) != 0 && (r.cr0 & 8) != 0);
    CHECK(fault.raised || (r.eflags & 1u << 17) != 0 || (r.segment[TASK_CS].SegmentType & 8) != 0);
    CHECK(!fault.raised || (fault.vector >= 10 && fault.vector <= 14));
    return 0;
}
