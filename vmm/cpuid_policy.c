/* SPDX-License-Identifier: MIT */
/* Leaves and feature bits: SDM vol. 2A, CPUID, table 3-8. */
#include "vmm/cpuid_policy.h"

#include "abi/handoff.h"
#include "abi/hypercall.h"
#include "vmm/switch_check.h"

#define BIT(n) (1u << (n))

#define LEAF_BASIC_MAX 0x16u /* a guest's highest basic leaf: later ones describe what guests are not offered */
#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_HYPERVISOR_END 0x50000000u
#define LEAF_EXTENDED 0x80000000u
#define LEAF_EXTENDED_MAX 0x80000008u

#define LEAF_1_ECX_VMX BIT(5)
#define LEAF_1_ECX_XSAVE BIT(26)
#define LEAF_1_ECX_OSXSAVE BIT(27)
#define LEAF_1_ECX_HYPERVISOR BIT(31)
#define LEAF_1_EDX_HTT BIT(28)
#define LEAF_7_EBX_INVPCID BIT(10)
#define LEAF_7_ECX_RDPID BIT(22)
#define LEAF_80000001_EDX_RDTSCP BIT(27)
#define LEAF_D_1_XSAVEOPT BIT(0)
#define LEAF_D_1_XSAVEC BIT(1)
#define LEAF_D_1_XGETBV_1 BIT(2)
#define LEAF_D_N_ALIGNED BIT(1)

#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)
#define XSAVE_BASE_SIZE 576u /* legacy region and header */
#define XSAVE_ALIGNMENT 64u

/* Bits of one register that a guest may see, by what they need of its XCR0. */
struct allowed_bits {
    uint32_t always, xsave, avx, avx512;
};

/* The features of one subleaf. Registers that are all zero are hidden. */
struct allowed_leaf {
    struct allowed_bits eax, ebx, ecx, edx;
};

/*
 * Hidden: DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM, DCA, x2APIC and TSC-deadline (no local
 * APIC is emulated) in ECX; PSN, DS, ACPI, TM and PBE in EDX.
 */
static const struct allowed_leaf allowed_1 = {
    .eax.always = 0xffffffff, /* family, model, stepping */
    .ebx.always = 0xffff,     /* brand index, CLFLUSH size; the rest is the VP's */
    .ecx.always = BIT(0) |    /* SSE3 */
                  BIT(1) |    /* PCLMULQDQ */
                  BIT(9) |    /* SSSE3 */
                  BIT(13) |   /* CMPXCHG16B */
                  BIT(17) |   /* PCID */
                  BIT(19) |   /* SSE4.1 */
                  BIT(20) |   /* SSE4.2 */
                  BIT(22) |   /* MOVBE */
                  BIT(23) |   /* POPCNT */
                  BIT(25) |   /* AESNI */
                  BIT(30),    /* RDRAND */
    .ecx.xsave = LEAF_1_ECX_XSAVE,
    .ecx.avx = BIT(12) | /* FMA */
               BIT(28) | /* AVX */
               BIT(29),  /* F16C */
    .edx.always = BIT(0) |  /* FPU */
                  BIT(1) |  /* VME */
                  BIT(2) |  /* DE */
                  BIT(3) |  /* PSE */
                  BIT(4) |  /* TSC */
                  BIT(5) |  /* MSR */
                  BIT(6) |  /* PAE */
                  BIT(7) |  /* MCE */
                  BIT(8) |  /* CX8 */
                  BIT(9) |  /* APIC: the root emulates it, if anyone */
                  BIT(11) | /* SEP */
                  BIT(12) | /* MTRR */
                  BIT(13) | /* PGE */
                  BIT(14) | /* MCA, with no banks */
                  BIT(15) | /* CMOV */
                  BIT(16) | /* PAT */
                  BIT(17) | /* PSE-36 */
                  BIT(19) | /* CLFSH */
                  BIT(23) | /* MMX */
                  BIT(24) | /* FXSR */
                  BIT(25) | /* SSE */
                  BIT(26) | /* SSE2 */
                  BIT(27),  /* SS */
};

/*
 * Hidden: TSC_ADJUST, SGX, HLE and RTM (TAA), RDT, MPX, PT in EBX; PKU, CET, WAITPKG, TME, KL, bus lock detection, ENQCMD,
 * PKS in ECX; UINTR, SRBDS_CTRL, TSX_FORCE_ABORT, HYBRID, PCONFIG, ARCH_LBR, CET, AMX and all that comes with an MSR
 * (SPEC_CTRL, ARCH_CAPABILITIES, FLUSH_CMD, CORE_CAPABILITIES, SSBD) in EDX.
 */
