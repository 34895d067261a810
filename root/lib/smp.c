/* SPDX-License-Identifier: MIT */
#include "root/lib/smp.h"

#include "root/lib/apic.h"
#include "root/lib/console.h"
#include "root/lib/cpu.h"
#include "root/lib/library.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"
#include "root/lib/trap.h"

#define STACK_PAGES 8u
#define START_TICKS 100000000ull /* two seconds of Bochs, a tenth of a second at least of a real CPU */

struct work {
    void (*fn)(void *); /* atomic; NULL: idle */
    void *arg;
} __attribute__((aligned(64)));

extern const uint8_t trampoline[], trampoline_end[], trampoline_data[];

static uint32_t apic_ids[ROOT_MAX_CPUS];
static void *stacks[ROOT_MAX_CPUS];
static struct work work[ROOT_MAX_CPUS];
static uint32_t count = 1;
static uint32_t starting; /* index of the CPU that is being started */
static uint32_t started;  /* atomic: 1 when it runs C code */
static uint64_t trampoline_page;

uint32_t root_cpu_count(void)
{
    return count;
}

uint32_t root_cpu(void)
{
    uint32_t id = apic_id();
    for (uint32_t i = 0; i < count; i++) {
        if (apic_ids[i] == id) {
            return i;
        }
    }
    return started != 0 ? 0 : starting;
}

/* Waits with interrupts on: a CPU without work takes its interrupts like any other. */
static _Noreturn void wait_for_work(uint32_t cpu)
{
    for (;;) {
        void (*fn)(void *) = __atomic_load_n(&work[cpu].fn, __ATOMIC_ACQUIRE);
        if (fn != NULL) {
            fn(work[cpu].arg);
            __atomic_store_n(&work[cpu].fn, NULL, __ATOMIC_RELEASE);
        }
        cpu_pause();
    }
}

static void cpu_main(void)
{
    uint32_t self = starting;
    trap_init_cpu(self);
    library_init_cpu();
    apic_enable();
    __atomic_store_n(&started, 1, __ATOMIC_RELEASE);
    wait_for_work(self);
}

static void delay(uint64_t ticks)
{
    uint64_t begin = cpu_rdtsc();
    while (cpu_rdtsc() - begin < ticks) {
        cpu_pause();
    }
}

static bool start_one(uint32_t index, uint32_t id)
{
    uint64_t *data = (uint64_t *)(uintptr_t)(trampoline_page + (uintptr_t)(trampoline_data - trampoline));
    memcpy((void *)(uintptr_t)trampoline_page, trampoline, (size_t)(trampoline_end - trampoline));
    data[0] = cpu_read_cr3();
    data[1] = (uintptr_t)stacks[index] + STACK_PAGES * ROOT_PAGE;
    data[2] = (uintptr_t)cpu_main;
    starting = index;
    __atomic_store_n(&started, 0, __ATOMIC_SEQ_CST);
    apic_send(id, APIC_INIT);
    delay(500000);
    apic_send(id, APIC_SIPI | (uint32_t)(trampoline_page >> 12));
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < START_TICKS;) {
        if (__atomic_load_n(&started, __ATOMIC_ACQUIRE) != 0) {
            return true;
        }
        cpu_pause();
    }
    return false;
}

bool smp_restart(uint32_t cpu)
{
    work[cpu].fn = NULL;
    return start_one(cpu, apic_ids[cpu]);
}

void smp_start(const struct whb_handoff *handoff)
{
    apic_ids[0] = apic_id();
    trampoline_page = memory_low_page();
    for (uint32_t i = 1; i < handoff->cpus && i < ROOT_MAX_CPUS && trampoline_page != 0; i++) {
        stacks[count] = root_alloc_pages(STACK_PAGES, ROOT_PAGE);
        apic_ids[count] = handoff->apic_ids[i];
        if (stacks[count] != NULL && start_one(count, handoff->apic_ids[i])) {
            count++;
        } else {
            root_printf("CPU with APIC ID %u does not start.\n", handoff->apic_ids[i]);
        }
    }
    __atomic_store_n(&started, 1, __ATOMIC_RELEASE);
}

void root_run_on(uint32_t cpu, void (*fn)(void *), void *arg)
{
    work[cpu].arg = arg;
    __atomic_store_n(&work[cpu].fn, fn, __ATOMIC_RELEASE);
}

bool root_wait(uint32_t cpu, uint64_t ticks)
{
    uint64_t begin = cpu_rdtsc();
    while (__atomic_load_n(&work[cpu].fn, __ATOMIC_ACQUIRE) != NULL) {
        if (cpu_rdtsc() - begin > ticks) {
            return false;
        }
        cpu_pause();
    }
    return true;
}
