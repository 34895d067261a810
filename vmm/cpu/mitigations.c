/* SPDX-License-Identifier: MIT */
/*
 * The order of each test: does the processor say that it is not affected, then has it the means. Without the MSR
 * IA32_ARCH_CAPABILITIES a processor is affected by all that the MSR could deny.
 */
#include "vmm/cpu/mitigations.h"

#include <stddef.h>

static bool has(const struct speculation_bits *cpu, uint64_t bits)
{
    return (cpu->arch_capabilities & bits) == bits;
}

static bool has_edx(const struct speculation_bits *cpu, uint32_t bits)
{
    return (cpu->leaf_7_edx & bits) == bits;
}

static struct mitigation_choice on(const char *why)
{
    return (struct mitigation_choice){true, why};
}

static struct mitigation_choice off(const char *why)
{
    return (struct mitigation_choice){false, why};
}

static struct mitigation_choice decide_ibpb(const struct speculation_bits *cpu)
{
    if (!has_edx(cpu, LEAF_7_EDX_IBRS_IBPB)) {
        return off("this processor, or its microcode, has no IBPB");
    }
    return on("barrier when a CPU goes to another partition");
}

static struct mitigation_choice decide_ibrs(const struct speculation_bits *cpu, struct mitigations *m)
{
    if (!has_edx(cpu, LEAF_7_EDX_IBRS_IBPB)) {
        return off("this processor, or its microcode, has no IBRS");
    }
    m->spec_ctrl |= SPEC_CTRL_IBRS;
    m->ibrs_at_exit = !has(cpu, ARCH_CAP_IBRS_ALL);
    return m->ibrs_at_exit ? on("written after each exit") : on("enhanced: stays set");
}

/* With IBRS_ALL the history is what a guest can still shape; without it IBRS keeps its targets out anyway. */
static struct mitigation_choice decide_bhi(const struct speculation_bits *cpu, struct mitigations *m)
{
    if (has(cpu, ARCH_CAP_BHI_NO)) {
        return off("not affected (BHI_NO)");
    }
    if (!has(cpu, ARCH_CAP_IBRS_ALL)) {
        return off("not needed without enhanced IBRS");
    }
    if ((cpu->leaf_7_2_edx & LEAF_7_2_EDX_BHI_CTRL) == 0) {
        return off("this processor has no BHI_DIS_S");
    }
    m->spec_ctrl |= SPEC_CTRL_BHI_DIS_S;
    return on("BHI_DIS_S");
}

/*
 * Enhanced IBRS keeps a guest's return predictions from the host, but for the first return after an exit where
 * PBRSB_NO is not set (INTEL-SA-00706). Without it the whole buffer is the guest's.
 */
static struct mitigation_choice decide_returns(const struct speculation_bits *cpu, struct mitigations *m)
{
    if (!has(cpu, ARCH_CAP_IBRS_ALL)) {
        m->returns = RETURNS_FILL;
        return on("return stack buffer filled after each exit");
    }
    if (has(cpu, ARCH_CAP_PBRSB_NO)) {
        return off("not needed: enhanced IBRS and PBRSB_NO");
    }
    m->returns = RETURNS_ONE;
    return on("one call after each exit (PBRSB)");
}

/* VERW empties all buffers with MD_CLEAR, unless the processor says MDS_NO: then only those that other bits name. */
static struct mitigation_choice decide_buffers(const struct speculation_bits *cpu)
{
    bool rtm = (cpu->leaf_7_ebx & LEAF_7_EBX_RTM) != 0 && !has_edx(cpu, LEAF_7_EDX_RTM_ALWAYS_ABORT);
    bool mmio = !has(cpu, ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO);
    bool md_clear = has_edx(cpu, LEAF_7_EDX_MD_CLEAR);
    if (!has(cpu, ARCH_CAP_MDS_NO)) {
        return md_clear ? on("VERW before each entry (MDS)") : off("this processor, or its microcode, has no MD_CLEAR");
    }
    if (rtm && !has(cpu, ARCH_CAP_TAA_NO) && md_clear) {
        return on("VERW before each entry (TAA)");
    }
    if (mmio && has(cpu, ARCH_CAP_FB_CLEAR)) {
        return on("VERW before each entry (MMIO stale data)");
    }
    if (!has(cpu, ARCH_CAP_RFDS_NO) && has(cpu, ARCH_CAP_RFDS_CLEAR)) {
        return on("VERW before each entry (RFDS)");
    }
    return off("not affected (MDS_NO, and none of the others)");
}

static struct mitigation_choice decide_l1d(const struct speculation_bits *cpu)
{
    if (has(cpu, ARCH_CAP_RDCL_NO)) {
        return off("not affected (RDCL_NO)");
    }
    if (has(cpu, ARCH_CAP_SKIP_L1DFL_VMENTRY)) {
        return off("not needed (SKIP_L1DFL_VMENTRY: what runs below does it)");
    }
    if (!has_edx(cpu, LEAF_7_EDX_L1D_FLUSH)) {
        return off("this processor, or its microcode, has no L1D_FLUSH");
    }
    return on("flushed before the first entry of each run (L1TF)");
}

void mitigations_decide(const struct speculation_bits *cpu, bool wanted, struct mitigations *out)
{
    *out = (struct mitigations){.returns = RETURNS_KEEP};
    if (!wanted) {
        for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
            out->choice[i] = off("mitigations=off");
        }
        return;
    }
    out->choice[MITIGATE_IBPB] = decide_ibpb(cpu);
    out->choice[MITIGATE_IBRS] = decide_ibrs(cpu, out);
    out->choice[MITIGATE_BHI] = decide_bhi(cpu, out);
    out->choice[MITIGATE_RETURNS] = decide_returns(cpu, out);
    out->choice[MITIGATE_BUFFERS] = decide_buffers(cpu);
    out->choice[MITIGATE_L1D] = decide_l1d(cpu);
}

void mitigations_force(struct mitigations *out)
{
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        out->choice[i] = on("forced");
    }
    out->returns = RETURNS_FILL;
    out->ibrs_at_exit = true;
    out->spec_ctrl = SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S;
}

bool mitigations_any(const struct mitigations *m)
{
    for (unsigned i = 0; i < MITIGATION_COUNT; i++) {
        if (m->choice[i].on && i != MITIGATE_RETURNS) {
            return true; /* returns are dealt with at exits, which have a way of their own for that */
        }
    }
    return false;
}

const char *mitigation_name(enum mitigation which)
{
    static const char *const names[MITIGATION_COUNT] = {
        [MITIGATE_IBPB] = "IBPB",       [MITIGATE_IBRS] = "IBRS",       [MITIGATE_BHI] = "BHI",
        [MITIGATE_RETURNS] = "returns", [MITIGATE_BUFFERS] = "buffers", [MITIGATE_L1D] = "L1D",
    };
    return names[which];
}
