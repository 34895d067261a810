/* SPDX-License-Identifier: MIT */
/* The root's own instructions as an attack: steps by a seed on every CPU, and what must hold after each. */
#include "tests/attack/root.h"

#include "abi/run_page.h"

#define VECTOR_DB 1u
#define VECTOR_NMI 2u
#define VECTOR_MC 18u
#define EXCEPTIONS 32u
#define RFLAGS_TF 0x100ull
#define DR7_OFF 0x400ull
#define APIC_SVR 0xf0u
#define APIC_ISR 0x100u
#define ISR_REGISTERS 8u
#define SVR_ON (0x100u | APIC_VECTOR_SPURIOUS)
#define GUEST_EVERY 64u
#define STACK_PAGES 2u

struct step_cpu step_cpus[ROOT_MAX_CPUS];

static uint32_t steps_done[32], steps_faulted[32]; /* atomic, by kind */
static uint32_t guest_runs, nmis, single_steps;    /* atomic */
static uint32_t weight_sum;
static uint32_t lock_word; /* atomic */

void step_lock(void)
{
    while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
}

void step_unlock(void)
{
    __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
}

/* #DB lets the step go on, all else ends it. */
static void on_exception(struct root_frame *frame)
{
    struct step_cpu *s = &step_cpus[root_cpu()];
    if (frame->vector == VECTOR_DB) {
        s->single_steps++;
        __asm__ volatile("mov %0, %%dr6" : : "r"(0ull));
        frame->rflags |= 1ull << 16; /* an instruction breakpoint comes once */
        frame->rflags &= s->rsp == 0 ? ~RFLAGS_TF : ~0ull;
        return;
    }
    if (s->rsp == 0) {
        attack_fail(s->a, "an exception outside a step", frame->rip, frame->vector);
        root_printf("exception %lu, error %lx, RIP %lx, CR2 %lx\n", frame->vector, frame->error, frame->rip,
                    cpu_read_cr2());
        root_power_off(1);
    }
    s->faulted = true;
    s->vector = frame->vector;
    frame->rip = (uintptr_t)step_left;
    frame->rsp = s->rsp;
    frame->rflags = 2;
    frame->cs = ROOT_CODE;
    frame->ss = ROOT_DATA;
}

static void on_nmi(struct root_frame *frame)
{
    (void)frame;
    __atomic_fetch_add(&nmis, 1, __ATOMIC_RELAXED);
}

static void on_interrupt(struct root_frame *frame)
{
    (void)frame;
    apic_eoi();
}

static bool in_service(void)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < ISR_REGISTERS; i++) {
        all |= apic_read(APIC_ISR + 16 * i);
    }
    return all != 0;
}

/* Interrupts that an excursion took in another mode have no handler that would end them. */
void step_end_interrupts(void)
{
    apic_write(APIC_SVR, SVR_ON);
    for (uint32_t n = 0; n < 256 && in_service(); n++) {
        apic_eoi();
    }
}

static uint64_t read_cr0(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}

static uint64_t read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

/* Whatever the step left behind. */
static void put_in_order(struct step_cpu *s)
{
    if (read_cr0() != s->cr0) {
        __asm__ volatile("mov %0, %%cr0" : : "r"(s->cr0) : "memory");
    }
    if (read_cr4() != s->cr4) {
        __asm__ volatile("mov %0, %%cr4" : : "r"(s->cr4) : "memory");
    }
    if (cpu_read_cr3() != s->cr3) {
        __asm__ volatile("mov %0, %%cr3" : : "r"(s->cr3) : "memory");
    }
    __asm__ volatile("mov %0, %%dr7\n\tmov %1, %%cr8\n\tcld" : : "r"(DR7_OFF), "r"(0ull) : "memory");
    trap_init_cpu(s->a->cpu);
}

