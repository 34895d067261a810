/* SPDX-License-Identifier: MIT */
/*
 * A Linux guest's clocks beside each other: over some seconds of the CMOS clock, begun and ended where its second
 * changes, the kernel's clocks and the TSC on each CPU. They come from different devices, or from the same by different
 * ways, and must agree within 1 %.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <cpuid.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 10
#define POLL_US 1000
#define LATE_NS 30000000ull /* what a poll may be late on a loaded emulator, at both ends together */
#define CPUID_TSC 0x15u

struct sample {
    time_t cmos; /* s */
    uint64_t monotonic, real, tsc;
};

static int rtc;

static uint64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static time_t cmos(void)
{
    struct rtc_time t;
    if (ioctl(rtc, RTC_RD_TIME, &t) != 0) {
        puts("clock: FAILED: the CMOS clock cannot be read");
        exit(1);
    }
    struct tm tm = {.tm_sec = t.tm_sec,
                    .tm_min = t.tm_min,
                    .tm_hour = t.tm_hour,
                    .tm_mday = t.tm_mday,
                    .tm_mon = t.tm_mon,
                    .tm_year = t.tm_year};
    return timegm(&tm);
}

/* Where the CMOS clock's second changes. */
static struct sample take(void)
{
    time_t before = cmos(), after = before;
    while (after == before) {
        usleep(POLL_US);
        after = cmos();
    }
    return (struct sample){after, now(CLOCK_MONOTONIC), now(CLOCK_REALTIME), __builtin_ia32_rdtsc()};
}

static void print_file(const char *name, const char *path)
{
    char line[128] = "unknown\n";
    FILE *file = fopen(path, "r");
    if (file != NULL && fgets(line, sizeof(line), file) == NULL) {
        strcpy(line, "unknown\n");
    }
    if (file != NULL) {
        fclose(file);
    }
    printf("clock: %s %s", name, line);
}

/* Kilohertz by CPUID (SDM vol. 3B, 19.7.3), or 0. */
static uint64_t tsc_khz(void)
{
    uint32_t below, above, hz, unused;
    bool known = __get_cpuid_count(CPUID_TSC, 0, &below, &above, &hz, &unused) && below != 0;
    return known ? (uint64_t)hz * above / below / 1000 : 0;
}

static bool agree(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) < b / 100 + LATE_NS;
}

/* Ticks by which the CPUs' time stamp counters seem to differ, seen from one after another. */
static bool tsc_goes_back(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t last = 0;
    for (long i = 0; i < 3 * cpus; i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned long)(i % cpus), &set);
        if (sched_setaffinity(0, sizeof(set), &set) != 0) {
            return true;
        }
        uint64_t tsc = __builtin_ia32_rdtsc();
        if (tsc < last) {
            printf("clock: CPU %ld's TSC is %lu, another's was %lu before\n", i % cpus, tsc, last);
            return true;
        }
        last = tsc;
    }
    return false;
}

int main(void)
{
    print_file("source", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    print_file("uptime", "/proc/uptime");
    rtc = open("/dev/rtc0", O_RDONLY);
    if (rtc < 0) {
        puts("clock: FAILED: there is no /dev/rtc0");
        return 1;
    }
    struct sample first = take();
    char date[32];
    printf("clock: CMOS date %s UTC, system date %+ld s\n",
           strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", gmtime(&first.cmos)) != 0 ? date : "?",
           (long)(first.real / 1000000000) - (long)first.cmos);
    fflush(stdout);
    sleep(SECONDS - 1);
    struct sample last = take();
    uint64_t by_cmos = (uint64_t)(last.cmos - first.cmos) * 1000000000, mono = last.monotonic - first.monotonic;
    uint64_t real = last.real - first.real, ticks = last.tsc - first.tsc, khz = tsc_khz();
    uint64_t by_tsc = khz == 0 ? mono : (uint64_t)((unsigned __int128)ticks * 1000000 / khz);
    printf("clock: CMOS %lu us, monotonic %lu us, real %lu us, TSC %lu ticks = %lu us at %lu kHz\n", by_cmos / 1000,
           mono / 1000, real / 1000, ticks, khz == 0 ? 0 : by_tsc / 1000, khz);
    bool good = by_cmos != 0 && agree(mono, by_cmos) && agree(real, by_cmos) && agree(by_tsc, by_cmos);
    good = !tsc_goes_back() && good;
    puts(good ? "clock: ok" : "clock: FAILED: the clocks do not agree");
    return !good;
}
