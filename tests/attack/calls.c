/* SPDX-License-Identifier: MIT */
/* Random and nearly valid hypercalls on all CPUs at once. */
#include "abi/run_page.h"
#include "tests/attack/arguments.h"

#define RUN_TICKS_MAX 2048u

/* How often a call is made, beside the others, and what it takes. Calls that end what others need are rare. */
static const struct {
    const char *name;
    uint8_t weight;
    uint8_t arguments[5];
} table[WHB_CALL_COUNT] = {
    [WHB_CALL_VERSION] = {"VERSION", 4, {0}},
    [WHB_CALL_LOG_READ] = {"LOG_READ", 8, {ARG_POSITION, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_STATISTICS] = {"STATISTICS", 8, {ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_AUDIT_MAPPINGS] = {"AUDIT_MAPPINGS", 0, {ARG_OUTPUT, ARG_OUTPUT_SIZE}}, /* slow: see calls_one */
    [WHB_CALL_GET_CAPABILITY] = {"GET_CAPABILITY", 16, {ARG_CAPABILITY, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_PARTITION_CREATE] = {"PARTITION_CREATE", 0, {0}},
    [WHB_CALL_PARTITION_SETUP] = {"PARTITION_SETUP", 4, {ARG_PARTITION}},
    [WHB_CALL_PARTITION_DELETE] = {"PARTITION_DELETE", 1, {ARG_PARTITION}},
    [WHB_CALL_PROPERTY_GET] = {"PROPERTY_GET", 16, {ARG_PARTITION, ARG_PROPERTY, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_PROPERTY_SET] = {"PROPERTY_SET",
                               16,
                               {ARG_PARTITION, ARG_PROPERTY, ARG_PROPERTY_VALUE, ARG_PROPERTY_SIZE}},
    [WHB_CALL_GPA_MAP] = {"GPA_MAP", 24, {ARG_PARTITION, ARG_EXTENTS, ARG_EXTENT_COUNT}},
    [WHB_CALL_GPA_UNMAP] = {"GPA_UNMAP", 8, {ARG_PARTITION, ARG_GPA, ARG_PAGES}},
    [WHB_CALL_VP_CREATE] = {"VP_CREATE", 16, {ARG_PARTITION, ARG_VP, ARG_RUN_PAGE}},
    [WHB_CALL_VP_DELETE] = {"VP_DELETE", 4, {ARG_PARTITION, ARG_VP}},
    [WHB_CALL_VP_RUN] = {"VP_RUN", 48, {ARG_PARTITION, ARG_VP}},
    [WHB_CALL_VP_CANCEL] = {"VP_CANCEL", 16, {ARG_PARTITION, ARG_VP}},
    [WHB_CALL_VP_GET_REGISTERS] = {"VP_GET_REGISTERS", 24, {ARG_PARTITION, ARG_VP, ARG_NAMES, ARG_VALUES, ARG_COUNT}},
    [WHB_CALL_VP_SET_REGISTERS] = {"VP_SET_REGISTERS", 32, {ARG_PARTITION, ARG_VP, ARG_NAMES, ARG_VALUES, ARG_COUNT}},
    [WHB_CALL_GPA_PROTECT] = {"GPA_PROTECT", 16, {ARG_PARTITION, ARG_GPA, ARG_PAGES, ARG_MAP_FLAGS}},
    [WHB_CALL_GPA_DIRTY] = {"GPA_DIRTY", 16, {ARG_PARTITION, ARG_GPA, ARG_PAGES, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_GPA_READ] = {"GPA_READ", 16, {ARG_PARTITION, ARG_GPA_BYTE, ARG_OUTPUT, ARG_ACCESS_SIZE}},
    [WHB_CALL_GPA_WRITE] = {"GPA_WRITE", 16, {ARG_PARTITION, ARG_GPA_BYTE, ARG_OUTPUT, ARG_ACCESS_SIZE}},
    [WHB_CALL_TRANSLATE_GVA] = {"TRANSLATE_GVA",
                                16,
                                {ARG_PARTITION, ARG_VP, ARG_GPA_BYTE, ARG_TRANSLATE_FLAGS, ARG_OUTPUT}},
    [WHB_CALL_VP_STATE_GET] = {"VP_STATE_GET", 8, {ARG_PARTITION, ARG_VP, ARG_STATE_TYPE, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_VP_STATE_SET] = {"VP_STATE_SET", 12, {ARG_PARTITION, ARG_VP, ARG_STATE_TYPE, ARG_STATE, ARG_STATE_SIZE}},
    [WHB_CALL_INTERRUPT] = {"INTERRUPT", 16, {ARG_PARTITION, ARG_INTERRUPT, ARG_DESTINATION}},
    [WHB_CALL_PARTITION_COUNTERS] = {"PARTITION_COUNTERS",
                                     8,
                                     {ARG_PARTITION, ARG_COUNTER_SET, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_VP_COUNTERS] = {"VP_COUNTERS", 8, {ARG_PARTITION, ARG_VP, ARG_COUNTER_SET, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_TIME_SUSPEND] = {"TIME_SUSPEND", 8, {ARG_PARTITION}},
    [WHB_CALL_TIME_RESUME] = {"TIME_RESUME", 8, {ARG_PARTITION}},
    [WHB_CALL_PARTITION_RESET] = {"PARTITION_RESET", 4, {ARG_PARTITION}},
    [WHB_CALL_DOORBELL_ADD] = {"DOORBELL_ADD", 16, {ARG_PARTITION, ARG_DOORBELL, ARG_EVENT}},
    [WHB_CALL_DOORBELL_REMOVE] = {"DOORBELL_REMOVE", 16, {ARG_PARTITION, ARG_DOORBELL}},
    [WHB_CALL_POSTED_ADD] = {"POSTED_ADD", 16, {ARG_PARTITION, ARG_POSTED, ARG_POSTED_SIZE}},
    [WHB_CALL_POSTED_REMOVE] = {"POSTED_REMOVE", 8, {ARG_PARTITION, ARG_POSTED, ARG_POSTED_SIZE}},
    [WHB_CALL_APIC_ACCESS] = {"APIC_ACCESS",
                              16,
                              {ARG_PARTITION, ARG_VP, ARG_APIC_OFFSET, ARG_APIC_WRITE, ARG_APIC_VALUE}},
    [WHB_CALL_CPUID_OUTPUT] = {"CPUID_OUTPUT", 8, {ARG_PARTITION, ARG_VP, ARG_LEAF, ARG_OUTPUT}},
    [WHB_CALL_TRACE_SET] = {"TRACE_SET", 4, {ARG_TRACE}},
    [WHB_CALL_TRACE_READ] = {"TRACE_READ", 8, {ARG_POSITION, ARG_OUTPUT, ARG_OUTPUT_SIZE}},
    [WHB_CALL_INSTRUCTION_COUNTS] = {"INSTRUCTION_COUNTS", 1, {ARG_OUTPUT, ARG_OUTPUT_SIZE}}, /* other builds have it */
    [WHB_CALL_FAIL_ALLOCATION] = {"FAIL_ALLOCATION", 4, {ARG_ALLOCATION}},
};

static uint32_t weight_sum;

void calls_prepare(void)
{
    for (unsigned i = 0; i < WHB_CALL_COUNT; i++) {
        weight_sum += table[i].weight;
    }
}

static enum whb_call pick_call(struct random *r)
{
    uint32_t at = random_below(r, weight_sum), i = 0;
    for (; at >= table[i].weight; i++) {
        at -= table[i].weight;
    }
    return (enum whb_call)i;
}

static void make_call(struct attacker *a, enum whb_call number)
{
    uint64_t arguments[5], value;
    arguments_make(a, table[number].arguments, arguments);
    if (number == WHB_CALL_VP_RUN) {
        (void)attack_run(a, arguments[0], arguments[1], 1 + random_below(&a->random, RUN_TICKS_MAX));
    } else if (attack_call(a, WHB_CALL(number), arguments, &value) == WHB_OK && number == WHB_CALL_PARTITION_CREATE) {
        arena_put(a, random_below(&a->random, ARENA_PARTITIONS), value);
    }
}

/* A number, a version or reserved bits that no call has. */
static void make_no_call(struct attacker *a)
{
    uint64_t arguments[5], rax;
    for (unsigned i = 0; i < 5; i++) {
        arguments[i] = argument_odd(&a->random);
    }
    do {
        rax = random_once_in(&a->random, 2) ? random_u64(&a->random) >> random_below(&a->random, 64)
                                            : WHB_CALL(random_below(&a->random, 0x10000));
    } while (rax >> 16 == WHB_ABI_MAJOR && (rax & 0xffff) < WHB_CALL_COUNT);
    (void)attack_call(a, rax, arguments, NULL);
}

/* Writes where a VP may be running, in what the hypervisor reads of it. */
static void scribble_run_page(struct attacker *a)
{
    volatile uint64_t *page =
        (uint64_t *)(uintptr_t)(arena.run_pages + random_below(&a->random, ARENA_RUN_PAGES) * ROOT_PAGE);
    switch (random_below(&a->random, 5)) {
    case 0: /* dirty and valid */
        page[18] = (random_u64(&a->random) & 0x0003ffff0003ffffull) | (random_once_in(&a->random, 64) ? 1ull << 60 : 0);
        break;
    case 1: /* RIP: a cell of the guest memory, mostly */
        page[16] = random_once_in(&a->random, 8) ? random_u64(&a->random) : random_below(&a->random, 0x800) * 16;
        page[18] = (uint64_t)WHB_RUN_RIP << 32;
        break;
    case 2:
        page[17] = random_once_in(&a->random, 8) ? random_u64(&a->random) : 2 | (random_u64(&a->random) & 0xfd5);
        page[18] = (uint64_t)WHB_RUN_RFLAGS << 32;
        break;
    case 3: /* the ring of posted writes */
        page[WHB_RUN_POSTED_OFFSET / 8 + random_below(&a->random, 16)] = argument_odd(&a->random);
        break;
    default:
        page[random_below(&a->random, 64)] = argument_odd(&a->random);
    }
}

/* A partition that is gone makes every call on it fail: another takes its place. */
static void renew(struct attacker *a)
{
    uint32_t place = random_below(&a->random, ARENA_PARTITIONS);
    uint64_t handle = __atomic_load_n(&arena.partitions[place], __ATOMIC_RELAXED);
    if (handle == 0 || random_once_in(&a->random, 16) ||
        attack_do(a, WHB_CALL_PARTITION_SETUP, handle, 0, 0, 0, 0) != WHB_ERROR_INVALID_STATE) {
        arena_build(a, place);
    }
}

void calls_one(struct attacker *a)
{
    switch (random_below(&a->random, 64)) {
    case 0:
        make_no_call(a);
        break;
    case 1:
    case 2:
        scribble_run_page(a);
        break;
    case 3: /* a bare partition now and then: most calls need one that is set up */
        random_once_in(&a->random, 16) ? make_call(a, WHB_CALL_PARTITION_CREATE) : renew(a);
        break;
    case 4:
        make_call(a, random_once_in(&a->random, 64) ? WHB_CALL_AUDIT_MAPPINGS : WHB_CALL_VERSION);
        break;
    default:
        make_call(a, pick_call(&a->random));
    }
}

void calls_let_go(struct attacker *a)
{
    (void)attack_do(a, WHB_CALL_FAIL_ALLOCATION, 0, 0, 0, 0, 0);
    (void)attack_do(a, WHB_CALL_TRACE_SET, 0, 0, 0, 0, 0);
}

void calls_attack(void *attacker)
{
    struct attacker *a = attacker;
    cpu_cli(); /* a run ends with the timer only so: attack_run */
    while (a->calls < a->work && !attack_failed()) {
        calls_one(a);
    }
    calls_let_go(a);
}

void calls_finish(struct attacker *a)
{
    for (unsigned i = 0; i < ARENA_PARTITIONS; i++) {
        if (arena.partitions[i] != 0) {
            arena_delete(a, arena.partitions[i]);
        }
    }
}

/* Succeeded, or named, as enum whb_status counts. */
static void print_row(const char *name, const uint32_t *counts)
{
    root_printf("  %-20s", name);
    for (unsigned i = 0; i < ATTACK_STATUSES; i++) {
        if (counts[i] != 0) {
            root_printf(" %u:%u", i, counts[i]);
        }
    }
    root_printf("\n");
}

static uint32_t counts_sum(const uint32_t *counts)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < ATTACK_STATUSES; i++) {
        sum += counts[i];
    }
    return sum;
}

/* A call that is not there yet answers so on every partition; whatever is there must have succeeded many times. */
void calls_judge(const struct attacker *sum)
{
    uint32_t wanted = (uint32_t)(sum->work / 20000) + 1, poor = 0;
    root_printf("calls by status (number of enum whb_status: count)\n");
    for (unsigned i = 0; i < WHB_CALL_COUNT; i++) {
        const uint32_t *counts = sum->counts[i];
        print_row(table[i].name != NULL ? table[i].name : "(none)", counts);
        bool there = counts[WHB_ERROR_UNKNOWN_CALL] == 0 && counts[WHB_ERROR_NOT_SUPPORTED] != counts_sum(counts);
        if (there && counts[WHB_OK] < wanted) {
            root_printf("  this succeeded less than %u times\n", wanted);
            poor++;
        }
    }
    print_row("(no call)", sum->counts[WHB_CALL_COUNT]);
    attack_check("calls-succeed", "calls that seldom succeed", 0, poor);
    attack_check("calls-made", "all", 1, sum->calls >= sum->work);
    attack_check("unknown-calls-refused", "refused", 1, sum->counts[WHB_CALL_COUNT][WHB_ERROR_UNKNOWN_CALL] > 0);
}
