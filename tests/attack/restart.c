/* SPDX-License-Identifier: MIT */
/*
 * Random hypercalls on all CPUs, most of which send each other INIT and SIPI at any moment. CPU 0 gets no INIT, so that
 * somebody is left to start the others. Each CPU watches all others: one that makes no step for long is reported, with
 * what it was doing.
 */
#include "tests/attack/arena.h"

#define STACK_PAGES 8u
#define HANG_TICKS 150000000ull /* instructions; the longest call takes a few million */
#define LATE_TICKS 5000000ull
#define SIPI_TICKS 20000u /* of CPU 0: a CPU that waits does not wait for long */
#define MSR_X2APIC_ICR 0x830u
#define ICR_OTHERS (3u << 18)
#define ICR_LOGICAL (1u << 11)
#define GENERATION_MARGIN 64u

extern const uint8_t trampoline[], trampoline_end[], trampoline_data[], restart_entry[];
void restart_main(void);

uint64_t restart_stacks[ROOT_MAX_CPUS]; /* tops, by APIC ID */

static uint32_t cpus, startup;                /* number of CPUs; SIPI with the trampoline's page */
static uint64_t total;                        /* calls to make */
static bool over;                             /* atomic: no more INITs */
static uint64_t apic_ids[ROOT_MAX_CPUS];      /* of each CPU */
static uint32_t sent, started, highest, hung; /* atomic; INITs, starts, generation of handles, reports of a hang */

/* What a CPU has last seen of the others' steps. */
static struct {
    uint64_t steps[ROOT_MAX_CPUS], since[ROOT_MAX_CPUS];
} seen[ROOT_MAX_CPUS];

void restart_prepare(uint32_t count, uint64_t work, const struct whb_handoff *machine)
{
    cpus = count;
    total = work;
    uint64_t page = memory_low_page();
    memcpy((void *)(uintptr_t)page, trampoline, (size_t)(trampoline_end - trampoline));
    uint64_t *data = (uint64_t *)(uintptr_t)(page + (uintptr_t)(trampoline_data - trampoline));
    data[0] = cpu_read_cr3();
    data[1] = (uintptr_t)root_alloc_pages(1, ROOT_PAGE) + ROOT_PAGE;
    data[2] = (uintptr_t)restart_entry;
    startup = APIC_SIPI | (uint32_t)(page >> 12);
    for (uint32_t cpu = 0; cpu < count; cpu++) {
        apic_ids[cpu] = machine->apic_ids[cpu] % ROOT_MAX_CPUS;
        restart_stacks[apic_ids[cpu]] = (uintptr_t)root_alloc_pages(STACK_PAGES, ROOT_PAGE) + STACK_PAGES * ROOT_PAGE;
    }
}

/* A CPU that hangs in the hypervisor cannot be asked: what it began is known. */
static _Noreturn void report(uint32_t cpu, uint64_t now)
{
    if (__atomic_exchange_n(&hung, 1, __ATOMIC_SEQ_CST) != 0) {
        for (;;) {
            cpu_pause();
        }
    }
    root_printf("FAIL hang: CPU %u makes no step\n", cpu);
    for (uint32_t i = 0; i < cpus; i++) {
        const struct attacker *a = &attackers[i];
        root_printf("  CPU %u: %lu calls, step %lu, %s %u (0x%lx 0x%lx 0x%lx 0x%lx 0x%lx) since %lu ticks\n", i,
                    a->calls, a->steps, a->doing.what == NULL ? "between calls after" : a->doing.what, a->doing.number,
                    a->doing.arguments[0], a->doing.arguments[1], a->doing.arguments[2], a->doing.arguments[3],
                    a->doing.arguments[4], now - a->doing.since);
    }
    root_printf("[scenario] done\n0 passed, 1 failed\n");
    root_power_off(1);
}

static void watch(struct attacker *a)
{
    uint64_t now = cpu_rdtsc();
    __atomic_fetch_add(&a->steps, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < cpus; i++) {
        uint64_t steps = __atomic_load_n(&attackers[i].steps, __ATOMIC_RELAXED);
        bool ended = __atomic_load_n(&attackers[i].ended, __ATOMIC_ACQUIRE);
        if (ended || steps != seen[a->cpu].steps[i] || seen[a->cpu].since[i] == 0) {
            seen[a->cpu].steps[i] = steps;
            seen[a->cpu].since[i] = now;
        } else if (now - seen[a->cpu].since[i] > HANG_TICKS) {
            report(i, now);
        }
    }
}

/* CPU 0 may be hanging: whoever runs now is kept, or nobody would be left to say so. */
static bool is_late(const struct attacker *a)
{
    return a->cpu != 0 && cpu_rdtsc() - seen[a->cpu].since[0] > LATE_TICKS;
}

static void send(struct attacker *a, const char *what, uint32_t destination, uint32_t command)
{
    a->doing.what = what;
    a->doing.number = destination;
    a->doing.since = cpu_rdtsc();
    if (what[0] == 'I') {
        __atomic_fetch_add(&sent, 1, __ATOMIC_RELAXED);
    }
    apic_send(destination, command);
    a->doing.what = NULL;
}

