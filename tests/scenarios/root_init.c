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
static bool deleted;                /* by CPU 2 */

static void meet(uint32_t cpus)
{
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < cpus) {
        cpu_pause();
    }
}

static void count_call(void *arg)
{
    uint64_t version;
    if (whb_call(WHB_CALL_VERSION, 0, 0, 0, 0, 0, &version) == WHB_OK) {
        ++*(uint32_t *)arg;
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

#define ICR_LOGICAL (1u << 11)
#define ICR_OTHERS (3u << 18)

/* Of CPU 1 to 3, at the same time: what each writes to the ICR, and how many do. */
static struct {
    uint32_t destination, command;
} orders[4];
static uint32_t order_count;

static void obey(void *arg)
{
    uint32_t cpu = *(const uint32_t *)arg;
    meet(order_count);
    apic_send(orders[cpu].destination, orders[cpu].command);
}

/* Whoever stopped whom: all can be started again, and then the hypervisor does what they ask. */
static void obey_all(uint32_t count)
{
    static const uint32_t numbers[4] = {0, 1, 2, 3};
    static uint32_t done;
    order_count = count;
    ready = 0;
    for (uint32_t cpu = 1; cpu <= count; cpu++) {
        root_run_on(cpu, obey, (void *)(uintptr_t)&numbers[cpu]);
    }
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < TICKS / 100;) {
        cpu_pause();
    }
    for (uint32_t cpu = 1; cpu <= count; cpu++) {
        done = 0;
        CHECK(smp_restart(cpu));
        root_run_on(cpu, count_call, &done);
        CHECK(root_wait(cpu, TICKS));
        CHECK_EQ(1, done);
    }
}

static void cycle(void)
{
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t cpu = 1; cpu <= 3; cpu++) {
            orders[cpu].destination = scenario_machine->apic_ids[cpu % 3 + 1];
            orders[cpu].command = APIC_INIT;
        }
        obey_all(3);
    }
}

/* To several at once, the senders among them: by logical ID in x2APIC mode, where CPU 0 is left out. */
static void several(void)
{
    if (!apic_is_x2apic()) {
        return;
    }
    uint32_t all = 0;
    for (uint32_t cpu = 1; cpu <= 3; cpu++) {
        all |= 1u << (scenario_machine->apic_ids[cpu] & 15u);
    }
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t cpu = 1; cpu <= 3; cpu++) {
            orders[cpu].destination = round == 2 && cpu == 1 ? all : all & ~(1u << scenario_machine->apic_ids[cpu]);
            orders[cpu].command = APIC_INIT | ICR_LOGICAL;
        }
        obey_all(3);
    }
}

/* CPU 0 stops all others, twice, while they stop each other. */
static void others(void)
{
    for (uint32_t cpu = 1; cpu <= 2; cpu++) {
        orders[cpu].destination = scenario_machine->apic_ids[3 - cpu];
        orders[cpu].command = APIC_INIT;
    }
    ready = 0;
    order_count = 3;
    static const uint32_t first = 1, second = 2;
    root_run_on(first, obey, (void *)(uintptr_t)&first);
    root_run_on(second, obey, (void *)(uintptr_t)&second);
    meet(3);
    apic_send(0, APIC_INIT | ICR_OTHERS);
    apic_send(0, APIC_INIT | ICR_OTHERS);
    for (uint32_t cpu = 1; cpu < root_cpu_count(); cpu++) {
        CHECK(smp_restart(cpu));
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

/* All its VPs are to be got back from CPU 1. */
static void delete_partition(void *arg)
{
    wait_for_go();
    wait_until(cpu_rdtsc() + *(const uint64_t *)arg);
    deleted = WHvDeletePartition(guest.partition) == S_OK; /* not while the INIT looks through it */
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
        deleted = false;
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
        CHECK(deleted || WHvDeletePartition(guest.partition) == S_OK);
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

static void against_partition_delete(void)
{
    race(delete_partition);
}

const struct scenario scenarios_root_init[] = {
    {"root-init/mutual", 3, mutual},
    {"root-init/cycle", 4, cycle},
    {"root-init/several", 4, several},
    {"root-init/others", 3, others},
    {"root-init/against-vp-delete", 3, against_delete},
    {"root-init/against-partition-reset", 3, against_reset},
    {"root-init/against-partition-delete", 3, against_partition_delete},
    {0},
};
