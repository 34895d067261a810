/* SPDX-License-Identifier: MIT */
/* Leaves and feature bits: SDM vol. 2A, CPUID, table 3-8. */
#include "vmm/partition/cpuid_policy.h"

#include "vmm/cpu/switch_check.h"
#include "vmm/partition/cpuid_leaf.h"

#define LEAF_BASIC_MAX 0x16u /* a guest's highest basic leaf: later ones describe what guests are not offered */
#define LEAF_EXTENDED_MAX 0x80000008u

#define LEAF_1_EDX_HTT BIT(28)
#define LEAF_7_EBX_TSC_ADJUST BIT(1)
#define LEAF_7_EBX_INVPCID BIT(10)
#define LEAF_7_ECX_RDPID BIT(22)
#define LEAF_80000001_EDX_RDTSCP BIT(27)

/* Bits of one register that a guest may see, by what they need of its XCR0. */
struct allowed_bits {
    uint32_t always, xsave, avx, avx512;
};

/* The features of one subleaf. Registers that are all zero are hidden. */
struct allowed_leaf {
    struct allowed_bits eax, ebx, ecx, edx;
};

/*
 * Hidden: DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM, DCA, x2APIC and TSC-deadline (shown
 * where the hypervisor has a local APIC for the VP) in ECX; PSN, DS, ACPI, TM and PBE in EDX.
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
    .ecx.avx = BIT(12) |    /* FMA */
               BIT(28) |    /* AVX */
               BIT(29),     /* F16C */
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
 * Hidden: SGX, HLE and RTM (TAA), RDT, MPX, PT in EBX; PKU, CET, WAITPKG, TME, KL, bus lock detection,
 * ENQCMD, PKS in ECX; UINTR, SRBDS_CTRL, TSX_FORCE_ABORT, HYBRID, PCONFIG, ARCH_LBR, CET, AMX and all that comes with
 * an MSR (SPEC_CTRL, ARCH_CAPABILITIES, FLUSH_CMD, CORE_CAPABILITIES, SSBD) in EDX.
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
    .eax.always = BIT(10) | BIT(11) | BIT(12),              /* fast zero-length and short string instructions */
    .eax.avx = BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(23), /* SHA512, SM3, SM4, AVX_VNNI, AVX_IFMA */
    .eax.avx512 = BIT(5),                                   /* AVX512_BF16 */
    .edx.always = BIT(14),                                  /* PREFETCHI */
    .edx.avx = BIT(4) | BIT(5) | BIT(10),                   /* AVX_VNNI_INT8, AVX_NE_CONVERT, AVX_VNNI_INT16 */
};

static const struct allowed_leaf allowed_80000001 = {
    .ecx.always = BIT(0) |                   /* LAHF in 64-bit mode */
                  BIT(5) |                   /* LZCNT */
                  BIT(8),                    /* PREFETCHW */
    .edx.always = BIT(11) |                  /* SYSCALL in 64-bit mode */
                  BIT(20) |                  /* NX */
                  BIT(26) |                  /* 1 GiB pages */
                  LEAF_80000001_EDX_RDTSCP | /* if the VMCS lets it be executed */
                  BIT(29),                   /* long mode */
};

static const struct allowed_leaf allowed_80000007 = {.edx.always = BIT(8)}; /* invariant TSC */
static const struct allowed_leaf allowed_80000008 = {.eax.always = 0xffff}; /* address widths */
static const struct allowed_leaf allowed_6 = {.eax.always = BIT(2)};        /* APIC timer runs in all C-states */

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

#define LEAF_1_ECX_X2APIC BIT(21)
#define LEAF_1_ECX_TSC_DEADLINE BIT(24)
#define LEAF_1_EDX_APIC BIT(9) /* follows IA32_APIC_BASE's enable bit (SDM vol. 3A, 11.4.3) */

