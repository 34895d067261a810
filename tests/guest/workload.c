/* SPDX-License-Identifier: MIT */
/*
 * What a Linux guest does in the tests: work on all its CPUs at once whose results are known. It prints a line for each
 * part, and at the end how many were right.
 */
#include "workload.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int workload_cpus;
static int passed, failed;

void workload_part(const char *name, bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("workload: %s %s", name, good ? "ok: " : "FAILED: ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    passed += good;
    failed += !good;
}

void workload_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) {
        perror("workload: sched_setaffinity");
        _exit(9);
    }
}

uint64_t workload_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int workload_wait(int count)
{
    int bad = 0;
    for (int i = 0; i < count; i++) {
        int status = -1;
        bad += wait(&status) < 0 || status != 0;
    }
    return bad;
}

int main(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    workload_cpus = online > MAX_CPUS ? MAX_CPUS : (int)online;
    printf("workload: %d CPUs\n", workload_cpus);
    fflush(stdout);
    workload_processes();
    workload_threads();
    workload_time();
    workload_registers();
    printf("workload: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
