/* SPDX-License-Identifier: MIT */
/* root/monitor/host.h, by this root program's own runtime. */
#include "root/monitor/host.h"

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
static uint32_t write_lock;
static bool mid_line; /* atomic: a guest's last byte was none that ends a line */

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
    while (__atomic_exchange_n(&write_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
    for (size_t i = 0; i < size; i++) {
        serial_put(bytes[i]);
        __atomic_store_n(&mid_line, bytes[i] != '\n', __ATOMIC_RELAXED);
    }
    __atomic_store_n(&write_lock, 0, __ATOMIC_RELEASE);
}

void service_new_line(void)
{
    if (__atomic_exchange_n(&mid_line, false, __ATOMIC_RELAXED)) {
        root_printf("\n");
    }
}

void host_log(bool debug, const char *line)
{
    if (!debug || debug_lines) {
        service_new_line();
        root_printf("%s\n", line);
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

#define CMOS_INDEX 0x70u
#define CMOS_DATA 0x71u
#define CMOS_STATUS_A 0x0au
#define CMOS_STATUS_B 0x0bu
#define STATUS_A_UPDATING 0x80u
#define STATUS_B_BINARY 0x04u
#define CMOS_TRIES 1000000u

static uint8_t cmos(uint8_t index)
{
    cpu_outb(CMOS_INDEX, index);
    return cpu_inb(CMOS_DATA);
}

static uint32_t number(uint8_t value, bool binary)
{
    return binary ? value : (uint32_t)(value >> 4) * 10 + (value & 15);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar, years from March on. */
static uint64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t host_wall_clock(void)
{
    for (uint32_t i = 0; i < CMOS_TRIES && (cmos(CMOS_STATUS_A) & STATUS_A_UPDATING) != 0; i++) {
    }
    bool binary = (cmos(CMOS_STATUS_B) & STATUS_B_BINARY) != 0;
    uint32_t second = number(cmos(0), binary), minute = number(cmos(2), binary), hour = number(cmos(4), binary);
    uint32_t day = number(cmos(7), binary), month = number(cmos(8), binary), year = 2000 + number(cmos(9), binary);
    if (day == 0 || month == 0 || month > 12) {
        return 0;
    }
    return days_of(year, month, day) * 86400 + hour * 3600ull + minute * 60ull + second;
}
