/* SPDX-License-Identifier: MIT */
/* What one CPU does to a VP that another one runs. */
#include "root/bench/guest.h"

BENCH_CODE(spin);
BENCH_CODE(handler);

#define RUNNER 1u /* the other CPU */
#define VECTOR 0x41u
#define HANDLER_AT 0x1800u
#define FLAGS_IF 0x202u
#define PATIENCE 10000000000ull

static struct guest guest;

/* Between the two CPUs; all atomic. */
static struct {
    uint32_t stop;
    uint32_t canceled; /* runs that a cancel ended */
    uint64_t time;     /* when the last of them did */
    uint32_t wrong;
} shared;

/* Runs the VP again and again, until `stop`. */
static void runner(void *arg)
{
    static struct guest mine;
    mine = *(const struct guest *)arg;
    while (__atomic_load_n(&shared.stop, __ATOMIC_ACQUIRE) == 0) {
        guest_run(&mine);
        uint64_t now = bench_time();
        enum bench_verdict verdict = guest_judge(&mine, WHvRunVpExitReasonCanceled);
        if (verdict == BENCH_GOOD) {
            __atomic_store_n(&shared.time, now, __ATOMIC_RELAXED);
            __atomic_add_fetch(&shared.canceled, 1, __ATOMIC_RELEASE);
        } else if (verdict == BENCH_FAILED) {
            __atomic_store_n(&shared.wrong, 1, __ATOMIC_RELEASE);
            return;
        }
    }
}

/* Until the guest's counter has moved by some: the VP is in its loop. */
static bool wait_for_guest(void)
{
    uint64_t from = *guest_counter(&guest, 0);
    for (uint64_t begin = cpu_rdtsc(); *guest_counter(&guest, 0) - from < 50;) {
        if (cpu_rdtsc() - begin > PATIENCE || __atomic_load_n(&shared.wrong, __ATOMIC_ACQUIRE) != 0) {
            return false;
        }
    }
    return true;
}

static bool cancel_once(struct bench_samples *s)
{
    uint32_t before = __atomic_load_n(&shared.canceled, __ATOMIC_ACQUIRE);
    if (!wait_for_guest()) {
        return false;
    }
    uint64_t begin = bench_time();
    if (WHvCancelRunVirtualProcessor(guest.partition, 0, 0) != S_OK) {
        return false;
    }
    while (__atomic_load_n(&shared.canceled, __ATOMIC_ACQUIRE) == before) {
        if (cpu_rdtsc() - begin > PATIENCE) {
            return false;
        }
    }
    bench_add(s, __atomic_load_n(&shared.time, __ATOMIC_RELAXED) - begin);
    return true;
}

static bool inject_once(struct bench_samples *s)
{
    const WHV_INTERRUPT_CONTROL c = {.Type = WHvX64InterruptTypeFixed, .Destination = 0, .Vector = VECTOR};
    uint64_t before = *guest_counter(&guest, 1);
    if (!wait_for_guest()) {
        return false;
    }
    uint64_t begin = bench_time();
    if (WHvRequestInterrupt(guest.partition, &c, sizeof(c)) != S_OK) {
        return false;
    }
    while (*guest_counter(&guest, 1) == before) {
        if (__builtin_expect(__atomic_load_n(&shared.wrong, __ATOMIC_RELAXED) != 0, 0)) {
            return false;
        }
    }
    bench_add(s, bench_time() - begin);
    return true;
}

static struct bench_samples *take(const char *name, bool (*once)(struct bench_samples *))
{
    struct bench_samples *s = bench_begin(name);
    bench_subtract_timer(s);
    for (uint32_t i = 0; i < BENCH_WARM_UP + bench.runs; i++) {
        if (i == BENCH_WARM_UP) {
            s->count = 0;
        }
        if (!once(s)) {
            s->failed++;
            break;
        }
    }
    return s;
}

static void measure(const char *name, bool apic, bool (*once)(struct bench_samples *))
{
    const struct guest_options options = {.apic = apic};
    if (!bench_wants(name) || !guest_create(&guest, name, &options)) {
        return;
    }
    memset(&shared, 0, sizeof(shared));
    guest_handler(&guest, VECTOR, HANDLER_AT, bench_handler, bench_handler_end);
    if (GUEST_LOAD(&guest, 0, spin) && guest_set(&guest, 0, WHvX64RegisterRflags, FLAGS_IF) &&
        (!apic || guest_set(&guest, 0, WHvX64RegisterApicSpurious, 0x1ff))) {
        root_run_on(RUNNER, runner, &guest);
        struct bench_samples *s = take(name, once);
        __atomic_store_n(&shared.stop, 1, __ATOMIC_RELEASE);
        (void)WHvCancelRunVirtualProcessor(guest.partition, 0, 0);
        if (!root_wait(RUNNER, PATIENCE)) {
            bench_failed(name, "the other CPU", E_NOTIMPL);
            return;
        }
        bench_report(s);
    }
    guest_destroy(&guest);
}

void bench_cpus(void)
{
    measure("cancel_remote", false, cancel_once);
    measure("inject_interrupt", true, inject_once);
}
