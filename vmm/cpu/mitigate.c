/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/mitigate.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/mitigation.h"
#include "arch/cpu/msr.h"
#include "kernel/core/format.h"
#include "kernel/debug/log.h"

static struct mitigations chosen;
struct mitigate_work mitigate_work;

static struct speculation_bits read_bits(void)
{
    struct speculation_bits bits = {0};
    if (cpuid(0, 0).eax < 7) {
        return bits;
    }
    struct cpuid_result r = cpuid(7, 0);
    bits.leaf_7_ebx = r.ebx;
    bits.leaf_7_edx = r.edx;
    bits.leaf_7_2_edx = r.eax >= 2 ? cpuid(7, 2).edx : 0;
    if ((r.edx & LEAF_7_EDX_ARCH_CAPABILITIES) != 0) {
        bits.arch_capabilities = rdmsr(MSR_IA32_ARCH_CAPABILITIES);
    }
    return bits;
}

static void decide(bool wanted, struct mitigations *out)
{
    struct speculation_bits bits = read_bits();
    mitigations_decide(&bits, wanted, out);
    if (MITIGATIONS_FORCED && wanted) {
        mitigations_force(out);
    }
}

static void log_choice(bool wanted)
{
    char names[96];
    size_t at = 0;
    names[0] = '\0';
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        if (chosen.choice[i].on) {
            at += format_string(names + at, sizeof(names) - at, " %s", mitigation_name((enum mitigation)i));
        }
    }
    log_info("mitigations: %s:%s", wanted ? "auto" : "off", at != 0 ? names : " none");
    for (unsigned i = 0; i < MITIGATION_COUNT && wanted; i++) {
        log_info("mitigation %s: %s: %s.", mitigation_name((enum mitigation)i), chosen.choice[i].on ? "on" : "off",
                 chosen.choice[i].why);
    }
}

static bool is_wanted;

void mitigate_init(bool wanted)
{
    is_wanted = wanted;
    decide(wanted, &chosen);
    mitigate_work = (struct mitigate_work){
        .spec_ctrl = (uint32_t)chosen.spec_ctrl,
        .ibpb = chosen.choice[MITIGATE_IBPB].on,
        .l1d = chosen.choice[MITIGATE_L1D].on,
        .buffers = chosen.choice[MITIGATE_BUFFERS].on,
    };
    log_choice(wanted);
}

static bool same_choice(const struct mitigations *a, const struct mitigations *b)
{
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        if (a->choice[i].on != b->choice[i].on) {
            return false;
        }
    }
    return a->returns == b->returns && a->ibrs_at_exit == b->ibrs_at_exit && a->spec_ctrl == b->spec_ctrl;
}

bool mitigate_init_cpu(void)
{
    struct mitigations here;
    decide(is_wanted, &here);
    return same_choice(&here, &chosen);
}

bool mitigate_entries(void)
{
    return mitigations_any(&chosen);
}

const struct mitigations *mitigate_choice(void)
{
    return &chosen;
}
