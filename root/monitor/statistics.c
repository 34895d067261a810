/* SPDX-License-Identifier: MIT */
#include "root/monitor/statistics.h"

#include "root/lib/format.h"

#define LINE 200u

static const char *const row_names[STATISTICS_ROWS] = {
    [STATISTICS_PORT_READ] = "port read",
    [STATISTICS_PORT_WRITE] = "port write",
    [STATISTICS_PORT_STRING] = "port string",
    [STATISTICS_MMIO] = "memory access",
    [STATISTICS_WINDOW] = "interrupt window",
    [STATISTICS_HALT] = "halt",
    [STATISTICS_EOI] = "APIC EOI",
    [STATISTICS_MSR] = "MSR access",
    [STATISTICS_CPUID] = "CPUID",
    [STATISTICS_CANCELED] = "canceled",
    [STATISTICS_OTHER] = "other",
};

static const char *const row_keys[STATISTICS_ROWS] = {
    [STATISTICS_PORT_READ] = "port_read",
    [STATISTICS_PORT_WRITE] = "port_write",
    [STATISTICS_PORT_STRING] = "port_string",
    [STATISTICS_MMIO] = "memory_access",
    [STATISTICS_WINDOW] = "interrupt_window",
    [STATISTICS_HALT] = "halt",
    [STATISTICS_EOI] = "apic_eoi",
    [STATISTICS_MSR] = "msr_access",
    [STATISTICS_CPUID] = "cpuid",
    [STATISTICS_CANCELED] = "canceled",
    [STATISTICS_OTHER] = "other",
};

void statistics_count(struct vp_statistics *s, enum statistics_row row, uint64_t ticks)
{
    struct statistics_entry *e = &s->rows[row];
    e->count++;
    e->ticks += ticks;
    e->worst = ticks > e->worst ? ticks : e->worst;
}

void statistics_add(struct vp_statistics *sum, const struct vp_statistics *more)
{
    sum->in_guest += more->in_guest;
    for (uint32_t i = 0; i < STATISTICS_ROWS; i++) {
        sum->rows[i].count += more->rows[i].count;
        sum->rows[i].ticks += more->rows[i].ticks;
        sum->rows[i].worst = more->rows[i].worst > sum->rows[i].worst ? more->rows[i].worst : sum->rows[i].worst;
    }
}

static void line(const struct statistics_report *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(const struct statistics_report *to, const char *format, ...)
{
    char text[LINE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    to->put(to->context, text);
}

/* Hundredths of a percent, right also where 10000 * part overflows. */
static uint64_t share(uint64_t part, uint64_t whole)
{
    while (part > UINT64_MAX / 10000) {
        part >>= 1;
        whole >>= 1;
    }
    return whole == 0 ? 0 : part * 10000 / whole;
}

static void print_row(const struct statistics_report *to, const char *name, const struct statistics_entry *e,
                      uint64_t all)
{
    uint64_t percent = share(e->ticks, all);
    line(to, "  %-17s %10llu %4llu.%02llu %% %10llu %12llu", name, (unsigned long long)e->count,
         (unsigned long long)(percent / 100), (unsigned long long)(percent % 100),
         (unsigned long long)(e->count == 0 ? 0 : e->ticks / e->count), (unsigned long long)e->worst);
}

static void print_json(const struct statistics_report *to, const struct vp_statistics *s)
{
    line(to, "--- begin statistics json ---");
    line(to, "{\"guest\": \"%s\", \"vps\": %u, \"elapsed_ticks\": %llu, \"in_guest_ticks\": %llu, \"exits\": {",
         to->guest, to->vps, (unsigned long long)to->elapsed, (unsigned long long)s->in_guest);
    for (uint32_t i = 0; i < STATISTICS_ROWS; i++) {
        const struct statistics_entry *e = &s->rows[i];
        line(to, "  \"%s\": {\"count\": %llu, \"ticks\": %llu, \"mean\": %llu, \"worst\": %llu}%s", row_keys[i],
             (unsigned long long)e->count, (unsigned long long)e->ticks,
             (unsigned long long)(e->count == 0 ? 0 : e->ticks / e->count), (unsigned long long)e->worst,
             i + 1 < STATISTICS_ROWS ? "," : "");
    }
    line(to, "}}");
    line(to, "--- end statistics json ---");
}

void statistics_print(const struct vp_statistics *s, const struct statistics_report *to)
{
    struct statistics_entry sum = {0, 0, 0};
    for (uint32_t i = 0; i < STATISTICS_ROWS; i++) {
        sum.count += s->rows[i].count;
        sum.ticks += s->rows[i].ticks;
        sum.worst = s->rows[i].worst > sum.worst ? s->rows[i].worst : sum.worst;
    }
    line(to, "exits of guest %s, %u VP%s; ticks of the TSC from the record to the next run:", to->guest, to->vps,
         to->vps == 1 ? "" : "s");
    line(to, "  reason                 count     share       mean        worst");
    for (uint32_t i = 0; i < STATISTICS_ROWS; i++) {
        if (s->rows[i].count != 0) {
            print_row(to, row_names[i], &s->rows[i], sum.ticks);
        }
    }
    print_row(to, "all", &sum, sum.ticks);
    uint64_t in_monitor = share(sum.ticks, sum.ticks + s->in_guest);
    line(to, "  monitor: %llu.%02llu %% of the VPs' time; run-VP: %llu ticks; since the start: %llu ticks",
         (unsigned long long)(in_monitor / 100), (unsigned long long)(in_monitor % 100),
         (unsigned long long)s->in_guest, (unsigned long long)to->elapsed);
    line(to, "  the hypervisor's memory for it: %llu KiB", (unsigned long long)(to->heap_used >> 10));
    print_json(to, s);
}
