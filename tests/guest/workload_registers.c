/* SPDX-License-Identifier: MIT */
/*
 * Floating-point and vector registers: each process fills all of them with numbers of its own, goes to another CPU,
 * lets others run or is interrupted, and looks.
 */
#include "workload.h"

#include <cpuid.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 160
#define SPIN 4000
#define FCW_MASKED 0x037fu
#define MXCSR_MASKED 0x1f80u
#define MXCSR_FLAGS 0x3fu /* of exceptions that were */

/* As registers.S has it. */
struct registers {
    int64_t x87[8];
    uint32_t mxcsr;
    uint16_t fcw;
    uint8_t unused[58];
    uint64_t masks[8];
    uint64_t vectors[32][8];
};
_Static_assert(__builtin_offsetof(struct registers, mxcsr) == 64 &&
                   __builtin_offsetof(struct registers, masks) == 128 &&
                   __builtin_offsetof(struct registers, vectors) == 192,
               "registers.S has these offsets");

typedef void registers_work(const struct registers *in, struct registers *out, long call, long a, long b, long c);
registers_work registers_sse, registers_avx, registers_avx512;

static uint64_t state;

/* xorshift64* */
static uint64_t random_word(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

static void fill(struct registers *r, unsigned words, unsigned vectors, bool masks)
{
    memset(r, 0, sizeof(*r));
    for (int i = 0; i < 8; i++) {
        r->x87[i] = (int64_t)random_word();
        r->masks[i] = masks ? random_word() : 0;
    }
    r->fcw = (uint16_t)(FCW_MASKED | (random_word() & 3) << 10);
    r->mxcsr = MXCSR_MASKED | (uint32_t)(random_word() & 7) << 13;
    for (unsigned i = 0; i < vectors; i++) {
        for (unsigned n = 0; n < words; n++) {
            r->vectors[i][n] = random_word();
        }
    }
}

static const char *what_is_at(size_t offset)
{
    if (offset >= __builtin_offsetof(struct registers, vectors)) {
        return "vector registers";
    }
    return offset >= __builtin_offsetof(struct registers, masks) ? "mask registers" : "x87 registers or MXCSR";
}

/* The first word that is not as it was. */
static void tell(const char *name, int seed, int round, const struct registers *in, const struct registers *out)
{
    uint64_t a, b;
    size_t at = 0;
    do {
        memcpy(&a, (const char *)in + at, sizeof(a));
        memcpy(&b, (const char *)out + at, sizeof(b));
        at += sizeof(a);
    } while (a == b && at < sizeof(*in));
    at -= sizeof(a);
    printf("workload: %s: process %d, round %d: %s, byte %zu: expected %016lx, got %016lx\n", name, seed, round,
           what_is_at(at), at, a, b);
    fflush(stdout);
}

/* How the rounds differ in what happens while the registers are full. */
static void go(registers_work *work, const struct registers *in, struct registers *out, int round, int seed)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)((round / 4 + seed) % workload_cpus), &set);
    if (round % 4 == 0) {
        work(in, out, SYS_sched_setaffinity, 0, sizeof(set), (long)(intptr_t)&set);
    } else if (round % 4 == 1) {
        work(in, out, -1, SPIN, 0, 0);
    } else {
        work(in, out, SYS_sched_yield, 0, 0, 0);
    }
}

/* One process's rounds; returns how many lost something. */
static int rounds(const char *name, registers_work *work, unsigned words, unsigned vectors, int seed)
{
    int wrong = 0;
    state = 0x9e3779b97f4a7c15ull * (uint64_t)(seed + 1);
    for (int i = 0; i < ROUNDS; i++) {
        struct registers in, out;
        fill(&in, words, vectors, vectors == 32);
        memset(&out, 0, sizeof(out));
        go(work, &in, &out, i, seed);
        out.mxcsr &= ~MXCSR_FLAGS;
        if (memcmp(&in, &out, sizeof(in)) != 0) {
            if (wrong == 0) {
                tell(name, seed, i, &in, &out);
            }
            wrong++;
        }
    }
    return wrong;
}

static void check(const char *name, registers_work *work, unsigned words, unsigned vectors)
{
    int processes = 2 * workload_cpus;
    for (int i = 0; i < processes; i++) {
        if (fork() == 0) {
            _exit(rounds(name, work, words, vectors, i) != 0);
        }
    }
    int wrong = workload_wait(processes);
    workload_part(name, wrong == 0, "expected no process of %d to lose a register, got %d", processes, wrong);
}

void workload_registers(void)
{
    __builtin_cpu_init();
    check("sse", registers_sse, 2, 16);
    if (__builtin_cpu_supports("avx")) {
        check("avx", registers_avx, 4, 16);
    } else {
        printf("workload: no AVX here\n");
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
        check("avx512", registers_avx512, 8, 32);
    } else {
        printf("workload: no AVX-512 here\n");
    }
}
