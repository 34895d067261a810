/* SPDX-License-Identifier: MIT */
/* In a counter build: what the hypervisor executed for one run of each case. docs/bench.md has the line's form. */
#include "root/bench/bench.h"

#define RUNS 32u /* good ones, of which the sum is taken */
#define MOST_RUNS (10 * RUNS)

struct counts {
    uint64_t n[sizeof(struct whb_instruction_counts) / sizeof(uint64_t)];
};
#define KINDS (sizeof(struct counts) / sizeof(uint64_t))

static const char *const names[] = {"vmread", "vmwrite", "vmptrld", "vmclear",    "rdmsr",
                                    "wrmsr",  "xsave",   "xsetbv",  "serialising"};
_Static_assert(sizeof(names) / sizeof(names[0]) == KINDS, "a name for each");

static bool read_counts(struct counts *c)
{
    return whb_call(WHB_CALL_INSTRUCTION_COUNTS, (uintptr_t)c, sizeof(*c), 0, 0, 0, NULL) == WHB_OK;
}

/* One run of the work, or of nothing: adds what it took, with one call that reads the counts, to `sum`. */
static enum bench_verdict count_run(const struct bench_work *w, struct counts *sum)
{
    struct counts begin, end;
    if (w->before != NULL) {
        w->before(w->arg);
    }
    (void)read_counts(&begin);
    w->work(w->arg);
    (void)read_counts(&end);
    enum bench_verdict verdict = w->after == NULL ? BENCH_GOOD : w->after(w->arg);
    for (unsigned i = 0; verdict == BENCH_GOOD && i < KINDS; i++) {
        sum->n[i] += end.n[i] - begin.n[i];
    }
    return verdict;
}

static uint32_t count_runs(const struct bench_work *w, struct counts *sum)
{
    uint32_t good = 0;
    memset(sum, 0, sizeof(*sum));
    for (uint32_t i = 0; i < MOST_RUNS && good < RUNS; i++) {
        enum bench_verdict verdict = count_run(w, sum);
        if (verdict == BENCH_FAILED) {
            return 0;
        }
        good += verdict == BENCH_GOOD;
    }
    return good;
}

static void nothing(void *arg)
{
    (void)arg;
}

void bench_counts(const char *name, const struct bench_work *w)
{
    const struct bench_work empty = {NULL, nothing, NULL, NULL};
    struct counts reading, sum;
    if (!read_counts(&sum)) {
        return;
    }
    uint32_t own = count_runs(&empty, &reading), runs = count_runs(w, &sum);
    if (own == 0 || runs == 0) {
        bench_failed(name, "a counted run", E_NOTIMPL);
        return;
    }
    root_printf("@count %s", name);
    for (unsigned i = 0; i < KINDS; i++) {
        uint64_t net = sum.n[i] - reading.n[i] / own * runs;
        root_printf(" %s=%lu", names[i], (net + runs / 2) / runs);
    }
    root_printf("\n");
}
