/* SPDX-License-Identifier: MIT */
/* VMX capabilities of a CPU, and the control words made from them. */
#include "vmm/cpu/vmx_caps.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "kernel/core/format.h"

#define CPUID_1_ECX_VMX (1u << 5)
#define VMX_BASIC_TRUE_CONTROLS (1ull << 55)
#define VMX_MISC_WAIT_FOR_SIPI (1ull << 8)

static bool refuse(char *sentence, const char *text)
{
    (void)format_string(sentence, VMX_SENTENCE_SIZE, "%s", text);
    return false;
}

/* Locks IA32_FEATURE_CONTROL with VMX on if firmware left it open (SDM vol. 3C, 24.7). */
static bool feature_control_allows_vmx(void)
{
    uint64_t control = rdmsr(MSR_IA32_FEATURE_CONTROL);
    if ((control & FEATURE_CONTROL_LOCK) == 0) {
        wrmsr(MSR_IA32_FEATURE_CONTROL, control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE_SMX);
        control = rdmsr(MSR_IA32_FEATURE_CONTROL);
    }
    return (control & FEATURE_CONTROL_VMX_OUTSIDE_SMX) != 0;
}

static void read_control_msrs(struct vmx_caps *caps)
{
    bool t = caps->true_controls;
    caps->pin = rdmsr(t ? MSR_IA32_VMX_TRUE_PINBASED_CTLS : MSR_IA32_VMX_PINBASED_CTLS);
    caps->cpu = rdmsr(t ? MSR_IA32_VMX_TRUE_PROCBASED_CTLS : MSR_IA32_VMX_PROCBASED_CTLS);
    caps->exit = rdmsr(t ? MSR_IA32_VMX_TRUE_EXIT_CTLS : MSR_IA32_VMX_EXIT_CTLS);
    caps->entry = rdmsr(t ? MSR_IA32_VMX_TRUE_ENTRY_CTLS : MSR_IA32_VMX_ENTRY_CTLS);
}

static bool may_be_one(uint64_t capability, uint32_t bits)
{
    return ((uint32_t)(capability >> 32) & bits) == bits;
}

static bool check_second_level(const struct vmx_caps *caps, char *sentence)
{
    if (!may_be_one(caps->cpu2, CPU2_EPT)) {
        return refuse(sentence,
                      "This CPU has VMX but no EPT (extended page tables): use a CPU of the Westmere generation "
                      "or later, or with QEMU -cpu host.");
    }
    if (!may_be_one(caps->cpu2, CPU2_UNRESTRICTED)) {
        return refuse(sentence,
                      "This CPU has no unrestricted guest mode: use a CPU of the Westmere generation or later; "
                      "under KVM load kvm_intel with unrestricted_guest=1.");
    }
    if (!may_be_one(caps->cpu2, CPU2_VPID)) {
        return refuse(sentence, "This CPU has no VPID (virtual processor identifiers): under KVM load kvm_intel with "
                                "vpid=1.");
    }
    uint64_t ept =
        EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_INVEPT | EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVVPID | EPT_CAP_INVVPID_SINGLE;
    if ((caps->ept_vpid & ept) != ept) {
        return refuse(sentence,
                      "This CPU's EPT lacks 4-level write-back tables or single-context INVEPT and INVVPID: use "
                      "a later CPU.");
    }
    return true;
}

static bool check_basic(const struct vmx_caps *caps, char *sentence)
{
    if (!caps->true_controls) {
        return refuse(sentence,
                      "This CPU has no true VMX control MSRs, so CR3 accesses of guests cannot be let through: "
                      "use a CPU of the Nehalem generation or later.");
    }
    if ((caps->misc & VMX_MISC_WAIT_FOR_SIPI) == 0) {
        return refuse(sentence,
                      "This CPU's VMX has no wait-for-SIPI activity state: under KVM use a host kernel of 5.11 "
                      "or later.");
    }
    return true;
}

bool vmx_caps_read(struct vmx_caps *caps, char *sentence)
{
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_VMX) == 0) {
        return refuse(sentence, "This CPU does not offer VMX: enable Intel VT-x in the firmware set-up; under QEMU use "
                                "-accel kvm -cpu host on an Intel host with kvm_intel nested=1.");
    }
    if (!feature_control_allows_vmx()) {
        return refuse(sentence, "The firmware has locked VMX off (IA32_FEATURE_CONTROL): enable Intel VT-x in the "
                                "firmware set-up and power the machine off and on.");
    }
    *caps = (struct vmx_caps){.basic = rdmsr(MSR_IA32_VMX_BASIC)};
    caps->true_controls = (caps->basic & VMX_BASIC_TRUE_CONTROLS) != 0;
    read_control_msrs(caps);
    caps->misc = rdmsr(MSR_IA32_VMX_MISC);
    caps->cr0_fixed0 = rdmsr(MSR_IA32_VMX_CR0_FIXED0);
    caps->cr0_fixed1 = rdmsr(MSR_IA32_VMX_CR0_FIXED1);
    caps->cr4_fixed0 = rdmsr(MSR_IA32_VMX_CR4_FIXED0);
    caps->cr4_fixed1 = rdmsr(MSR_IA32_VMX_CR4_FIXED1);
    if (may_be_one(caps->cpu, CPU_SECONDARY)) {
        caps->cpu2 = rdmsr(MSR_IA32_VMX_PROCBASED_CTLS2);
    }
    if (may_be_one(caps->cpu2, CPU2_EPT) || may_be_one(caps->cpu2, CPU2_VPID)) {
        caps->ept_vpid = rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
    }
    return check_second_level(caps, sentence) && check_basic(caps, sentence);
}

