/* SPDX-License-Identifier: MIT */
/*
 * Switching between VPs of one CPU what the VMCS does not switch.
 *
 * MSRs: writes of the switched MSRs exit for root and guests alike, so cpu->msr_shadow is always what the CPU holds,
 * and a switch compares and writes only what differs. KERNEL_GS_BASE changes by SWAPGS without a trace and is read each
 * time. Extended state stays in the registers until another guest VP runs or the root really uses its own: until then
 * the root runs with CR0.TS set and #NM exiting. Debug registers move only for a VP that has a breakpoint on. The
 * argument why nothing leaks is docs/state-switch.md.
 */
#include "vmm/vp/switch.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/mitigate.h"
#include "vmm/vp/switch_quickly.h"

static uint64_t xcr0_supported; /* 0: no XSAVE, FXSAVE instead */
static bool has_tsc_aux;

#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_80000001_EDX_RDTSCP (1u << 27)

#define MXCSR_RESET 0x1f80u
#define FXSAVE_FCW 0u
#define FXSAVE_MXCSR 24u
#define XSAVE_HEADER_BV 512u

static const uint32_t switched_msrs[SWITCHED_COUNT] = {
    [SWITCHED_STAR] = MSR_IA32_STAR,   [SWITCHED_LSTAR] = MSR_IA32_LSTAR,     [SWITCHED_CSTAR] = MSR_IA32_CSTAR,
    [SWITCHED_FMASK] = MSR_IA32_FMASK, [SWITCHED_TSC_AUX] = MSR_IA32_TSC_AUX,
};

void switch_init(void)
{
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE) != 0) {
        struct cpuid_result r = cpuid(0xd, 0);
        uint64_t offered = ((uint64_t)r.edx << 32) | r.eax;
        xcr0_supported = offered & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
    }
    has_tsc_aux = (cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_RDTSCP) != 0;
}