static struct cpuid_result guest_leaf_1(const struct cpuid_guest *g, cpuid_fn host)
{
    struct cpuid_result r = filter_leaf(g, &allowed_1, host(1, 0));
    if (g->clflush_units != 0) {
        r.ebx = (r.ebx & 0xff) | (uint32_t)g->clflush_units << 8;
    }
    r.ebx |= (cpuid_minimum(g->vp_count, 255) << 16) | (g->vp_index << 24);
    r.ecx = cpuid_with_osxsave(r.ecx, g->cr4) | LEAF_1_ECX_HYPERVISOR;
    r.edx |= g->vp_count > 1 ? LEAF_1_EDX_HTT : 0;
    r.ecx |= (g->apic ? LEAF_1_ECX_TSC_DEADLINE : 0) | (g->x2apic ? LEAF_1_ECX_X2APIC : 0);
    r.edx &= g->apic_off ? ~LEAF_1_EDX_APIC : ~0u;
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
    r.eax = (r.eax & 0x3fff) | (cpuid_minimum(ids, 63) << 26) | (level >= 3 ? cpuid_minimum(ids, 4095) << 14 : 0);
    return r;
}

static struct cpuid_result guest_leaf_7(const struct cpuid_guest *g, cpuid_fn host, uint32_t subleaf)
{
    if (subleaf > 1) {
        return CPUID_NOTHING;
    }
    struct cpuid_result from = host(7, subleaf);
    if (subleaf == 1) {
        return host(7, 0).eax >= 1 ? filter_leaf(g, &allowed_7_1, from) : CPUID_NOTHING;
    }
    struct cpuid_result r = filter_leaf(g, &allowed_7_0, from);
    r.eax = cpuid_minimum(from.eax, 1); /* highest subleaf */
    r.ebx |= LEAF_7_EBX_TSC_ADJUST;     /* the hypervisor's, on every processor */
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

/* XSAVES stays hidden, so no component of IA32_XSS exists. */
static struct cpuid_result guest_leaf_d(const struct cpuid_guest *g, cpuid_fn host, uint32_t subleaf)
{
    uint64_t usable = g->xcr0_supported;
    struct cpuid_result r = CPUID_NOTHING;
    if (usable == 0 || subleaf > LEAF_D_LAST) {
        return CPUID_NOTHING;
    }
    if (subleaf > 1) {
        return cpuid_component(host, subleaf, ((usable >> subleaf) & 1) != 0);
    }
    if (subleaf == 0) {
        r.eax = (uint32_t)usable;
        r.ebx = cpuid_image_size(host, g->xcr0 & usable, false);
        r.ecx = cpuid_image_size(host, usable, false);
        r.edx = (uint32_t)(usable >> 32);
        return r;
    }
    r.eax = host(0xd, 1).eax & LEAF_D_1_OFFERED;
    r.ebx = (r.eax & LEAF_D_1_XSAVEC) != 0 ? cpuid_image_size(host, g->xcr0 & usable, true) : 0;
    return r;
}

static struct cpuid_result guest_extended(const struct cpuid_guest *g, cpuid_fn host, uint32_t leaf)
{
    struct cpuid_result r = host(leaf, 0);
    switch (leaf) {
    case 0x80000000:
        r.eax = cpuid_minimum(r.eax, LEAF_EXTENDED_MAX);
        return r;
    case 0x80000001:
        r = filter_leaf(g, &allowed_80000001, r);
        r.edx &= g->rdtscp ? ~0u : ~LEAF_80000001_EDX_RDTSCP;
        return r;
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
        return CPUID_NOTHING;
    }
}

/* A leaf that exists. */
static struct cpuid_result guest_leaf(const struct cpuid_guest *g, cpuid_fn host, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;
    if (leaf >= LEAF_EXTENDED) {
        return guest_extended(g, host, leaf);
    }
    switch (leaf) {
    case 0:
        r = host(0, 0);
        r.eax = cpuid_minimum(r.eax, LEAF_BASIC_MAX);
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
        return cpuid_signature(CPUID_GUEST_INTERFACE, "Whimbrel\0\0\0");
    default:
        return CPUID_NOTHING;
    }
}

struct cpuid_result cpuid_for_guest(const struct cpuid_guest *g, cpuid_fn host, uint32_t leaf, uint32_t subleaf)
{
    leaf = cpuid_resolve_leaf(host, leaf, LEAF_BASIC_MAX, LEAF_EXTENDED_MAX);
    struct cpuid_result r = guest_leaf(g, host, leaf, subleaf);
    processor_features_hide(&g->hidden, leaf, subleaf, &r);
    return r;
}
