/* SPDX-License-Identifier: MIT */
/* The root module's command line: kind=NAME (calls), seed=N, work=N (of all CPUs together, in the kind's own unit). */
#include "tests/attack/arena.h"

#define DEFAULT_WORK 100000u

struct attacker attackers[ROOT_MAX_CPUS];

static struct attacker sum;
static uint32_t passed_count, failed_count;

void attack_check(const char *name, const char *what, uint64_t expected, uint64_t came)
{
    if (expected == came) {
        passed_count++;
        root_printf("PASS %s\n", name);
    } else {
        failed_count++;
        root_printf("FAIL %s: %s, expected 0x%lx, came 0x%lx\n", name, what, expected, came);
    }
}

static const char *find_value(const char *line, const char *key)
{
    size_t length = 0;
    while (key[length] != '\0') {
        length++;
    }
    for (; *line != '\0'; line++) {
        size_t i = 0;
        while (i < length && line[i] == key[i]) {
            i++;
        }
        if (i == length) {
            return line + length;
        }
    }
    return NULL;
}

static uint64_t read_number(const char *line, const char *key, uint64_t missing)
{
    const char *text = find_value(line, key);
    uint64_t value = 0;
    if (text == NULL || *text < '0' || *text > '9') {
        return missing;
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value;
}

static const struct {
    const char *name;
    void (*attack)(void *attacker);
    void (*judge)(const struct attacker *sum);
} kinds[] = {
    {"calls", calls_attack, calls_judge},
    {"guests", guests_attack, guests_judge},
    {"restart", restart_attack, restart_judge},
    {"root", root_attack, root_judge},
};

static unsigned find_kind(const char *line)
{
    const char *value = find_value(line, "kind=");
    for (unsigned i = 0; value != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = 0;
        while (kinds[i].name[length] != '\0' && kinds[i].name[length] == value[length]) {
            length++;
        }
        if (kinds[i].name[length] == '\0') {
            return i;
        }
    }
    return 0;
}

static void take_timer(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
}

static void read_statistics(const char *name, struct whb_statistics *s)
{
    attack_check(name, "status", WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)s, sizeof(*s), 0, 0, 0, NULL));
}

/* Everything was deleted: the heap is used as before. */
static void check_accounting(const struct whb_statistics *before)
{
    struct whb_statistics now = {0};
    struct whb_mapping_audit audit;
    uint64_t version;
    (void)whb_call(WHB_CALL_VERSION, 0, 0, 0, 0, 0, &version);
    attack_check("version-answered", "version", (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR, version);
    read_statistics("statistics-after", &now);
    attack_check("accounting-free", "heap_free", before->heap_free, now.heap_free);
    attack_check("accounting-ept", "heap_ept", before->heap_ept, now.heap_ept);
    attack_check("accounting-root-map", "heap_root_map", before->heap_root_map, now.heap_root_map);
    attack_check("accounting-trace", "heap_trace", before->heap_trace, now.heap_trace);
    attack_check("accounting-partition", "heap_partition", before->heap_partition, now.heap_partition);
    attack_check("accounting-vp", "heap_vp", before->heap_vp, now.heap_vp);
    attack_check("accounting-host", "heap_page_tables", before->heap_page_tables, now.heap_page_tables);
    attack_check("accounting-partitions", "partitions", before->partitions, now.partitions);
    (void)whb_call(WHB_CALL_AUDIT_MAPPINGS, (uintptr_t)&audit, sizeof(audit), 0, 0, 0, NULL);
    attack_check("no-writable-executable-page", "pages", 0, audit.writable_executable);
    attack_check("no-user-page", "pages", 0, audit.user);
}

static void add_up(uint32_t cpus)
{
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        const struct attacker *a = &attackers[cpu];
        sum.calls += a->calls;
        for (unsigned i = 0; i < sizeof(sum.counts) / sizeof(sum.counts[0]); i++) {
            for (unsigned s = 0; s < ATTACK_STATUSES; s++) {
                sum.counts[i][s] += a->counts[i][s];
            }
        }
        for (unsigned i = 0; i < sizeof(sum.exits) / sizeof(sum.exits[0]); i++) {
            sum.exits[i] += a->exits[i];
        }
    }
}

static void (*attack_of_kind)(void *attacker);

static void run_one(void *attacker)
{
    struct attacker *a = attacker;
    attack_of_kind(a);
    __atomic_store_n(&a->ended, true, __ATOMIC_RELEASE);
}

/* The machine's own limit ends a hang. */
static void run_all(uint32_t cpus)
{
    for (uint32_t cpu = 1; cpu < cpus; cpu++) {
        root_run_on(cpu, run_one, &attackers[cpu]);
    }
    run_one(&attackers[0]);
    for (uint32_t cpu = 1; cpu < cpus; cpu++) {
        while (!__atomic_load_n(&attackers[cpu].ended, __ATOMIC_ACQUIRE)) {
            cpu_pause();
        }
    }
}

void root_main(const struct whb_handoff *handoff)
{
    unsigned kind = find_kind(handoff->cmdline);
    uint64_t seed = read_number(handoff->cmdline, "seed=", 1), cpus = root_cpu_count();
    struct whb_statistics before = {0};
    sum.work = read_number(handoff->cmdline, "work=", DEFAULT_WORK);
    root_printf("attack by %s: seed=%lu work=%lu on %lu CPUs\n", kinds[kind].name, seed, sum.work, cpus);
    root_set_handler(APIC_VECTOR_TIMER, take_timer);
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        struct attacker *a = &attackers[cpu];
        random_seed(&a->random, seed, cpu);
        a->cpu = cpu;
        a->work = sum.work / cpus;
    }
    arena_init(&attackers[0].random, handoff);
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        attackers[cpu].buffers = (uint8_t *)(uintptr_t)(arena.buffers + cpu * ATTACK_BUFFERS * ATTACK_BUFFER);
    }
    if (kinds[kind].attack == root_attack) { /* which takes all exceptions */
        root_prepare(attackers, (uint32_t)cpus, handoff);
    }
    read_statistics("statistics-before", &before);
    calls_prepare();
    guests_prepare((uint32_t)cpus);
    restart_prepare((uint32_t)cpus, sum.work, handoff);
    uint64_t begin = cpu_rdtsc();
    attack_of_kind = kinds[kind].attack;
    run_all((uint32_t)cpus);
    calls_finish(&attackers[0]);
    guests_finish(&attackers[0]);
    root_finish(&attackers[0]);
    restart_finish(&attackers[0]);
    add_up((uint32_t)cpus);
    root_printf("%lu ticks for each call\n", (cpu_rdtsc() - begin) / (sum.calls + 1));
    kinds[kind].judge(&sum);
    check_accounting(&before);
    attack_check("no-failure", "failures", 0, attack_failed());
    root_printf("[scenario] done\n%u passed, %u failed\n", passed_count, failed_count);
    root_power_off(failed_count == 0 ? 0 : 1);
}
