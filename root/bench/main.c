/* SPDX-License-Identifier: MIT */
/*
 * The root module's command line: only=WORD,WORD (cases whose names begin so), runs=N (samples a case, 2000 by default,
 * at most 8192), trace=N (nothing of that, but a mixed load under the exit trace: N entries a CPU, a power of two).
 */
#include "root/bench/bench.h"

#define DEFAULT_RUNS 2000u
#define TRACE_ENTRIES 512u /* where the command line names no good number */

struct bench bench;

static const char *find_value(const char *line, const char *key)
{
    size_t length = strlen(key);
    for (; *line != '\0'; line++) {
        if (memcmp(line, key, length) == 0) {
            return line + length;
        }
    }
    return NULL;
}

static uint32_t read_number(const char *text, uint32_t missing)
{
    uint32_t value = 0;
    if (text == NULL || *text < '0' || *text > '9') {
        return missing;
    }
    for (; *text >= '0' && *text <= '9' && value <= BENCH_MAX_RUNS; text++) {
        value = value * 10 + (uint32_t)(*text - '0');
    }
    return value == 0 || value > BENCH_MAX_RUNS ? BENCH_MAX_RUNS : value;
}

static bool word_ends(char c)
{
    return c == '\0' || c == ' ' || c == ',';
}

bool bench_wants(const char *name)
{
    const char *p = bench.only;
    if (p == NULL) {
        return true;
    }
    for (;;) {
        const char *n = name;
        while (!word_ends(*p) && *p == *n) {
            p++;
            n++;
        }
        if (word_ends(*p)) {
            return true;
        }
        while (!word_ends(*p)) {
            p++;
        }
        if (*p != ',') {
            return false;
        }
        p++;
    }
}

static void print_cpu(void)
{
    uint32_t brand[13] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct cpu_cpuid r = cpu_cpuid(0x80000002u + i, 0);
        memcpy(&brand[4 * i], &r, sizeof(r));
    }
    root_printf("@text cpu %s\n", (const char *)brand);
    root_printf("@value cpu_signature %u\n", cpu_cpuid(1, 0).eax);
}

/* The 8259 pair's lines: a timer of the firmware's would cut runs off. */
static void mask_interrupts(void)
{
    cpu_outb(0x21, 0xff);
    cpu_outb(0xa1, 0xff);
}

static void print_machine(const struct whb_handoff *handoff)
{
    struct whb_statistics s;
    print_cpu();
    bench_value("cpus", root_cpu_count());
    bench_value("tsc_khz", handoff->tsc_khz);
    if (whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL) == WHB_OK) {
        bench_value("image_bytes", s.image_bytes);
    }
}

static _Noreturn void finish(void)
{
    root_printf("@bench end %u\n", bench_failures());
    root_power_off(bench_failures() == 0 ? 0 : 1);
}

static _Noreturn void trace_load(uint32_t entries)
{
    bool good = entries >= WHB_TRACE_MIN_ENTRIES && entries <= WHB_TRACE_MAX_READ && (entries & (entries - 1)) == 0;
    bench_trace_load(good ? entries : TRACE_ENTRIES);
    finish();
}

void root_main(const struct whb_handoff *handoff)
{
    bench.only = find_value(handoff->cmdline, "only=");
    bench.runs = read_number(find_value(handoff->cmdline, "runs="), DEFAULT_RUNS);
    mask_interrupts();
    root_printf("@bench begin 1\n");
    print_machine(handoff);
    if (find_value(handoff->cmdline, "trace=") != NULL) {
        trace_load(read_number(find_value(handoff->cmdline, "trace="), TRACE_ENTRIES));
    }
    bench_calls();
    bench_inside();
    bench_exits();
    bench_emulator();
    bench_memory();
    bench_scaling();
    bench_trace();
    if (root_cpu_count() > 1) {
        bench_cpus();
    }
    finish();
}
