/* SPDX-License-Identifier: MIT */
/* The guests that the modules describe: making them, giving each VP a CPU, and what is said at their end. */
#include "root/lib/root.h"
#include "root/monitor/machine.h"
#include "root/service/keys.h"
#include "root/service/service.h"

#define WAIT_FOREVER UINT64_MAX

static struct guest_configs configs;
static struct machine *machines[GUEST_MAX];
static uint32_t vps_left[GUEST_MAX]; /* atomic: whose loops have not returned */
static uint32_t guests_left;         /* atomic */
static bool all_well = true;

static bool describe(const struct whb_handoff *handoff)
{
    static struct boot_file files[WHB_HANDOFF_MAX_MODULES];
    static char texts[WHB_HANDOFF_MAX_MODULES][WHB_HANDOFF_CMDLINE];
    char problem[GUEST_CONFIG_PROBLEM];
    for (uint32_t i = 0; i < handoff->module_count; i++) {
        const struct whb_module *m = &handoff->modules[i];
        guest_config_unquote(m->cmdline, texts[i]);
        files[i] = (struct boot_file){(uint8_t *)(uintptr_t)m->base, m->size, texts[i]};
    }
    if (!guest_config_parse(files, handoff->module_count, &configs, problem, sizeof(problem))) {
        root_message("[whimbrel-root] the guests' description is wrong: %s (docs/guests.md)\n", problem);
        return false;
    }
    return true;
}

static bool enough_cpus(void)
{
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < configs.count; i++) {
        wanted += configs.guests[i].cpus;
    }
    if (wanted > root_cpu_count()) {
        root_message(
            "[whimbrel-root] the guests ask for %u CPUs together, the machine has %u: each VP needs one of its "
            "own. Change cpus= in grub.cfg, or the machine.\n",
            wanted, root_cpu_count());
        return false;
    }
    return true;
}

static bool make(uint32_t i)
{
    const struct guest_config *c = &configs.guests[i];
    struct machine *m = root_alloc_pages((sizeof(struct machine) + ROOT_PAGE - 1) / ROOT_PAGE, ROOT_PAGE);
    const char *problem = m == NULL ? "no memory left" : machine_create(m, c);
    if (problem == NULL) {
        console_open(&m->console, configs.count > 1 ? c->name : NULL);
        problem = machine_load(m);
    }
    if (problem != NULL) {
        root_message("[whimbrel-root] guest %s cannot start: %s.\n", c->name, problem);
        return false;
    }
    machines[i] = m;
    vps_left[i] = c->cpus;
    root_message("[whimbrel-root] guest %s: %s, %u VP%s, %lu MiB\n", c->name, guest_kind_name(c->kind), c->cpus,
                 c->cpus == 1 ? "" : "s", (unsigned long)(c->memory >> 20));
    return true;
}

static void put_line(void *unused, const char *line)
{
    (void)unused;
    console_add("%s\n", line);
}

void run_statistics(uint32_t guest)
{
    const struct machine *m = machines[guest];
    struct vp_statistics sum;
    UINT64 heap_used = 0;
    (void)WHvGetPartitionProperty(m->partition, WhbPartitionPropertyCodeHeapUsed, &heap_used, sizeof(heap_used), NULL);
    struct statistics_report report = {m->config->name, m->config->cpus, cpu_rdtsc() - m->tsc_begin,
                                       heap_used,       put_line,        NULL};
    memset(&sum, 0, sizeof(sum));
    for (uint32_t i = 0; i < m->config->cpus; i++) {
        statistics_add(&sum, &m->vps[i].statistics);
    }
    console_begin();
    statistics_print(&sum, &report);
    console_end();
}

static void tell_end(uint32_t guest)
{
    struct machine *m = machines[guest];
    static const char *const how[] = {[MACHINE_RUNS] = "runs",
                                      [MACHINE_POWERED_OFF] = "switched itself off",
                                      [MACHINE_EXITED] = "ended",
                                      [MACHINE_CRASHED] = "crashed",
                                      [MACHINE_HALTED] = "halted for good: HLT with interrupts off",
                                      [MACHINE_STOPPED] = "was stopped",
                                      [MACHINE_RESETS] = "was reset"};
    enum machine_end end = machine_state(m);
    console_flush(&m->console);
    run_statistics(guest);
    if (end == MACHINE_EXITED) {
        root_message("[whimbrel-root] guest %s ended with exit status %u\n", m->config->name, m->exit_status);
    } else {
        root_message("[whimbrel-root] guest %s %s\n", m->config->name, how[end]);
    }
    if (end == MACHINE_CRASHED) {
        __atomic_store_n(&all_well, false, __ATOMIC_RELEASE);
    }
}

/* On each CPU that a VP was given. */
static void vp_main(void *argument)
{
    struct machine_vp *vp = argument;
    cpu_sti();
    machine_run_vp(vp);
    for (uint32_t i = 0; i < configs.count; i++) {
        if (machines[i] == vp->machine && __atomic_sub_fetch(&vps_left[i], 1, __ATOMIC_ACQ_REL) == 0) {
            tell_end(i);
            __atomic_sub_fetch(&guests_left, 1, __ATOMIC_ACQ_REL);
        }
    }
}

uint32_t run_guest_count(void)
{
    return configs.count;
}

struct machine *run_machine(uint32_t guest)
{
    return machines[guest];
}

/* The first VP of all runs on this CPU, the first, which has the console. */
static void start(void)
{
    uint32_t cpu = 0;
    for (uint32_t i = 0; i < configs.count; i++) {
        for (uint32_t vp = 0; vp < configs.guests[i].cpus; vp++, cpu++) {
            if (cpu != 0) {
                root_run_on(cpu, vp_main, &machines[i]->vps[vp]);
            }
        }
    }
    vp_main(&machines[0]->vps[0]);
}

bool guests_run(const struct whb_handoff *handoff)
{
    host_show_debug(keys_option(handoff->cmdline, "debug"));
    if (!describe(handoff) || !enough_cpus()) {
        return false;
    }
    clock_init(handoff->tsc_khz, host_on_alarm);
    for (uint32_t i = 0; i < configs.count; i++) {
        if (!make(i)) {
            return false;
        }
    }
    guests_left = configs.count;
    root_message("[whimbrel-root] Ctrl-A h tells the keys for the guest%s.\n", configs.count > 1 ? "s" : "");
    serial_start(host_wake);
    service_take_input();
    start();
    while (__atomic_load_n(&guests_left, __ATOMIC_ACQUIRE) != 0) {
        service_keys();
        cpu_pause();
    }
    root_message(all_well ? "[whimbrel-root] all guests ended\n" : "[whimbrel-root] all guests ended, NOT all well\n");
    return all_well;
}