static const struct allowed_leaf allowed_7_0 = {
    .ebx.always = BIT(0) |             /* FSGSBASE */
                  BIT(3) |             /* BMI1 */
                  BIT(6) |             /* FDP_EXCPTN_ONLY: how this processor behaves */
                  BIT(7) |             /* SMEP */
                  BIT(8) |             /* BMI2 */
                  BIT(9) |             /* ERMS */
                  LEAF_7_EBX_INVPCID | /* if the VMCS lets it be executed */
                  BIT(13) |            /* FPU CS and DS deprecated: how this processor behaves */
                  BIT(18) |            /* RDSEED */
                  BIT(19) |            /* ADX */
                  BIT(20) |            /* SMAP */
                  BIT(23) |            /* CLFLUSHOPT */
                  BIT(24) |            /* CLWB */
                  BIT(29),             /* SHA */
    .ebx.avx = BIT(5),                 /* AVX2 */
    .ebx.avx512 = BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31),
    .ecx.always = BIT(0) |           /* PREFETCHWT1 */
                  BIT(2) |           /* UMIP */
                  BIT(8) |           /* GFNI */
                  BIT(16) |          /* LA57 */
                  LEAF_7_ECX_RDPID | /* goes with RDTSCP */
                  BIT(25) |          /* CLDEMOTE */
                  BIT(27) |          /* MOVDIRI */
                  BIT(28),           /* MOVDIR64B */
    .ecx.avx = BIT(9) | BIT(10),     /* VAES, VPCLMULQDQ */
    .ecx.avx512 = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14),
    .edx.always = BIT(4) |  /* fast short REP MOV */
                  BIT(10) | /* MD_CLEAR: what VERW does, no MSR */
                  BIT(14),  /* SERIALIZE */
    .edx.avx512 = BIT(2) | BIT(3) | BIT(8) | BIT(23),
};

static const struct allowed_leaf allowed_7_1 = {
    .eax.always = BIT(10) | BIT(11) | BIT(12),                /* fast zero-length and short string instructions */
    .eax.avx = BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(23),   /* SHA512, SM3, SM4, AVX_VNNI, AVX_IFMA */
    .eax.avx512 = BIT(5),                                     /* AVX512_BF16 */
    .edx.always = BIT(14),                                    /* PREFETCHI */
    .edx.avx = BIT(4) | BIT(5) | BIT(10),                     /* AVX_VNNI_INT8, AVX_NE_CONVERT, AVX_VNNI_INT16 */
};

static const struct allowed_leaf allowed_80000001 = {
    .ecx.always = BIT(0) | /* LAHF in 64-bit mode */
                  BIT(5) | /* LZCNT */
                  BIT(8),  /* PREFETCHW */
    .edx.always = BIT(11) |                  /* SYSCALL in 64-bit mode */
                  BIT(20) |                  /* NX */
                  BIT(26) |                  /* 1 GiB pages */
                  LEAF_80000001_EDX_RDTSCP | /* if the VMCS lets it be executed */
                  BIT(29),                   /* long mode */
};

static const struct allowed_leaf allowed_80000007 = {.edx.always = BIT(8)};         /* invariant TSC */
static const struct allowed_leaf allowed_80000008 = {.eax.always = 0xffff};         /* address widths */
static const struct allowed_leaf allowed_6 = {.eax.always = BIT(2)};                /* APIC timer runs in all C-states */
static const struct cpuid_result nothing = {0, 0, 0, 0};

/* What the root does not see of leaf 7: the reasons are at hide_from_root_7. */
#define ROOT_7_0_EBX_HIDDEN (BIT(2) | BIT(14) | BIT(25))
#define ROOT_7_0_ECX_HIDDEN (BIT(3) | BIT(4) | BIT(5) | BIT(30))
#define ROOT_7_0_EDX_HIDDEN (BIT(18) | BIT(22) | BIT(24) | BIT(25))
#define ROOT_7_1_EAX_HIDDEN (BIT(17) | BIT(20) | BIT(27))
/* MONITOR stays: DTES64, DS-CPL, VMX and SMX go, and DS in EDX: PEBS stores records wherever DS_AREA points. */
#define ROOT_1_ECX_HIDDEN (BIT(2) | BIT(4) | LEAF_1_ECX_VMX | BIT(6))
#define ROOT_1_EDX_HIDDEN BIT(21)
/* The processor stores its hardware feedback tables at physical addresses, past the EPT. */
#define ROOT_6_EAX_HIDDEN (BIT(19) | BIT(23))