static void send_sipis(struct attacker *a)
{
    if (random_once_in(&a->random, 2)) {
        send(a, "SIPI to all but", a->cpu, startup | ICR_OTHERS);
        return;
    }
    for (uint32_t i = 1; i < cpus; i++) {
        send(a, "SIPI to", (uint32_t)apic_ids[i], startup);
    }
}

/* Any but CPU 0, which may be the sender itself. */
static uint32_t pick_target(struct attacker *a)
{
    return (uint32_t)apic_ids[1 + random_below(&a->random, cpus - 1)];
}

static void send_inits(struct attacker *a)
{
    uint32_t target = pick_target(a);
    switch (random_below(&a->random, 6)) {
    case 0: /* as operating systems do it */
        send(a, "INIT to", target, APIC_INIT);
        send(a, "SIPI to", target, startup);
        break;
    case 1:
        send(a, "INIT to", target, APIC_INIT);
        send(a, "INIT to", target, APIC_INIT);
        break;
    case 2:
        if (a->cpu == 0) {
            send(a, "INIT to all but", 0, APIC_INIT | ICR_OTHERS);
        } else if (apic_is_x2apic()) { /* some of CPU 1 to 15 */
            send(a, "INIT to logical", (uint32_t)random_u64(&a->random) & 0xfffeu, APIC_INIT | ICR_LOGICAL);
        }
        break;
    case 3:
        send(a, "INIT to", target, APIC_INIT);
        send(a, "INIT to", pick_target(a), APIC_INIT);
        send(a, "SIPI to", target, startup);
        break;
    default:
        send(a, "INIT to", target, APIC_INIT);
    }
}

static uint64_t calls_of_all(void)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; i < cpus; i++) {
        calls += __atomic_load_n(&attackers[i].calls, __ATOMIC_RELAXED);
    }
    return calls;
}

static bool is_over(const struct attacker *a)
{
    if (a->cpu == 0 && calls_of_all() >= total) {
        __atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
    }
    return __atomic_load_n(&over, __ATOMIC_SEQ_CST) || attack_failed();
}

static void note_handle(const struct attacker *a)
{
    uint32_t before = __atomic_load_n(&highest, __ATOMIC_RELAXED),
             generation = (uint32_t)(a->newest / WHB_MAX_PARTITIONS);
    while (generation > before &&
           !__atomic_compare_exchange_n(&highest, &before, generation, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

static void attack(struct attacker *a)
{
    uint64_t last = cpu_rdtsc();
    cpu_cli();
    while (!is_over(a)) {
        calls_one(a);
        note_handle(a);
        watch(a);
        if (cpus == 1) {
            continue;
        }
        if (a->cpu == 0 && cpu_rdtsc() - last > SIPI_TICKS) {
            send_sipis(a);
            last = cpu_rdtsc();
        }
        if (random_once_in(&a->random, a->cpu == 0 ? 64 : 32) && !is_late(a)) {
            send_inits(a);
        } else if (random_once_in(&a->random, 64)) {
            send_sipis(a);
        }
    }
    calls_let_go(a);
    __atomic_store_n(&a->ended, true, __ATOMIC_RELEASE);
}

static bool all_ended(void)
{
    for (uint32_t i = 0; i < cpus; i++) {
        if (!__atomic_load_n(&attackers[i].ended, __ATOMIC_ACQUIRE)) {
            return false;
        }
    }
    return true;
}

void restart_main(void)
{
    uint32_t cpu = root_cpu();
    struct attacker *a = &attackers[cpu];
    trap_init_cpu(cpu);
    library_init_cpu();
    apic_enable();
    __atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
    if (a->loose != 0) {
        arena_delete(a, a->loose);
        a->loose = 0;
    }
    attack(a);
    for (;;) {
        cpu_pause();
    }
}

void restart_attack(void *attacker)
{
    struct attacker *a = attacker;
    attack(a);
    while (a->cpu == 0 && !all_ended()) {
        send_sipis(a);
        watch(a);
    }
}

/*
 * What a CPU had in its hands when it was stopped is a partition whose handle nobody knows any more. Slots are used
 * from the lowest on, and each counts its generations.
 */
void restart_finish(struct attacker *a)
{
    struct whb_statistics s;
    uint32_t lost = 0;
    for (uint64_t slot = 0; slot < WHB_MAX_PARTITIONS; slot++) {
        (void)whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL);
        if (s.partitions == 0) {
            break;
        }
        for (uint64_t g = highest + GENERATION_MARGIN; g > 0; g--) {
            if (attack_do(a, WHB_CALL_PARTITION_DELETE, g * WHB_MAX_PARTITIONS + slot, 0, 0, 0, 0) == WHB_OK) {
                lost++;
                break;
            }
        }
    }
    root_printf("%u INITs, %u starts, %u partitions lost by them\n", sent, started, lost);
}

void restart_judge(const struct attacker *sum)
{
    calls_judge(sum);
    attack_check("restarts", "CPUs were restarted often", 1, cpus == 1 || started >= sum->work / 500);
}
