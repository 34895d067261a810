/* SPDX-License-Identifier: MIT */
/* INIT of a root CPU while others want something of it: nobody waits for ever. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/scenario.h"

extern const uint8_t payload_turn[], payload_turn_end[];

#define VPS 8u
#define ROUNDS 12u
#define TICKS 200000000ull
#define STEP 397u /* ticks: each round meets another moment */

static struct guest guest;
static volatile uint32_t ready, go; /* atomic */

static void meet(uint32_t others)
{
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) != others) {
        cpu_pause();
    }
}

static void send_init_to(void *arg)
{
    meet(2);
    apic_send(scenario_machine->apic_ids[*(const uint32_t *)arg], APIC_INIT);
}

/* Each waits until the other has stopped. Both can be started again. */
static void mutual(void)
{
    static const uint32_t first = 1, second = 2;
    for (uint32_t i = 0; i < 3; i++) {
        ready = 0;
        root_run_on(first, send_init_to, (void *)(uintptr_t)&second);
        root_run_on(second, send_init_to, (void *)(uintptr_t)&first);
        for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < TICKS / 20;) {
            cpu_pause();
        }
        CHECK(smp_restart(first));
        CHECK(smp_restart(second));
    }
}

/* Leaves every VP loaded on the CPU that executes this. */
static void run_each(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    (void)arg;
    for (uint32_t i = 0; i < VPS; i++) {
        guest_run(&guest, i, &r, WHvRunVpExitReasonX64IoPortAccess);
    }
}

static void wait_for_go(void)
{
    __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&go, __ATOMIC_SEQ_CST) == 0) {
        cpu_pause();
    }
}

static void wait_until(uint64_t tsc)
{
    while (cpu_rdtsc() < tsc) {
    }
}

static void delete_each(void *arg)
{
    uint64_t handle = whb_handle(guest.partition);
    wait_for_go();
    wait_until(cpu_rdtsc() + *(const uint64_t *)arg);
    for (uint32_t i = VPS; i-- > 0;) {
        (void)whb_call(WHB_CALL_VP_DELETE, handle, i, 0, 0, 0, NULL);
    }
}

static void reset_often(void *arg)
{
    uint64_t handle = whb_handle(guest.partition);
    wait_for_go();
    wait_until(cpu_rdtsc() + *(const uint64_t *)arg);
    for (uint32_t i = 0; i < VPS; i++) {
        (void)whb_call(WHB_CALL_PARTITION_RESET, handle, 0, 0, 0, 0, NULL);
    }
}

/* CPU 1 has the VPs and gets INIT while CPU 2 does `work` on them. */
static void race(void (*work)(void *))
{
    static uint64_t delay;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        guest_create(&guest, VPS, 0);
        for (uint32_t i = 0; i < VPS; i++) {
            guest_load(&guest, i, payload_turn, payload_turn_end, 0x1000);
        }
        root_run_on(1, run_each, NULL);
        CHECK(root_wait(1, TICKS));
        ready = go = 0;
        delay = (uint64_t)round * STEP;
        root_run_on(2, work, &delay);
        while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == 0) {
            cpu_pause();
        }
        __atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
        CHECK(smp_restart(1));
        if (!root_wait(2, TICKS)) {
            check_equal("rounds that CPU 2 came back from", ROUNDS, round);
            return;
        }
        for (uint32_t i = 0; i < VPS; i++) { /* gone already, or not */
            (void)whb_call(WHB_CALL_VP_DELETE, whb_handle(guest.partition), i, 0, 0, 0, NULL);
        }
        CHECK_EQ(S_OK, WHvDeletePartition(guest.partition));
    }
}

static void against_delete(void)
{
    race(delete_each);
}

static void against_reset(void)
{
    race(reset_often);
}

const struct scenario scenarios_root_init[] = {
    {"root-init/mutual", 3, mutual},
    {"root-init/against-vp-delete", 3, against_delete},
    {"root-init/against-partition-reset", 3, against_reset},
    {0},
};
