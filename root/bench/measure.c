/* SPDX-License-Identifier: MIT */
/* Taking samples, and printing them. The lines that begin with @ are for scripts/bench: docs/bench.md has their form.
 */
#include "root/bench/bench.h"
#include "root/lib/sort.h"

#define MAX_DISTINCT 160u /* of a histogram; more, and values fall into classes of a width */
#define MAX_DISCARDED 10u /* of ten: so many runs for each that is wanted */

static struct bench_samples samples;
static uint32_t failures;

static void nothing(void *arg)
{
    (void)arg;
}

static int compare(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static void sort(struct bench_samples *s)
{
    qsort(s->ticks, s->count, sizeof(s->ticks[0]), compare);
}

static enum bench_verdict run_once(const struct bench_work *w, uint64_t *ticks)
{
    if (w->before != NULL) {
        w->before(w->arg);
    }
    uint64_t begin = bench_time();
    w->work(w->arg);
    *ticks = bench_time() - begin;
    return w->after == NULL ? BENCH_GOOD : w->after(w->arg);
}

static void take(struct bench_samples *s, const struct bench_work *w, uint32_t runs)
{
    for (uint32_t i = 0, good = 0; good < BENCH_WARM_UP + runs && i < MAX_DISCARDED * (BENCH_WARM_UP + runs); i++) {
        uint64_t ticks;
        switch (run_once(w, &ticks)) {
        case BENCH_GOOD:
            if (good++ >= BENCH_WARM_UP) {
                bench_add(s, ticks);
            }
            break;
        case BENCH_DISCARD:
            s->discarded++;
            break;
        default:
            s->failed++;
            return;
        }
    }
}

/* What an empty work takes. */
static uint32_t overhead(void)
{
    const struct bench_work empty = {NULL, nothing, NULL, NULL};
    samples.count = 0;
    samples.overhead = 0;
    take(&samples, &empty, 1000);
    sort(&samples);
    return samples.ticks[samples.count / 2];
}

struct bench_samples *bench_begin(const char *name)
{
    samples.name = name;
    samples.count = samples.discarded = samples.failed = samples.overhead = 0;
    return &samples;
}

void bench_subtract_timer(struct bench_samples *s)
{
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t begin = bench_time();
        bench_add(s, bench_time() - begin);
    }
    sort(s);
    s->overhead = s->ticks[s->count / 2];
    s->count = 0;
}

void bench_add(struct bench_samples *s, uint64_t ticks)
{
    uint64_t net = ticks > s->overhead ? ticks - s->overhead : 0;
    if (s->count < BENCH_MAX_RUNS) {
        s->ticks[s->count++] = net < UINT32_MAX ? (uint32_t)net : UINT32_MAX;
    }
}

static uint32_t distinct(const struct bench_samples *s, uint32_t width)
{
    uint32_t n = 1;
    for (uint32_t i = 1; i < s->count; i++) {
        n += s->ticks[i] / width != s->ticks[i - 1] / width;
    }
    return n;
}

static void print_histogram(const struct bench_samples *s)
{
    uint32_t width = 1;
    while (distinct(s, width) > MAX_DISTINCT) {
        width *= 2;
    }
    root_printf("@hist %s %u", s->name, width);
    for (uint32_t i = 0; i < s->count;) {
        uint32_t begin = i, class = s->ticks[i] / width;
        while (i < s->count && s->ticks[i] / width == class) {
            i++;
        }
        root_printf(" %u:%u", class * width, i - begin);
    }
    root_printf("\n");
}

void bench_report(struct bench_samples *s)
{
    if (s->failed != 0 || s->count == 0) {
        root_printf("@failed %s: %u good runs, then one that ended otherwise\n", s->name, s->count);
        failures++;
        return;
    }
    sort(s);
    root_printf("@case %s runs=%u min=%u median=%u p99=%u max=%u overhead=%u discarded=%u\n", s->name, s->count,
                s->ticks[0], s->ticks[s->count / 2], s->ticks[s->count - 1 - s->count / 100], s->ticks[s->count - 1],
                s->overhead, s->discarded);
    print_histogram(s);
}

uint32_t bench_measure(const char *name, const struct bench_work *work)
{
    uint32_t empty = overhead();
    struct bench_samples *s = bench_begin(name);
    s->overhead = empty;
    take(s, work, bench.runs);
    bench_report(s);
    bench_counts(name, work);
    return s->ticks[s->count / 2];
}

void bench_value(const char *name, uint64_t value)
{
    root_printf("@value %s %lu\n", name, value);
}

void bench_failed(const char *name, const char *what, HRESULT hr)
{
    root_printf("@failed %s: %s gave 0x%x\n", name, what, (uint32_t)hr);
    failures++;
}

uint32_t bench_failures(void)
{
    return failures;
}
