/* SPDX-License-Identifier: MIT */
/*
 * An attack on the hypervisor from inside the machine, by kinds of random work: hypercalls of all root CPUs at once
 * (calls.c), the same while CPUs are restarted (restart.c), guests that execute random privileged instructions
 * (guests.c), and the root's own (root.c). Each CPU draws from a generator of its own, so that on one CPU a seed
 * repeats everything.
 */
#pragma once

#include "abi/whv.h"
#include "root/lib/root.h"

/* xorshift64*; the state is never 0. */
struct random {
    uint64_t state;
};

void random_seed(struct random *r, uint64_t seed, uint32_t stream);
uint64_t random_u64(struct random *r);
/* Below `limit`, which is not 0. */
uint32_t random_below(struct random *r, uint32_t limit);
/* True once in `n` times. */
bool random_once_in(struct random *r, uint32_t n);

#define PICK(r, array) ((array)[random_below((r), (uint32_t)(sizeof(array) / sizeof((array)[0])))])

/* The last of enum whb_status. One counter more counts what is none of them. */
#define ATTACK_LAST_STATUS WHB_ERROR_APIC_ACCESS
#define ATTACK_STATUSES (ATTACK_LAST_STATUS + 2u)

/* What one CPU has and does. */
struct attacker {
    struct random random;
    uint32_t cpu;
    uint64_t work;                                        /* calls or exits to make */
    uint8_t *buffers;                                     /* of this CPU alone: ATTACK_BUFFERS of ATTACK_BUFFER bytes */
    uint64_t calls;                                       /* made so far */
    uint64_t done;                                        /* exits so far */
    uint32_t counts[WHB_CALL_COUNT + 1][ATTACK_STATUSES]; /* the last row: numbers that name no call */
    uint32_t exits[32];                                   /* guests.c, by kind */

    /* For restart.c: other CPUs look at these, and this CPU may lose its stack at any moment. */
    uint64_t steps;  /* atomic */
    bool ended;      /* atomic: this CPU's part of the attack is over */
    uint64_t newest; /* handle of the partition it created last */
    uint64_t loose;  /* handle of a partition that is not in the arena, or is about to leave it; 0: none */
    struct {
        const char *what; /* NULL: nothing now */
        uint32_t number;
        uint64_t arguments[5], since;
    } doing;
};

extern struct attacker attackers[ROOT_MAX_CPUS];

#define ATTACK_BUFFER 8192u
#define ATTACK_BUFFERS 4u

/* Makes a hypercall with exactly this RAX, counts it, and checks what holds for every call. */
enum whb_status attack_call(struct attacker *a, uint64_t rax, const uint64_t arguments[5], uint64_t *value);
/* The same for a call of the ABI. */
enum whb_status attack_do(struct attacker *a, enum whb_call number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                          uint64_t a5);

/* The first failure is printed, and makes every CPU stop. */
void attack_fail(const struct attacker *a, const char *what, uint64_t expected, uint64_t came);
bool attack_failed(void);

/* GPA_MAP of one extent, in the first buffer. */
enum whb_status attack_map(struct attacker *a, uint64_t partition, uint64_t pa, uint64_t gpa, uint64_t size,
                           uint64_t flags);

/* Runs a VP with the CPU's own timer armed for `ticks`, so that the run ends. Takes the timer's interrupt. */
enum whb_status attack_run(struct attacker *a, uint64_t partition, uint64_t vp, uint32_t ticks);

/* The kinds of work; each runs on every CPU at once. `prepare` once before, `finish` once after. */
void calls_prepare(void);
void calls_attack(void *attacker);
/* One random call; and the end of a CPU's part in them. */
void calls_one(struct attacker *a);
void calls_let_go(struct attacker *a);
void calls_finish(struct attacker *a);
void calls_judge(const struct attacker *sum);
void restart_prepare(uint32_t count, uint64_t work, const struct whb_handoff *machine);
void restart_attack(void *attacker);
void restart_finish(struct attacker *a);
void restart_judge(const struct attacker *sum);
void guests_prepare(uint32_t cpus);
void guests_attack(void *attacker);
void guests_finish(struct attacker *a);
void guests_judge(const struct attacker *sum);
void root_prepare(struct attacker *all, uint32_t cpus, const struct whb_handoff *machine);
void root_attack(void *attacker);
void root_finish(struct attacker *a);
void root_judge(const struct attacker *sum);

/* Prints PASS or FAIL for a check of the whole attack. */
void attack_check(const char *name, const char *what, uint64_t expected, uint64_t came);