static uint32_t minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A leaf that does not exist gives the data of the highest basic leaf, as Intel's processors do. */
static uint32_t resolve_leaf(cpuid_fn host, uint32_t leaf, uint32_t basic_limit, uint32_t extended_limit)
{
    if (leaf <= 1 || (leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR_END)) {
        return leaf;
    }
    if (leaf >= LEAF_EXTENDED && leaf <= minimum(host(LEAF_EXTENDED, 0).eax, extended_limit)) {
        return leaf;
    }
    return minimum(leaf, minimum(host(0, 0).eax, basic_limit));
}

static uint32_t filter_bits(const struct cpuid_guest *g, const struct allowed_bits *allowed, uint32_t value)
{
    uint32_t mask = allowed->always;
    mask |= g->xcr0_supported != 0 ? allowed->xsave : 0;
    mask |= (g->xcr0_supported & XCR0_AVX) != 0 ? allowed->avx : 0;
    mask |= (g->xcr0_supported & XCR0_AVX512) == XCR0_AVX512 ? allowed->avx512 : 0;
    return value & mask;
}

static struct cpuid_result filter_leaf(const struct cpuid_guest *g, const struct allowed_leaf *allowed,
                                       struct cpuid_result r)
{
    return (struct cpuid_result){
        .eax = filter_bits(g, &allowed->eax, r.eax),
        .ebx = filter_bits(g, &allowed->ebx, r.ebx),
        .ecx = filter_bits(g, &allowed->ecx, r.ecx),
        .edx = filter_bits(g, &allowed->edx, r.edx),
    };
}

/* OSXSAVE tells what the operating system put into CR4. */
static uint32_t with_osxsave(uint32_t ecx, uint64_t cr4)
{
    ecx &= ~LEAF_1_ECX_OSXSAVE;
    bool on = (ecx & LEAF_1_ECX_XSAVE) != 0 && (cr4 & CR4_OSXSAVE) != 0;
    return ecx | (on ? LEAF_1_ECX_OSXSAVE : 0);
}

static struct cpuid_result guest_leaf_1(const struct cpuid_guest *g, cpuid_fn host)
{
    struct cpuid_result r = filter_leaf(g, &allowed_1, host(1, 0));
    r.ebx |= (minimum(g->vp_count, 255) << 16) | (g->vp_index << 24);
    r.ecx = with_osxsave(r.ecx, g->cr4) | LEAF_1_ECX_HYPERVISOR;
    r.edx |= g->vp_count > 1 ? LEAF_1_EDX_HTT : 0;
    return r;
}

/* Bits of an APIC ID that tell the VPs of a partition apart. */
static uint32_t id_bits(const struct cpuid_guest *g)
{
    uint32_t bits = 0;
    while (bits < 31 && (1u << bits) < g->vp_count) {
        bits++;
    }
    return bits;
}

/* Each VP is a core with one thread; the outermost cache is shared by all of them. */
static struct cpuid_result guest_leaf_4(const struct cpuid_guest *g, cpuid_fn host, uint32_t subleaf)
{
    struct cpuid_result r = host(4, subleaf);
    if ((r.eax & 0x1f) == 0) {
        return r; /* no such cache */
    }
    uint32_t ids = (1u << id_bits(g)) - 1;
    uint32_t level = (r.eax >> 5) & 7;
    r.eax = (r.eax & 0x3fff) | (minimum(ids, 63) << 26) | (level >= 3 ? minimum(ids, 4095) << 14 : 0);
    return r;
}

static struct cpuid_result guest_leaf_7(const struct cpuid_guest *g, cpuid_fn host, uint32_t subleaf)
{
    if (subleaf > 1) {
        return nothing;
    }
    struct cpuid_result from = host(7, subleaf);
    if (subleaf == 1) {
        return host(7, 0).eax >= 1 ? filter_leaf(g, &allowed_7_1, from) : nothing;
    }
    struct cpuid_result r = filter_leaf(g, &allowed_7_0, from);
    r.eax = minimum(from.eax, 1); /* highest subleaf */
    r.ebx &= g->invpcid ? ~0u : ~LEAF_7_EBX_INVPCID;
    r.ecx &= g->rdtscp ? ~0u : ~LEAF_7_ECX_RDPID;
    return r;
}