static uint64_t new_content(void)
{
    static uint64_t last; /* atomic */
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

void switch_init_cpu(struct cpu *cpu)
{
    if (xcr0_supported != 0) {
        cpu->xcr0 = xgetbv(0);
    }
    for (unsigned i = 0; i < SWITCHED_COUNT; i++) {
        if (i != SWITCHED_TSC_AUX || has_tsc_aux) {
            cpu->msr_shadow[i] = rdmsr(switched_msrs[i]);
        }
    }
    cpu->content = new_content();
}

uint64_t switch_xcr0_supported(void)
{
    return xcr0_supported;
}

bool switch_has_tsc_aux(void)
{
    return has_tsc_aux;
}

static void set_xcr0(struct cpu *cpu, uint64_t value)
{
    if (cpu->xcr0 != value) {
        xsetbv(0, value);
        cpu->xcr0 = value;
    }
}

static void set_msr(struct cpu *cpu, unsigned which, uint64_t value)
{
    if (cpu->msr_shadow[which] != value) {
        wrmsr(switched_msrs[which], value);
        cpu->msr_shadow[which] = value;
    }
}

static void read_breakpoints(struct vp *vp)
{
    vp->dr[0] = read_dr0();
    vp->dr[1] = read_dr1();
    vp->dr[2] = read_dr2();
    vp->dr[3] = read_dr3();
}

static void write_breakpoints(const struct vp *vp)
{
    write_dr0(vp->dr[0]);
    write_dr1(vp->dr[1]);
    write_dr2(vp->dr[2]);
    write_dr3(vp->dr[3]);
}

/*
 * The root's DR0 to DR3 live in the registers, a guest's in its struct. Guests reach theirs only by exits (MOV-DR
 * exiting), so the registers matter to a guest only while it has a breakpoint on.
 */
void switch_breakpoints_load(struct cpu *cpu, struct vp *vp)
{
    if ((cpu->root_away & AWAY_BREAKPOINTS) == 0) {
        read_breakpoints(cpu->root_vp);
        cpu->root_away |= AWAY_BREAKPOINTS;
    }
    write_breakpoints(vp);
}

void switch_root_back(struct cpu *cpu)
{
    if ((cpu->root_away & AWAY_BREAKPOINTS) != 0) {
        write_breakpoints(cpu->root_vp);
    }
    if ((cpu->root_away & AWAY_MITIGATED) != 0) {
        mitigate_return_root(cpu);
    }
    if ((cpu->root_away & AWAY_TPR) != 0) {
        write_cr8(cpu->root_tpr);
    }
    cpu->root_away = 0;
}

static void switch_breakpoints(struct cpu *cpu, struct vp *to)
{
    if (vp_pending(to, PENDING_BREAKPOINTS) != 0) {
        switch_breakpoints_load(cpu, to);
    } else if (__builtin_expect(cpu->root_away != 0, 0)) {
        switch_root_back(cpu);
    }
}

static bool holds(const struct cpu *cpu, const struct vp *vp)
{
    uint64_t differing = xcr0_supported != 0 ? vp->xcr0 ^ cpu->xcr0 : 0;
    for (unsigned i = 0; i < SWITCHED_COUNT; i++) {
        differing |= vp->msr[i] ^ cpu->msr_shadow[i];
    }
    return differing == 0;
}

/*
 * Most VPs never write these MSRs, or all write the same. So who turned out to have what the registers hold gets the
 * number of that content, and the next switch compares one word.
 */
void switch_differing(struct cpu *cpu, struct vp *to)
{
    if (holds(cpu, to)) {
        to->content = cpu->content;
        return;
    }
    if (to->content == 0) {
        to->content = new_content();
    }
    for (unsigned i = 0; i < SWITCHED_COUNT; i++) {
        set_msr(cpu, i, to->msr[i]);
    }
    if (xcr0_supported != 0) {
        set_xcr0(cpu, to->xcr0);
    }
    cpu->content = to->content;
}

/* The VP wrote one of them. */
static void content_changed(struct cpu *cpu, struct vp *vp)
{
    vp->content = new_content();
    if (cpu->current == vp) {
        cpu->content = vp->content;
    }
}

void switch_to(struct cpu *cpu, struct vp *to)
{
    struct vp *from = cpu->current;
    if (from == NULL) {
        switch_differing(cpu, to);
        cpu->current = to;
        vmcs_load_pa(&to->vmcs_pa);
    } else if (from != to) {
        switch_breakpoints(cpu, to);
        switch_quickly(cpu, from, to);
    }
}

/* With MP clear, TS would not stop WAIT, which then takes #MF for an x87 exception of the VP that has the registers. */
#define CR0_FPU_TRAP (CR0_TS | CR0_MP)

static void trap_fpu(struct vp *vp)
{
    uint64_t cr0 = vmcs_readnw(VMCS_GUEST_CR0);
    uint64_t shadow = vmcs_readnw(VMCS_CR0_SHADOW);
    vmcs_writenw(VMCS_CR0_SHADOW, (shadow & ~CR0_FPU_TRAP) | (cr0 & CR0_FPU_TRAP));
    vmcs_writenw(VMCS_CR0_MASK, vmcs_readnw(VMCS_CR0_MASK) | CR0_FPU_TRAP);
    vmcs_writenw(VMCS_GUEST_CR0, cr0 | CR0_FPU_TRAP);
    vp->exception_bitmap |= 1u << VECTOR_NM;
    vmcs_write32(VMCS_EXCEPTION_BITMAP, vp->exception_bitmap);
    vp->fpu_trapped = true;
}

static void untrap_fpu(struct vp *vp)
{
    uint64_t cr0 = vmcs_readnw(VMCS_GUEST_CR0);
    uint64_t shadow = vmcs_readnw(VMCS_CR0_SHADOW);
    vmcs_writenw(VMCS_GUEST_CR0, (cr0 & ~CR0_FPU_TRAP) | (shadow & CR0_FPU_TRAP));
    vmcs_writenw(VMCS_CR0_MASK, vmcs_readnw(VMCS_CR0_MASK) & ~CR0_FPU_TRAP);
    vp->exception_bitmap = (vp->exception_bitmap & ~(1u << VECTOR_NM)) | (vp->client_exceptions & (1u << VECTOR_NM));
    vmcs_write32(VMCS_EXCEPTION_BITMAP, vp->exception_bitmap);
    vp->fpu_trapped = false;
}

/*
 * A guest never runs with another VP's extended state in the registers: CR0.TS does not stop XGETBV of XINUSE, nor
 * what a processor reads ahead of #NM (INTEL-SA-00145). The root, which sees its guests' memory, may.
 */
void switch_fpu_before_entry(struct cpu *cpu, struct vp *vp)
{
    if (__builtin_expect(cpu->fpu_owner == vp, 1)) {
        return;
    }
    if (!vp->is_root) {
        switch_fpu_take(cpu, vp);
        cpu->root_away |= cpu->root_vp->fpu_trapped ? 0 : AWAY_FPU;
    } else if (!vp->fpu_trapped) {
        trap_fpu(vp);
    }
}

/* All components that any VP may use, whatever this VP's XCR0 says now: what it wrote earlier is still in the
 * registers. */
static void save_state(struct cpu *cpu, struct vp *vp)
{
    uint8_t *image = vp->extended_state;
    count_instruction(COUNTED_XSAVE);
    if (xcr0_supported == 0) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(image) : "memory");
        return;
    }
    uint64_t before = cpu->xcr0;
    set_xcr0(cpu, xcr0_supported);
    __asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(0xffffffffu), "d"(0xffffffffu) : "memory");
    set_xcr0(cpu, before);
}

