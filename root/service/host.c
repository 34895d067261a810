/* SPDX-License-Identifier: MIT */
/* root/monitor/host.h, by this root program's own runtime. */
#include "root/monitor/host.h"

#include "root/lib/cmos.h"
#include "root/lib/root.h"
#include "root/libwhv/whimbrel_ext.h"
#include "root/service/service.h"

#define BLOCK 0x200000ull
#define LOOK_TICKS 25u   /* of them: how often a loop looks whether its guest has ended without a word */
#define TAIL_TICK_MS 20u /* how often a CPU looks at a port without interrupts, and lets out unfinished lines */

static struct {
    void *partition;
    uint32_t vp;
    uint64_t tsc; /* the exit loop's own alarm */
} targets[ROOT_MAX_CPUS];

static uint32_t ticks[ROOT_MAX_CPUS];
static bool debug_lines;

void host_show_debug(bool show)
{
    debug_lines = show;
}

void *host_alloc_memory(uint64_t bytes)
{
    return root_alloc_pages((size_t)((bytes + ROOT_PAGE - 1) / ROOT_PAGE), BLOCK);
}

uint64_t host_tsc(void)
{
    return cpu_rdtsc();
}

uint32_t host_tsc_khz(void)
{
    return clock_tsc_khz();
}

void host_pause(void)
{
    cpu_pause();
}

void host_write(const uint8_t *bytes, size_t size)
{
    console_write_raw(bytes, size);
}

void host_log(bool debug, const char *line)
{
    if (!debug || debug_lines) {
        root_message("%s\n", line);
    }
}

/* In an interrupt handler. The cancel is sticky: a loop that is between two runs sees it at the next one. */
void host_wake(void)
{
    uint32_t cpu = root_cpu();
    if (targets[cpu].partition != NULL) {
        (void)WHvCancelRunVirtualProcessor(targets[cpu].partition, targets[cpu].vp, 0);
    }
}

static uint64_t tick(void)
{
    return cpu_rdtsc() + (uint64_t)TAIL_TICK_MS * clock_tsc_khz();
}

/* The alarm of a CPU with a guest's first VP, and of the first CPU, comes at least every TAIL_TICK_MS. */
static void set_alarm(uint32_t cpu)
{
    uint64_t at = targets[cpu].tsc, next = tick();
    bool ticks_on = cpu == 0 || (targets[cpu].partition != NULL && targets[cpu].vp == 0);
    clock_alarm(ticks_on && next < at ? next : at);
}

void host_alarm_target(void *partition, uint32_t vp)
{
    uint32_t cpu = root_cpu();
    targets[cpu].vp = vp;
    targets[cpu].tsc = UINT64_MAX;
    __atomic_store_n(&targets[cpu].partition, partition, __ATOMIC_RELEASE);
    set_alarm(cpu);
}

void host_alarm(uint64_t tsc)
{
    targets[root_cpu()].tsc = tsc;
    set_alarm(root_cpu());
}

void host_on_alarm(void)
{
    uint32_t cpu = root_cpu();
    bool due = cpu_rdtsc() >= targets[cpu].tsc;
    if (due) {
        targets[cpu].tsc = UINT64_MAX;
    }
    set_alarm(cpu);
    bool look = ++ticks[cpu] % LOOK_TICKS == 0;
    if (due || look || (cpu == 0 && service_has_work())) {
        host_wake();
    }
}

void host_poll(void)
{
    if (root_cpu() == 0) {
        service_keys();
    }
}

uint64_t host_wall_clock(void)
{
    return cmos_seconds();
}