static struct cpuid_result guest_leaf_b(const struct cpuid_guest *g, uint32_t subleaf)
{
    struct cpuid_result r = {.ecx = subleaf & 0xff, .edx = g->vp_index};
    if (subleaf == 0) {
        r.ebx = 1;
        r.ecx |= 1u << 8; /* level type: thread */
    } else if (subleaf == 1) {
        r.eax = id_bits(g);
        r.ebx = g->vp_count;
        r.ecx |= 2u << 8; /* level type: core */
    }
    return r;
}

static struct cpuid_result component(cpuid_fn host, unsigned number, bool usable)
{
    struct cpuid_result r = usable ? host(0xd, number) : nothing;
    r.ecx &= LEAF_D_N_ALIGNED;
    r.edx = 0;
    return r;
}

/* Bytes of an XSAVE image with these components, in standard or in compacted form (SDM vol. 1, 13.4). */
static uint32_t image_size(cpuid_fn host, uint64_t components, bool compacted)
{
    uint32_t size = XSAVE_BASE_SIZE;
    for (unsigned i = 2; i < 63; i++) {
        if (((components >> i) & 1) == 0) {
            continue;
        }
        struct cpuid_result c = component(host, i, true);
        uint32_t start = c.ebx;
        if (compacted) {
            start = (c.ecx & LEAF_D_N_ALIGNED) != 0 ? (size + XSAVE_ALIGNMENT - 1) & ~(XSAVE_ALIGNMENT - 1) : size;
        }
        size = start + c.eax > size ? start + c.eax : size;
    }
    return size;
}

/* XSAVES stays hidden, so no component of IA32_XSS exists. */
static struct cpuid_result guest_leaf_d(const struct cpuid_guest *g, cpuid_fn host, uint32_t subleaf)
{
    uint64_t usable = g->xcr0_supported;
    struct cpuid_result r = nothing;
    if (usable == 0 || subleaf > 62) {
        return nothing;
    }
    if (subleaf > 1) {
        return component(host, subleaf, ((usable >> subleaf) & 1) != 0);
    }
    if (subleaf == 0) {
        r.eax = (uint32_t)usable;
        r.ebx = image_size(host, g->xcr0 & usable, false);
        r.ecx = image_size(host, usable, false);
        r.edx = (uint32_t)(usable >> 32);
        return r;
    }
    r.eax = host(0xd, 1).eax & (LEAF_D_1_XSAVEOPT | LEAF_D_1_XSAVEC | LEAF_D_1_XGETBV_1);
    r.ebx = (r.eax & LEAF_D_1_XSAVEC) != 0 ? image_size(host, g->xcr0 & usable, true) : 0;
    return r;
}

static struct cpuid_result guest_leaf_80000001(const struct cpuid_guest *g, cpuid_fn host)
{
    struct cpuid_result r = filter_leaf(g, &allowed_80000001, host(0x80000001, 0));
    r.edx &= g->rdtscp ? ~0u : ~LEAF_80000001_EDX_RDTSCP;
    return r;
}

/* Signature: EBX, ECX, EDX in memory order, as vendors' names in hypervisor leaves are. */
static struct cpuid_result signature(uint32_t highest, const char name[12])
{
    uint32_t word[3] = {0, 0, 0};
    for (unsigned i = 0; i < 12; i++) {
        word[i / 4] |= (uint32_t)(uint8_t)name[i] << (8 * (i % 4));
    }
    return (struct cpuid_result){.eax = highest, .ebx = word[0], .ecx = word[1], .edx = word[2]};
}

static struct cpuid_result guest_extended(const struct cpuid_guest *g, cpuid_fn host, uint32_t leaf)
{
    struct cpuid_result r = host(leaf, 0);
    switch (leaf) {
    case 0x80000000:
        r.eax = minimum(r.eax, LEAF_EXTENDED_MAX);
        return r;
    case 0x80000001:
        return guest_leaf_80000001(g, host);
    case 0x80000002: /* brand string */
    case 0x80000003:
    case 0x80000004:
    case 0x80000006: /* L2 cache */
        return r;
    case 0x80000007:
        return filter_leaf(g, &allowed_80000007, r);
    case 0x80000008:
        return filter_leaf(g, &allowed_80000008, r);
    default:
        return nothing;
    }
}

