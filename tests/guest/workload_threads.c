/* SPDX-License-Identifier: MIT */
/* Threads of one process on all CPUs: a baton by mutex and condition, and mappings that come and go in all of them. */
#include "workload.h"

#include <pthread.h>
#include <sys/mman.h>

#define HANDOVERS 400
#define MAPPINGS 40
#define MAPPING_PAGES 8
#define PAGE 4096

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn, handovers, wrong;

/* Runs `work` on each CPU, with the CPU's number. */
static void on_all_cpus(void *(*work)(void *))
{
    pthread_t all[MAX_CPUS];
    for (int i = 0; i < workload_cpus; i++) {
        if (pthread_create(&all[i], NULL, work, (void *)(intptr_t)i) != 0) {
            workload_part("threads", false, "expected a thread, got none");
            return;
        }
    }
    for (int i = 0; i < workload_cpus; i++) {
        pthread_join(all[i], NULL);
    }
}

static void *player(void *argument)
{
    int self = (int)(intptr_t)argument;
    workload_pin(self);
    pthread_mutex_lock(&mutex);
    while (handovers < HANDOVERS) {
        if (turn == self) {
            handovers++;
            turn = (turn + 1) % workload_cpus;
            pthread_cond_broadcast(&turn_changed);
        } else {
            pthread_cond_wait(&turn_changed, &mutex);
        }
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Each unmapping has to reach the TLBs of the CPUs on which the other threads run: new pages must come zeroed. */
static void *mapper(void *argument)
{
    int self = (int)(intptr_t)argument;
    workload_pin(self);
    for (int n = 0; n < MAPPINGS; n++) {
        volatile int *words =
            mmap(NULL, (size_t)MAPPING_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (words == MAP_FAILED) {
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
            break;
        }
        int bad = 0;
        for (int i = 0; i < MAPPING_PAGES; i++) {
            bad += words[i * PAGE / (int)sizeof(int)] != 0;
            words[i * PAGE / (int)sizeof(int)] = self * 1000 + n;
        }
        for (int i = 0; i < MAPPING_PAGES; i++) {
            bad += words[i * PAGE / (int)sizeof(int)] != self * 1000 + n;
        }
        __atomic_fetch_add(&wrong, bad, __ATOMIC_RELAXED);
        munmap((void *)(uintptr_t)words, (size_t)MAPPING_PAGES * PAGE);
    }
    return NULL;
}

void workload_threads(void)
{
    uint64_t begin = workload_now(CLOCK_MONOTONIC);
    on_all_cpus(player);
    workload_part("threads", handovers == HANDOVERS, "expected %d handovers, got %d, in %lu us", HANDOVERS, handovers,
                  (workload_now(CLOCK_MONOTONIC) - begin) / 1000);
    on_all_cpus(mapper);
    workload_part("mappings", wrong == 0, "expected no wrong word, got %d", wrong);
}
