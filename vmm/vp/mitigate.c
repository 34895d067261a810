/* SPDX-License-Identifier: MIT */
#include "vmm/vp/mitigate.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/mitigation.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmx.h"
#include "kernel/core/format.h"
#include "kernel/debug/log.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/vp.h"

static struct mitigations chosen;

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

bool mitigate_init_cpu(struct cpu *cpu)
{
    struct mitigations here;
    decide(is_wanted, &here);
    cpu->mitigate = mitigations_any(&here);
    return same_choice(&here, &chosen);
}

/* The root's value with our bits holds for guests, which have no IA32_SPEC_CTRL of their own (docs/mitigations.md). */
static void set_spec_ctrl(struct cpu *cpu)
{
    uint64_t roots = mitigation_rdmsr(MSR_IA32_SPEC_CTRL);
    uint64_t ours = roots | chosen.spec_ctrl;
    if (ours != roots) {
        mitigation_wrmsr(MSR_IA32_SPEC_CTRL, ours);
        cpu->root_spec_ctrl = roots;
        cpu->root_away |= AWAY_SPEC_CTRL;
    }
    cpu->exit_spec_ctrl = chosen.ibrs_at_exit ? (uint32_t)ours : 0;
}

/* The root has run on this CPU since the last entry of a guest here. */
static void first_entry(struct cpu *cpu, const struct vp *vp)
{
    if (chosen.choice[MITIGATE_IBPB].on && cpu->last_partition != vp->partition->handle) {
        mitigation_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
        cpu->last_partition = vp->partition->handle;
    }
    if (chosen.spec_ctrl != 0) {
        set_spec_ctrl(cpu);
    }
    if (chosen.choice[MITIGATE_L1D].on) {
        mitigation_wrmsr(MSR_IA32_FLUSH_CMD, FLUSH_CMD_L1D);
    }
}

void mitigate_before_entry(struct cpu *cpu, const struct vp *vp)
{
    if (cpu->mitigated_run != vp->run_began) {
        cpu->mitigated_run = vp->run_began;
        first_entry(cpu, vp);
    }
    if (chosen.choice[MITIGATE_BUFFERS].on) {
        mitigation_verw();
    }
}

void mitigate_return_root(const struct cpu *cpu)
{
    mitigation_wrmsr(MSR_IA32_SPEC_CTRL, cpu->root_spec_ctrl);
}

const char *mitigate_exit_point(void)
{
    switch (chosen.returns) {
    case RETURNS_FILL:
        return vmx_exit_point_filling;
    case RETURNS_ONE:
        return vmx_exit_point_one_call;
    default:
        return vmx_exit_guest;
    }
}