struct cpuid_result cpuid_for_guest(const struct cpuid_guest *g, cpuid_fn host, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;
    leaf = resolve_leaf(host, leaf, LEAF_BASIC_MAX, LEAF_EXTENDED_MAX);
    if (leaf >= LEAF_EXTENDED) {
        return guest_extended(g, host, leaf);
    }
    switch (leaf) {
    case 0:
        r = host(0, 0);
        r.eax = minimum(r.eax, LEAF_BASIC_MAX);
        return r;
    case 1:
        return guest_leaf_1(g, host);
    case 2:    /* caches and TLBs */
    case 0x15: /* TSC and crystal clock */
    case 0x16: /* frequencies */
        return host(leaf, subleaf);
    case 4:
        return guest_leaf_4(g, host, subleaf);
    case 6:
        return filter_leaf(g, &allowed_6, host(6, 0));
    case 7:
        return guest_leaf_7(g, host, subleaf);
    case 0xb:
        return guest_leaf_b(g, subleaf);
    case 0xd:
        return guest_leaf_d(g, host, subleaf);
    case CPUID_GUEST_BASE:
        return signature(CPUID_GUEST_INTERFACE, "Whimbrel\0\0\0");
    default:
        return nothing;
    }
}

/*
 * Hidden in leaf 7: SGX and PT, whose packets would go to physical addresses past the EPT; MPX, PKU and AMX, whose XCR0
 * components no VP may use; WAITPKG, PCONFIG, FRED, NMI-source reporting and the MSR lists, which need VM-execution
 * controls that are off.
 */
static struct cpuid_result hide_from_root_7(struct cpuid_result r, uint32_t subleaf)
{
    if (subleaf == 0) {
        r.ebx &= ~ROOT_7_0_EBX_HIDDEN;
        r.ecx &= ~ROOT_7_0_ECX_HIDDEN;
        r.edx &= ~ROOT_7_0_EDX_HIDDEN;
    } else if (subleaf == 1) {
        r.eax &= ~ROOT_7_1_EAX_HIDDEN;
    }
    return r;
}

static struct cpuid_result root_leaf_d(cpuid_fn host, uint32_t subleaf)
{
    struct cpuid_result r = host(0xd, 0), size = r;
    uint64_t usable = (((uint64_t)r.edx << 32) | r.eax) & XCR0_OFFERED;
    if (subleaf > 62) {
        return nothing;
    }
    if (subleaf > 1) {
        return component(host, subleaf, ((usable >> subleaf) & 1) != 0);
    }
    if (subleaf == 0) {
        return (struct cpuid_result){.eax = (uint32_t)usable, .ebx = size.ebx, .ecx = image_size(host, usable, false)};
    }
    r = host(0xd, 1);
    r.eax &= LEAF_D_1_XSAVEOPT | LEAF_D_1_XSAVEC | LEAF_D_1_XGETBV_1;
    r.ecx = 0;
    r.edx = 0;
    return r;
}

struct cpuid_result cpuid_for_root(uint64_t root_cr4, cpuid_fn host, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;
    leaf = resolve_leaf(host, leaf, UINT32_MAX, UINT32_MAX);
    switch (leaf) {
    case 1:
        r = host(1, subleaf);
        r.ecx = with_osxsave(r.ecx & ~ROOT_1_ECX_HIDDEN, root_cr4) | LEAF_1_ECX_HYPERVISOR;
        r.edx &= ~ROOT_1_EDX_HIDDEN;
        return r;
    case 6:
        r = host(6, subleaf);
        r.eax &= ~ROOT_6_EAX_HIDDEN;
        return r;
    case 7:
        return hide_from_root_7(host(7, subleaf), subleaf);
    case 0xd:
        return root_leaf_d(host, subleaf);
    case 0x12: /* SGX */
    case 0x14: /* PT */
    case 0x1b: /* PCONFIG */
    case 0x1d: /* AMX */
    case 0x1e:
        return nothing;
    case WHB_CPUID_BASE:
        return signature(WHB_CPUID_INTERFACE, "WhimbrelRoot");
    case WHB_CPUID_INTERFACE:
        return (struct cpuid_result){.eax = (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR};
    default:
        return leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR_END ? nothing : host(leaf, subleaf);
    }
}
