/* SPDX-License-Identifier: MIT */
#include "tests/scenarios/lists.h"
#include "tests/scenarios/scenario.h"

const struct whb_handoff *scenario_machine;

static const char *current;
static bool failed;
static uint32_t passed_count, failed_count;

void check_equal(const char *what, uint64_t expected, uint64_t came)
{
    if (expected == came || __atomic_exchange_n(&failed, true, __ATOMIC_RELAXED)) {
        return;
    }
    root_printf("FAIL %s: %s, expected 0x%lx, came 0x%lx\n", current, what, expected, came);
}

static void run_one(const struct scenario *s)
{
    current = s->name;
    failed = false;
    s->run();
    if (failed) {
        failed_count++;
    } else {
        passed_count++;
        root_printf("PASS %s\n", s->name);
    }
}

#define LOST_NMI "KVM's own VMCSs suffer from the NMI blocking that Bochs 2.7 carries over between VMCSs"
#define EARLY_STEP "Bochs 2.7 saves a pending single step with KVM's own exits too, and KVM delivers it"
#define OTHER_TIMES "it compares times, to which KVM's own work in between adds"
#define WAKES "KVM runs a halted VP on while an NMI window is asked for, also if NMIs are blocked"

/* What QEMU with KVM on Bochs gets wrong where no correction of ours reaches: the beginnings of scenarios' names. */
static const struct {
    const char *name, *reason;
} not_nested[] = {
    {"root-nmi", LOST_NMI},
    {"completion/steps", EARLY_STEP},
    {"completion/moved-elsewhere", EARLY_STEP},
    {"completion/executed-again", EARLY_STEP},
    {"completion/step-before-", EARLY_STEP},
    {"completion/step-over-sti", EARLY_STEP},
    {"completion/halt-steps", EARLY_STEP},
    {"completion/posted-stepped", EARLY_STEP},
    {"root-steps", EARLY_STEP},
    {"apic/wake-opened", WAKES},
    {"apic/timer-", OTHER_TIMES},
    {"dirty-cost", OTHER_TIMES},
    {"map-list/cost", OTHER_TIMES},
};

/* QEMU answers at its fw_cfg ports; the tests run it on Bochs alone. */
bool scenario_is_nested(void)
{
    cpu_outw(0x510, 0);
    const char first = (char)cpu_inb(0x511);
    const char second = (char)cpu_inb(0x511);
    return first == 'Q' && second == 'E';
}

static bool begins_with(const char *name, const char *prefix)
{
    while (*prefix != '\0' && *prefix == *name) {
        prefix++;
        name++;
    }
    return *prefix == '\0';
}

static bool has_word(const char *cmdline, const char *word)
{
    for (const char *p = cmdline; *p != '\0'; p++) {
        if ((p == cmdline || p[-1] == ' ') && begins_with(p, word)) {
            return true;
        }
    }
    return false;
}

/*
 * Why a scenario is left out on this machine; NULL: it is not. `hardware-model` on the root module's command line says
 * that the hypervisor was built so (docs/testing.md).
 */
static const char *reason_to_leave_out(const char *cmdline, const char *name, bool nested)
{
    for (unsigned i = 0; nested && i < sizeof(not_nested) / sizeof(not_nested[0]); i++) {
        if (begins_with(name, not_nested[i].name)) {
            return not_nested[i].reason;
        }
    }
    if (begins_with(name, "leaving/") && !has_word(cmdline, "only=leaving/")) {
        return "it ends the machine, in a test of its own";
    }
    if (!has_word(cmdline, "hardware-model")) {
        return begins_with(name, "hardware-model/") ? "it needs a hypervisor built with HARDWARE_MODEL=1" : NULL;
    }
    return NULL;
}

/* `only` on the root module's command line (only=PREFIX) picks the scenarios whose names begin so. */
static bool wanted(const char *cmdline, const char *name)
{
    const char key[] = "only=";
    for (const char *p = cmdline; *p != '\0'; p++) {
        if (memcmp(p, key, sizeof(key) - 1) == 0) {
            return begins_with(name, p + sizeof(key) - 1);
        }
    }
    return true;
}

void root_main(const struct whb_handoff *handoff)
{
    scenario_machine = handoff;
    bool nested = scenario_is_nested();
    for (uint32_t i = 0; scenario_lists[i] != NULL; i++) {
        for (const struct scenario *s = scenario_lists[i]; s->name != NULL; s++) {
            const char *reason = reason_to_leave_out(handoff->cmdline, s->name, nested);
            if (!wanted(handoff->cmdline, s->name)) {
                continue;
            }
            if (reason != NULL) {
                root_printf("left out here: %s: %s\n", s->name, reason);
            } else if (s->cpus <= root_cpu_count()) {
                run_one(s);
            }
        }
    }
    root_printf("[scenario] done\n%u passed, %u failed\n", passed_count, failed_count);
    root_power_off(failed_count == 0 ? 0 : 1);
}