/* A guest for this CPU that writes to a port for ever; `a` makes it, whose buffers no other CPU's steps touch. */
static void make_guest(struct attacker *a, struct step_cpu *s)
{
    static const uint8_t code[] = {0xe6, 0x10, 0xeb, 0xfc};
    const uint64_t none[5] = {0};
    const uint32_t names[2] = {WHvX64RegisterCs, WHvX64RegisterRip}, one = 1;
    WHV_REGISTER_VALUE values[2] = {0};
    uint8_t *ram = root_alloc_pages(1, ROOT_PAGE);
    values[0].Segment.Limit = 0xffff;
    values[0].Segment.Attributes = 0x9b;
    memcpy(ram, code, sizeof(code));
    memcpy(a->buffers, &one, sizeof(one));
    s->run = root_alloc_pages(1, ROOT_PAGE);
    uint64_t partition = 0;
    (void)attack_call(a, WHB_CALL(WHB_CALL_PARTITION_CREATE), none, &partition);
    (void)attack_do(a, WHB_CALL_PROPERTY_SET, partition, WHvPartitionPropertyCodeProcessorCount, (uintptr_t)a->buffers,
                    sizeof(one), 0);
    (void)attack_do(a, WHB_CALL_PARTITION_SETUP, partition, 0, 0, 0, 0);
    (void)attack_map(a, partition, (uintptr_t)ram, 0, ROOT_PAGE, WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_EXECUTE);
    (void)attack_do(a, WHB_CALL_VP_CREATE, partition, 0, (uintptr_t)s->run, 0, 0);
    memcpy(a->buffers, names, sizeof(names));
    memcpy(a->buffers + ATTACK_BUFFER, values, sizeof(values));
    if (attack_do(a, WHB_CALL_VP_SET_REGISTERS, partition, 0, (uintptr_t)a->buffers,
                  (uintptr_t)a->buffers + ATTACK_BUFFER, 2) != WHB_OK) {
        attack_fail(a, "a small guest", WHB_OK, 1);
    }
    __atomic_store_n(&s->partition, partition, __ATOMIC_RELEASE);
}

static void run_guest(struct step_cpu *s)
{
    WHV_RUN_VP_EXIT_CONTEXT record;
    enum whb_status status = attack_run(s->a, s->partition, 0, 20000);
    memcpy(&record, s->run->record, sizeof(record));
    if (status == WHB_ERROR_INTERRUPTED) {
        return; /* what a step left pending */
    }
    if (status != WHB_OK || record.ExitReason != WHvRunVpExitReasonX64IoPortAccess || record.VpContext.Rip != 0) {
        attack_fail(s->a, "the small guest's exit", WHvRunVpExitReasonX64IoPortAccess,
                    status == WHB_OK ? (uint64_t)record.ExitReason : status);
        return;
    }
    s->run->dirty |= WHB_RUN_RIP; /* OUT again */
    __atomic_fetch_add(&guest_runs, 1, __ATOMIC_RELAXED);
}

static uint32_t pick_kind(struct random *r)
{
    uint32_t at = random_below(r, weight_sum), i = 0;
    for (; at >= step_kinds[i].weight; i++) {
        at -= step_kinds[i].weight;
    }
    return i;
}

static void step_once(struct step_cpu *s)
{
    uint64_t value = 0;
    const uint64_t none[5] = {0};
    uint32_t kind = pick_kind(&s->a->random);
    s->faulted = false;
    s->single_steps = 0;
    s->a->done++;
    step_kinds[kind].step(s);
    put_in_order(s);
    __atomic_fetch_add(&steps_done[kind], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&steps_faulted[kind], s->faulted, __ATOMIC_RELAXED);
    __atomic_fetch_add(&single_steps, s->single_steps, __ATOMIC_RELAXED);
    if (attack_call(s->a, WHB_CALL(WHB_CALL_VERSION), none, &value) != WHB_OK ||
        value != ((WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR)) {
        attack_fail(s->a, step_kinds[kind].name, WHB_ABI_MAJOR << 16 | WHB_ABI_MINOR, value);
    }
    if (s->a->done % GUEST_EVERY == 0 && __atomic_load_n(&s->partition, __ATOMIC_ACQUIRE) != 0) {
        step_end_interrupts();
        run_guest(s);
    }
}

static void keep(struct step_cpu *s)
{
    s->cr0 = read_cr0();
    s->cr3 = cpu_read_cr3();
    s->cr4 = read_cr4();
}

/* CPUs that sent INIT to themselves, and now and then one that did not. Only the first CPU restarts others. */
static void restart_others(struct step_cpu *s, bool any)
{
    for (uint32_t cpu = 1; cpu < root_cpu_count(); cpu++) {
        struct step_cpu *other = &step_cpus[cpu];
        bool waits = __atomic_load_n(&other->waits, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&other->done, __ATOMIC_ACQUIRE) || (!waits && !any)) {
            continue;
        }
        step_lock();
        __atomic_store_n(&other->waits, false, __ATOMIC_RELAXED);
        if (!smp_restart(cpu)) {
            attack_fail(s->a, "a CPU does not start", 1, cpu);
        }
        root_run_on(cpu, root_attack, other->a);
        step_unlock();
    }
}

