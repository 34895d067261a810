/* SPDX-License-Identifier: MIT */
/* The interrupt descriptor table, and what every event leaves in trap_log. */
#include "tests/guest/checks/check.h"

#define KERNEL_CS 8u
#define GATE_INTERRUPT 0x8e00u /* present, DPL 0, 32 bits */
#define GATE_FOR_USER 0x6000u  /* DPL 3 */
#define STUB_SIZE 16u
#define VECTOR_DB 1u
#define VECTOR_BP 3u
#define EXCEPTIONS 32u
#define APIC_EOI 0xb0u
#define PIC_EOI 0x20u

extern const uint8_t trap_stubs[], user_back[];
void trap_dispatch(struct trap_frame *frame);
void trap_init(void);
void say_unexpected(const struct trap_frame *frame);

volatile struct trap_log trap_log;

static struct {
    uint32_t low, high;
} idt[256];

void trap_gate(uint32_t vector, uint32_t low, uint32_t high)
{
    idt[vector].low = low;
    idt[vector].high = high;
}

static void usual_gate(uint32_t vector)
{
    uint32_t stub = (uint32_t)(uintptr_t)trap_stubs + STUB_SIZE * vector;
    uint32_t user = vector == VECTOR_BACK || vector == VECTOR_BP ? GATE_FOR_USER : 0;
    trap_gate(vector, KERNEL_CS << 16 | (stub & 0xffffu), (stub & 0xffff0000u) | GATE_INTERRUPT | user);
}

void trap_clear(void)
{
    for (uint32_t vector = 0; vector < 256; vector++) {
        usual_gate(vector);
        trap_log.counts[vector] = 0;
    }
    trap_log.event_count = 0;
    trap_log.resume_at = 0;
    trap_log.step_limit = TRAP_EVENTS;
    trap_log.resume_with_rf = false;
    trap_log.interrupts_from_apic = false;
    trap_log.stop_at = 0;
    trap_log.handler = 0;
}

void trap_init(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint32_t base;
    } table = {sizeof(idt) - 1, (uint32_t)(uintptr_t)idt};
    trap_clear();
    __asm__ volatile("lidt %0" : : "m"(table));
}

static void keep_event(const struct trap_frame *frame, uint32_t dr6)
{
    uint32_t n = trap_log.event_count;
    if (n < TRAP_EVENTS) {
        trap_log.events[n].vector = frame->vector;
        trap_log.events[n].error = frame->error;
        trap_log.events[n].eip = frame->eip;
        trap_log.events[n].eflags = frame->eflags;
        trap_log.events[n].dr6 = dr6;
    }
    trap_log.event_count = n + 1;
}

static void on_debug(struct trap_frame *frame)
{
    keep_event(frame, read_dr6());
    write_dr6(DR6_RESET);
    if (trap_log.counts[VECTOR_DB] >= trap_log.step_limit) {
        frame->eflags &= ~EFLAGS_TF;
    }
    frame->eflags |= trap_log.resume_with_rf ? EFLAGS_RF : 0;
}

static void on_exception(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_DB) {
        on_debug(frame);
        return;
    }
    keep_event(frame, 0);
    if (trap_log.resume_at != 0) {
        frame->eip = trap_log.resume_at;
        frame->eflags &= ~EFLAGS_TF;
    } else if (frame->vector != VECTOR_BP) {
        say_unexpected(frame);
        finish();
    }
}

static void on_interrupt(struct trap_frame *frame)
{
    if (frame->vector >= PIC_VECTOR + 16) {
        if (trap_log.interrupts_from_apic) {
            *apic_register(APIC_EOI) = 0;
        }
    } else {
        if (frame->vector >= PIC_VECTOR + 8) {
            out8(0xa0, PIC_EOI);
        }
        out8(0x20, PIC_EOI);
    }
    if (trap_log.stop_at != 0 && trap_log.counts[frame->vector] >= trap_log.stop_at) {
        frame->eflags &= ~EFLAGS_IF;
    }
}

void trap_dispatch(struct trap_frame *frame)
{
    trap_log.counts[frame->vector]++;
    if (trap_log.handler != 0) {
        trap_log.handler(frame);
    }
    if (frame->vector == VECTOR_BACK) {
        frame->eip = (uint32_t)(uintptr_t)user_back;
        frame->cs = KERNEL_CS;
        frame->eflags &= ~EFLAGS_TF;
    } else if (frame->vector < EXCEPTIONS) {
        on_exception(frame);
    } else {
        on_interrupt(frame);
    }
}
