/* SPDX-License-Identifier: MIT */
#include "vmm/run/diagnostics.h"

#include "arch/cpu/string.h"
#include "kernel/debug/log.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"
#include "vmm/registers/vp_registers.h"

struct register_text {
    uint32_t name;
    const char *text;
};

/* The registers that entry checks are about. */
static const struct register_text register_texts[] = {
    {WHvX64RegisterEs, "ES"},
    {WHvX64RegisterCs, "CS"},
    {WHvX64RegisterSs, "SS"},
    {WHvX64RegisterDs, "DS"},
    {WHvX64RegisterFs, "FS"},
    {WHvX64RegisterGs, "GS"},
    {WHvX64RegisterLdtr, "LDTR"},
    {WHvX64RegisterTr, "TR"},
    {WHvX64RegisterGdtr, "GDTR"},
    {WHvX64RegisterIdtr, "IDTR"},
    {WHvX64RegisterRip, "RIP"},
    {WHvX64RegisterRflags, "RFLAGS"},
    {WHvX64RegisterCr0, "CR0"},
    {WHvX64RegisterCr3, "CR3"},
    {WHvX64RegisterCr4, "CR4"},
    {WHvX64RegisterDr7, "DR7"},
    {WHvX64RegisterEfer, "EFER"},
    {WHvX64RegisterPat, "PAT"},
    {WHvX64RegisterSysenterEsp, "SYSENTER_ESP"},
    {WHvX64RegisterSysenterEip, "SYSENTER_EIP"},
    {WHvRegisterPendingInterruption, "PendingInterruption"},
    {WHvRegisterInterruptState, "InterruptState"},
    {WHvRegisterInternalActivityState, "InternalActivityState"},
    {WHvX64RegisterPendingDebugException, "PendingDebugException"},
};

static const char *register_text(uint32_t name)
{
    for (size_t i = 0; i < sizeof(register_texts) / sizeof(register_texts[0]); i++) {
        if (register_texts[i].name == name) {
            return register_texts[i].text;
        }
    }
    return "?";
}

static struct entry_verdict verdict_of(const struct vp *vp, bool refused)
{
    struct entry_state s;
    entry_state_read(vp, refused, &s);
    return entry_check(&s);
}

struct whb_vp_diagnostics *diagnostics_begin(struct vp *vp, uint32_t exit_reason)
{
    struct whb_vp_diagnostics *d = &vp->diagnostics;
    uint64_t sequence = __atomic_load_n(&vp->run->sequence, __ATOMIC_RELAXED) + 1;
    uint32_t check = d->sequence == sequence ? d->check : 0; /* entry-check=off has one already */
    memset(d, 0, sizeof(*d));
    d->sequence = sequence;
    d->check = check;
    d->exit_reason = exit_reason;
    return d;
}

void diagnostics_invalid(struct vp *vp, uint64_t qualification)
{
    struct whb_vp_diagnostics *d = diagnostics_begin(vp, WHvRunVpExitReasonInvalidVpRegisterValue);
    struct entry_verdict verdict = verdict_of(vp, true);
    d->qualification = qualification;
    d->check = (uint32_t)verdict.check;
    if (verdict.check == WHB_CHECK_NONE) {
        log_debug("VP %u: the processor refuses its state, which passes all entry checks.", vp->index);
        return;
    }
    const uint32_t name = (uint32_t)verdict.name;
    d->register_name = name;
    struct register_value value;
    (void)vp_registers_get(vp, &name, &value, 1);
    d->value[0] = value.low;
    d->value[1] = value.high;
    log_debug("VP %u: %s = %016llx:%016llx fails entry check %u.", vp->index, register_text(name),
              (unsigned long long)value.high, (unsigned long long)value.low, d->check);
}

bool diagnostics_may_enter(struct vp *vp)
{
    struct entry_verdict verdict = verdict_of(vp, false);
    if (!vmm.entry_check && verdict.check != WHB_CHECK_NONE) {
        diagnostics_begin(vp, WHvRunVpExitReasonNone)->check = (uint32_t)verdict.check;
    }
    return !vmm.entry_check || verdict.check == WHB_CHECK_NONE;
}
