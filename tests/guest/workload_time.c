/* SPDX-License-Identifier: MIT */
/* Time: periodic signals, sleeps, and the clock, which never goes back and goes with the TSC. */
#include "workload.h"

#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS 50
#define TICK_NS 10000000ul
#define LATE_TICKS 6 /* what a loaded emulator may be late at the end */
#define SLEEPS 5
#define SLEEP_NS 20000000ul
#define LOOKS 400
#define MEASURE_NS 1000000000ul
#define CPUID_TSC 0x15u

/* Signals of a periodic timer, those that merged counted too, against the clock. */
static void periodic(void)
{
    static const struct timespec limit = {20, 0};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    timer_t timer;
    sigset_t set;
    uint64_t count = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    uint64_t begin = workload_now(CLOCK_MONOTONIC);
    timer_settime(timer, 0, &every, NULL);
    while (count < TICKS) {
        siginfo_t info;
        if (sigtimedwait(&set, &info, &limit) != SIGALRM) {
            break;
        }
        count += 1 + (uint64_t)info.si_overrun;
    }
    uint64_t took = workload_now(CLOCK_MONOTONIC) - begin;
    timer_delete(timer);
    bool good = count >= TICKS && took >= count * TICK_NS && took < (count + LATE_TICKS) * TICK_NS;
    workload_part("periodic", good, "%lu ticks of 10 ms: expected %lu us, got %lu us", count, count * TICK_NS / 1000,
                  took / 1000);
}

static void sleeps(void)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < SLEEPS; i++) {
        workload_pin(i % workload_cpus);
        struct timespec t = {0, SLEEP_NS};
        uint64_t begin = workload_now(CLOCK_MONOTONIC);
        nanosleep(&t, NULL);
        uint64_t took = workload_now(CLOCK_MONOTONIC) - begin;
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    workload_part("sleeps", least >= SLEEP_NS && most < SLEEP_NS * 3, "expected %lu us, got %lu to %lu us",
                  SLEEP_NS / 1000, least / 1000, most / 1000);
}

static uint64_t latest; /* atomic: the highest time that any CPU has seen */
static uint64_t steps_back;

/* What another CPU has seen before this one looks must not be later than what this one sees. */
static void *look(void *argument)
{
    workload_pin((int)(intptr_t)argument);
    for (int i = 0; i < LOOKS; i++) {
        uint64_t before = __atomic_load_n(&latest, __ATOMIC_SEQ_CST), now = workload_now(CLOCK_MONOTONIC);
        if (now < before) {
            __atomic_fetch_add(&steps_back, 1, __ATOMIC_RELAXED);
        }
        while (before < now &&
               !__atomic_compare_exchange_n(&latest, &before, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        }
    }
    return NULL;
}

static void forward(void)
{
    pthread_t all[MAX_CPUS];
    int started = 0;
    while (started < workload_cpus && pthread_create(&all[started], NULL, look, (void *)(intptr_t)started) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(all[i], NULL);
    }
    workload_part("forward", steps_back == 0 && started == workload_cpus,
                  "expected no step back on %d CPUs, got %lu on %d", workload_cpus, steps_back, started);
}

/* Kilohertz of the TSC by CPUID leaf 15H (SDM vol. 3B, 19.7.3), else as the kernel found it; 0: unknown. */
static uint64_t tsc_khz(const char **by)
{
    uint32_t below, above, hz, unused;
    *by = "CPUID";
    if (__get_cpuid_count(CPUID_TSC, 0, &below, &above, &hz, &unused) && below != 0 && above != 0 && hz != 0) {
        return (uint64_t)hz * above / below / 1000;
    }
    char line[256];
    double mhz = 0;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && mhz == 0 && fgets(line, sizeof(line), file) != NULL) {
        const char *value = strncmp(line, "cpu MHz", 7) == 0 ? strchr(line, ':') : NULL;
        mhz = value != NULL ? strtod(value + 1, NULL) : 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    *by = "the kernel";
    return (uint64_t)(mhz * 1000);
}

/* A second of sleep on one CPU, by its TSC and by the clock. */
static void rate(void)
{
    const char *by;
    uint64_t khz = tsc_khz(&by);
    workload_pin(0);
    uint64_t tsc = __builtin_ia32_rdtsc(), begin = workload_now(CLOCK_MONOTONIC);
    struct timespec t = {MEASURE_NS / 1000000000, MEASURE_NS % 1000000000};
    nanosleep(&t, NULL);
    uint64_t ns = workload_now(CLOCK_MONOTONIC) - begin;
    tsc = __builtin_ia32_rdtsc() - tsc;
    uint64_t by_tsc = khz == 0 ? 0 : (uint64_t)((unsigned __int128)tsc * 1000000 / khz);
    uint64_t off = by_tsc > ns ? by_tsc - ns : ns - by_tsc;
    workload_part("rate", off * 100 < ns, "TSC of %lu kHz by %s: expected %lu us, got %lu us by the clock", khz, by,
                  by_tsc / 1000, ns / 1000);
}

void workload_time(void)
{
    periodic();
    sleeps();
    forward();
    rate();
}