/* One control word: which bits are wanted if the CPU has them, and which must be there. */
struct control_request {
    const char *name;
    uint64_t capability;
    uint32_t required, optional, forbidden;
};

static bool make_controls(const struct control_request *r, uint32_t *out, char *sentence)
{
    uint32_t must = (uint32_t)r->capability, may = (uint32_t)(r->capability >> 32);
    uint32_t value = (r->required | r->optional | must) & may;
    uint32_t missing = r->required & ~value, unwanted = r->forbidden & value;
    if ((missing | unwanted) != 0) {
        (void)format_string(sentence, VMX_SENTENCE_SIZE,
                            "This CPU's %s VMX controls %s bit %d (capability %016llx), which the hypervisor needs %s.",
                            r->name, missing != 0 ? "lack" : "force", __builtin_ctz(missing != 0 ? missing : unwanted),
                            (unsigned long long)r->capability, missing != 0 ? "set" : "clear");
        return false;
    }
    *out = value;
    return true;
}

#define CPU_NEVER                                                                                                      \
    (CPU_RDTSC | CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW | CPU_CR3_LOAD | CPU_CR3_STORE | CPU_CR8_LOAD | CPU_CR8_STORE)
#define EXIT_REQUIRED (EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER)
#define ENTRY_REQUIRED (ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER)
#define CPU2_REQUIRED (CPU2_EPT | CPU2_VPID | CPU2_UNRESTRICTED)

static bool make_common(const struct vmx_caps *caps, struct vmx_controls *out, char *sentence)
{
    struct control_request cpu2 = {"secondary processor-based", caps->cpu2, CPU2_REQUIRED, CPU2_RDTSCP | CPU2_INVPCID,
                                   0};
    struct control_request exit = {"VM-exit", caps->exit, EXIT_REQUIRED, 0, 0};
    struct control_request entry = {"VM-entry", caps->entry, ENTRY_REQUIRED, 0, ENTRY_IA32E};
    return make_controls(&cpu2, &out->cpu2, sentence) && make_controls(&exit, &out->exit, sentence) &&
           make_controls(&entry, &out->entry, sentence);
}

bool vmx_controls_root(const struct vmx_caps *caps, struct vmx_controls *out, char *sentence)
{
    struct control_request pin = {"pin-based", caps->pin, PIN_NMI | PIN_VIRTUAL_NMI, 0, PIN_EXTERNAL_INTERRUPT};
    struct control_request cpu = {"processor-based", caps->cpu, CPU_IO_BITMAPS | CPU_MSR_BITMAPS | CPU_SECONDARY, 0,
                                  CPU_NEVER | CPU_HLT | CPU_UNCONDITIONAL_IO | CPU_MOV_DR | CPU_TSC_OFFSETTING};
    return make_controls(&pin, &out->pin, sentence) && make_controls(&cpu, &out->cpu, sentence) &&
           make_common(caps, out, sentence);
}

bool vmx_controls_guest(const struct vmx_caps *caps, struct vmx_controls *out, char *sentence)
{
    struct control_request pin = {"pin-based", caps->pin, PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI, 0, 0};
    struct control_request cpu = {"processor-based", caps->cpu,
                                  CPU_HLT | CPU_UNCONDITIONAL_IO | CPU_MOV_DR | CPU_TSC_OFFSETTING | CPU_MSR_BITMAPS |
                                      CPU_SECONDARY | CPU_RDPMC | CPU_MWAIT | CPU_MONITOR | CPU_TPR_SHADOW,
                                  0, CPU_NEVER};
    if (!make_controls(&pin, &out->pin, sentence) || !make_controls(&cpu, &out->cpu, sentence) ||
        !make_common(caps, out, sentence)) {
        return false;
    }
    if (may_be_one(caps->cpu2, CPU2_WBINVD)) {
        out->cpu2 |= CPU2_WBINVD;
    }
    return true;
}

const char *vmx_caps_difference(const struct vmx_caps *a, const struct vmx_caps *b)
{
    const struct {
        const char *name;
        uint64_t a, b;
    } rows[] = {
        {"IA32_VMX_BASIC", a->basic, b->basic},
        {"IA32_VMX_MISC", a->misc, b->misc},
        {"pin-based controls", a->pin, b->pin},
        {"processor-based controls", a->cpu, b->cpu},
        {"secondary processor-based controls", a->cpu2, b->cpu2},
        {"VM-exit controls", a->exit, b->exit},
        {"VM-entry controls", a->entry, b->entry},
        {"IA32_VMX_EPT_VPID_CAP", a->ept_vpid, b->ept_vpid},
        {"IA32_VMX_CR0_FIXED0", a->cr0_fixed0, b->cr0_fixed0},
        {"IA32_VMX_CR0_FIXED1", a->cr0_fixed1, b->cr0_fixed1},
        {"IA32_VMX_CR4_FIXED0", a->cr4_fixed0, b->cr4_fixed0},
        {"IA32_VMX_CR4_FIXED1", a->cr4_fixed1, b->cr4_fixed1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].a != rows[i].b) {
            return rows[i].name;
        }
    }
    return NULL;
}
