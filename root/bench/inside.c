/* SPDX-License-Identifier: MIT */
/* Hypercalls that do nothing, and exits that never reach the root: those the guest measures by itself. */
#include "root/bench/guest.h"

BENCH_CODE(inside_cpuid);
BENCH_CODE(inside_nothing);

static struct guest guest;

static void null_call(void *arg)
{
    (void)arg;
    (void)whb_call(WHB_CALL_VERSION, 0, 0, 0, 0, 0, NULL);
}

void bench_calls(void)
{
    const struct bench_work work = {NULL, null_call, NULL, NULL};
    if (bench_wants("hypercall_null")) {
        bench_measure("hypercall_null", &work);
    }
}

/* Runs code that fills GUEST_SAMPLES with `count` samples, to its HLT. */
static bool sample_inside(const uint8_t *begin, const uint8_t *end, uint32_t count)
{
    if (!guest_load(&guest, 0, begin, end) || !guest_set(&guest, 0, WHvX64RegisterRdi, GUEST_SAMPLES) ||
        !guest_set(&guest, 0, WHvX64RegisterR8, 0) || !guest_set(&guest, 0, WHvX64RegisterR10, count)) {
        return false;
    }
    enum bench_verdict verdict;
    do {
        guest_run(&guest);
        verdict = guest_judge(&guest, WHvRunVpExitReasonX64Halt);
    } while (verdict == BENCH_DISCARD);
    if (verdict != BENCH_GOOD) {
        bench_failed("exit_internal_cpuid", "a run", guest.hr);
    }
    return verdict == BENCH_GOOD;
}

static uint32_t sample(uint32_t i)
{
    uint32_t ticks;
    memcpy(&ticks, guest.ram + GUEST_SAMPLES + i * sizeof(ticks), sizeof(ticks));
    return ticks;
}

static void take(void)
{
    uint32_t count = bench.runs + BENCH_WARM_UP;
    if (!sample_inside(bench_inside_nothing, bench_inside_nothing_end, count)) {
        return;
    }
    struct bench_samples *s = bench_begin("exit_internal_cpuid");
    uint32_t least = UINT32_MAX;
    for (uint32_t i = BENCH_WARM_UP; i < count; i++) {
        least = sample(i) < least ? sample(i) : least;
    }
    s->overhead = least;
    if (!sample_inside(bench_inside_cpuid, bench_inside_cpuid_end, count)) {
        return;
    }
    for (uint32_t i = BENCH_WARM_UP; i < count; i++) {
        bench_add(s, sample(i));
    }
    bench_report(s);
}

void bench_inside(void)
{
    const struct guest_options options = {0};
    if (bench_wants("exit_internal_cpuid") && guest_create(&guest, "exit_internal_cpuid", &options)) {
        take();
        guest_destroy(&guest);
    }
}
