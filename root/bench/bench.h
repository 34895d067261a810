/* SPDX-License-Identifier: MIT */
/*
 * The bench: a root program that measures the hypervisor from outside, by the functions that clients have. Ticks are
 * those of the TSC. docs/bench.md says what each case is.
 */
#pragma once

#include "root/lib/root.h"
#include "root/libwhv/WinHvEmulation.h"
#include "root/libwhv/WinHvPlatform.h"
#include "root/libwhv/whimbrel_ext.h"

#define BENCH_MAX_RUNS 8192u
#define BENCH_WARM_UP 200u

struct bench {
    uint32_t runs;    /* samples to take for each case, at most BENCH_MAX_RUNS */
    const char *only; /* NULL: every case; else words with commas between, and a name has to begin with one of them */
};
extern struct bench bench;

/* One case, as it is taken. */
struct bench_samples {
    const char *name;
    uint32_t count;
    uint32_t discarded; /* runs that a physical interrupt cut off */
    uint32_t failed;    /* runs that gave something else than they should */
    uint32_t overhead;  /* ticks of the measuring itself, subtracted from each sample */
    uint32_t ticks[BENCH_MAX_RUNS];
};

enum bench_verdict { BENCH_GOOD, BENCH_DISCARD, BENCH_FAILED };

/*
 * What is measured: `work` alone is timed. `before` gets it ready, `after` judges it; both may be NULL. All get `arg`.
 */
struct bench_work {
    void (*before)(void *arg);
    void (*work)(void *arg);
    enum bench_verdict (*after)(void *arg);
    void *arg;
};

/*
 * The TSC between two runs of code. LFENCE on both sides: what comes before has ended, what comes after has not begun
 * (SDM vol. 2B, RDTSC).
 */
static inline uint64_t bench_time(void)
{
    __asm__ volatile("lfence" : : : "memory");
    uint64_t t = cpu_rdtsc();
    __asm__ volatile("lfence" : : : "memory");
    return t;
}

/* Warms up, takes bench.runs samples of the work, and reports them under `name`. Returns the median. */
uint32_t bench_measure(const char *name, const struct bench_work *work);

/* In a counter build: prints what the hypervisor executes for one run of the work. bench_measure calls it. */
void bench_counts(const char *name, const struct bench_work *work);

/* For a case that takes its times itself: samples go into the block of bench_begin, bench_report sorts and prints. */
struct bench_samples *bench_begin(const char *name);
/* Right after bench_begin: measures what two reads of the TSC take by themselves, to be subtracted. */
void bench_subtract_timer(struct bench_samples *s);
void bench_add(struct bench_samples *s, uint64_t ticks);
void bench_report(struct bench_samples *s);

/* A figure that is not a distribution. */
void bench_value(const char *name, uint64_t value);
/* A set-up step that failed: the case is left out, and the bench as a whole has failed. */
void bench_failed(const char *name, const char *what, HRESULT hr);
uint32_t bench_failures(void);

/* Whether the command line wants this case. */
bool bench_wants(const char *name);

/* The groups of cases. */
void bench_calls(void);
void bench_exits(void);
void bench_inside(void);
void bench_emulator(void);
void bench_memory(void);
void bench_scaling(void);
void bench_trace(void);
void bench_cpus(void); /* needs two CPUs */

/* Instead of them: a mixed load on every CPU, whose last `entries` exits are printed. */
void bench_trace_load(uint32_t entries);
