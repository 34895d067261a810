/* SPDX-License-Identifier: MIT */
/*
 * Measures exits from inside Linux, in a program: CPUID, which the hypervisor answers, and OUT to a port where no
 * device is, which the monitor answers. Prints every sample (docs/bench.md, "Inside a guest").
 */
#include "tests/guest/exits/samples.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/io.h>

#define NO_PORT 0x2e2u

/* The low half of the TSC before and after the instruction, with what its operands need. */
#define MEASURE(name, instruction)                                                                                     \
    static uint32_t measure_##name(void)                                                                               \
    {                                                                                                                  \
        uint32_t before, after;                                                                                        \
        __asm__ volatile("lfence\n\trdtsc\n\tmovl %%eax, %0\n\txorl %%eax, %%eax\n\tmovl %2, %%edx\n\t" instruction    \
                         "rdtsc"                                                                                       \
                         : "=&S"(before), "=&a"(after)                                                                 \
                         : "i"(NO_PORT)                                                                                \
                         : "rbx", "rcx", "rdx", "memory");                                                             \
        return after - before;                                                                                         \
    }
MEASURE(nothing, "")
MEASURE(cpuid, "cpuid\n\t")
MEASURE(out, "outb %%al, %%dx\n\t")

static void take(const char *name, uint32_t (*work)(void))
{
    static uint32_t samples[SAMPLES];
    uint32_t overhead = UINT32_MAX;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t empty = measure_nothing();
        overhead = empty < overhead ? empty : overhead;
    }
    for (uint32_t i = 0; i < WARM_UP; i++) {
        (void)work();
    }
    for (uint32_t i = 0; i < SAMPLES; i++) {
        samples[i] = work();
    }
    for (uint32_t i = 0; i < SAMPLES; i++) {
        if (i % SAMPLES_IN_LINE == 0) {
            printf("%s@samples %s", i == 0 ? "" : "\n", name);
        }
        printf(" %x", samples[i] - overhead);
    }
    printf("\n");
}

int main(void)
{
    if (ioperm(NO_PORT, 1, 1) != 0) {
        perror("@failed linux_out: ioperm");
        return 1;
    }
    take("linux_cpuid", measure_cpuid);
    take("linux_out", measure_out);
    printf("@bench end 0\n");
    return 0;
}