static void load_state(struct cpu *cpu, const struct vp *vp)
{
    const uint8_t *image = vp->extended_state;
    count_instruction(COUNTED_XSAVE);
    if (xcr0_supported == 0) {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(image) : "memory");
        return;
    }
    uint64_t before = cpu->xcr0;
    set_xcr0(cpu, xcr0_supported);
    __asm__ volatile("xrstor64 (%0)" : : "r"(image), "a"(0xffffffffu), "d"(0xffffffffu) : "memory");
    set_xcr0(cpu, before);
}

void switch_fpu_put(struct cpu *cpu, struct vp *vp)
{
    if (cpu->fpu_owner == vp) {
        save_state(cpu, vp);
        cpu->fpu_owner = NULL;
    }
}

void switch_fpu_take(struct cpu *cpu, struct vp *vp)
{
    if (cpu->fpu_owner != vp) {
        if (cpu->fpu_owner != NULL) {
            save_state(cpu, cpu->fpu_owner);
        }
        load_state(cpu, vp);
        cpu->fpu_owner = vp;
    }
    if (vp->fpu_trapped) {
        untrap_fpu(vp);
    }
}

void switch_fpu_reset(struct vp *vp)
{
    uint8_t *image = vp->extended_state;
    uint16_t fcw = 0x40; /* after INIT or RESET, not FNINIT's 37FH (SDM vol. 3A, table 10-1) */
    uint32_t mxcsr = MXCSR_RESET;
    uint64_t components = XCR0_X87 | XCR0_SSE;
    memset(image, 0, 4096);
    memcpy(image + FXSAVE_FCW, &fcw, sizeof(fcw));
    memcpy(image + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
    memcpy(image + XSAVE_HEADER_BV, &components, sizeof(components));
}

bool switch_msr_find(uint32_t msr, enum switched_msr *which)
{
    for (unsigned i = 0; i < SWITCHED_COUNT; i++) {
        if (switched_msrs[i] == msr && (i != SWITCHED_TSC_AUX || has_tsc_aux)) {
            *which = (enum switched_msr)i;
            return true;
        }
    }
    return false;
}

void switch_msr_write(struct cpu *cpu, struct vp *vp, enum switched_msr which, uint64_t value)
{
    vp->msr[which] = value;
    if (cpu->current == vp) {
        set_msr(cpu, which, value);
    }
    content_changed(cpu, vp);
}

void switch_xcr0_write(struct cpu *cpu, struct vp *vp, uint64_t value)
{
    vp->xcr0 = value;
    cpuid_cache_forget(&vp->cpuid);
    if (cpu->current == vp) {
        set_xcr0(cpu, value);
    }
    content_changed(cpu, vp);
}