/* Also where a CPU begins again after INIT. */
void root_attack(void *attacker)
{
    struct attacker *a = attacker;
    struct step_cpu *s = &step_cpus[a->cpu];
    cpu_cli();
    s->a = a;
    s->rsp = 0;
    keep(s);
    for (uint32_t cpu = 0; a->cpu == 0 && cpu < root_cpu_count(); cpu++) {
        make_guest(a, &step_cpus[cpu]); /* not by CPUs that may be restarted in the middle */
    }
    while (a->done < a->work && !attack_failed()) {
        step_once(s);
        if (a->cpu == 0 && root_cpu_count() > 1) {
            restart_others(s, random_once_in(&a->random, 256));
        }
    }
    __atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
    __atomic_store_n(&a->ended, true, __ATOMIC_RELEASE); /* which a CPU that was restarted has nobody else for */
    for (uint32_t cpu = 1; a->cpu == 0 && cpu < root_cpu_count() && !attack_failed();) {
        restart_others(s, false);
        cpu += __atomic_load_n(&step_cpus[cpu].done, __ATOMIC_ACQUIRE);
    }
}

void root_prepare(struct attacker *all, uint32_t cpus, const struct whb_handoff *machine)
{
    for (unsigned v = 0; v < 256; v++) {
        root_set_handler(v, v < EXCEPTIONS ? on_exception : on_interrupt);
    }
    root_set_handler(VECTOR_NMI, on_nmi);
    for (uint32_t i = 0; i < step_kind_count; i++) {
        weight_sum += step_kinds[i].weight;
    }
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        struct step_cpu *s = &step_cpus[cpu];
        s->a = &all[cpu];
        s->page = root_alloc_pages(1, ROOT_PAGE);
        trap_set_ring0_stack(cpu, (uintptr_t)root_alloc_pages(STACK_PAGES, ROOT_PAGE) + STACK_PAGES * ROOT_PAGE);
        modes_prepare(s, cpu);
    }
    touch_prepare(&step_cpus[0], machine);
}

void root_finish(struct attacker *a)
{
    for (uint32_t cpu = 0; cpu < root_cpu_count(); cpu++) {
        if (step_cpus[cpu].partition != 0 &&
            attack_do(a, WHB_CALL_PARTITION_DELETE, step_cpus[cpu].partition, 0, 0, 0, 0) != WHB_OK) {
            attack_fail(a, "PARTITION_DELETE", WHB_OK, 1);
        }
    }
}

void root_judge(const struct attacker *sum)
{
    uint32_t all = 0, rare = 0, wanted = (uint32_t)(sum->work / 1000);
    root_printf("steps: %u single steps, %u NMIs, %u runs of a guest\n", single_steps, nmis, guest_runs);
    for (uint32_t i = 0; i < step_kind_count; i++) {
        root_printf("  %-12s %u, %u ended by a fault\n", step_kinds[i].name, steps_done[i], steps_faulted[i]);
        all += steps_done[i];
        rare += step_kinds[i].weight != 0 && steps_done[i] < wanted / 8;
    }
    attack_check("steps-of-each-kind", "kinds that seldom came", 0, rare);
    attack_check("steps-made", "most", 1, all >= sum->work - sum->work / 8);
    attack_check("guest-runs", "some", 1, guest_runs >= sum->work / (2 * GUEST_EVERY));
}
