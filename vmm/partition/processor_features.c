/* SPDX-License-Identifier: MIT */
/* Feature bits: WHV_PROCESSOR_FEATURES and its kin in abi/whv_feature_types.h; CPUID: SDM vol. 2A, table 3-8. */
#include "vmm/partition/processor_features.h"

#include "abi/whv.h"
#include "vmm/cpu/switch_check.h"

enum feature_leaf { LEAF_1, LEAF_7_0, LEAF_7_1, LEAF_D_1, LEAF_80000001, LEAF_80000007, FEATURE_LEAVES };
enum feature_register { EAX, EBX, ECX, EDX };

static const struct {
    uint32_t leaf, subleaf;
    bool has_subleaves;
} leaves[FEATURE_LEAVES] = {
    [LEAF_1] = {1, 0, false},
    [LEAF_7_0] = {7, 0, true},
    [LEAF_7_1] = {7, 1, true},
    [LEAF_D_1] = {0xd, 1, true},
    [LEAF_80000001] = {0x80000001, 0, false},
    [LEAF_80000007] = {0x80000007, 0, false},
};

struct feature {
    uint8_t set, bit;         /* of struct processor_features */
    uint8_t leaf, reg, shown; /* bit `shown` of register `reg` */
};

#define XSAVE_XSAVE 0u
#define XSAVE_AVX 2u
#define XSAVE_AVX512 6u

static const struct feature features[] = {
    {FEATURES_BANK0, 0, LEAF_1, ECX, 0},          /* Sse3Support */
    {FEATURES_BANK0, 1, LEAF_80000001, ECX, 0},   /* LahfSahfSupport */
    {FEATURES_BANK0, 2, LEAF_1, ECX, 9},          /* Ssse3Support */
    {FEATURES_BANK0, 3, LEAF_1, ECX, 19},         /* Sse4_1Support */
    {FEATURES_BANK0, 4, LEAF_1, ECX, 20},         /* Sse4_2Support */
    {FEATURES_BANK0, 7, LEAF_1, ECX, 23},         /* PopCntSupport */
    {FEATURES_BANK0, 8, LEAF_1, ECX, 13},         /* Cmpxchg16bSupport */
    {FEATURES_BANK0, 10, LEAF_80000001, ECX, 5},  /* LzcntSupport */
    {FEATURES_BANK0, 15, LEAF_80000001, EDX, 26}, /* Page1GbSupport */
    {FEATURES_BANK0, 16, LEAF_1, ECX, 25},        /* AesSupport */
    {FEATURES_BANK0, 17, LEAF_1, ECX, 1},         /* PclmulqdqSupport */
    {FEATURES_BANK0, 18, LEAF_1, ECX, 17},        /* PcidSupport */
    {FEATURES_BANK0, 20, LEAF_1, ECX, 29},        /* F16CSupport */
    {FEATURES_BANK0, 21, LEAF_1, ECX, 30},        /* RdRandSupport */
    {FEATURES_BANK0, 22, LEAF_7_0, EBX, 0},       /* RdWrFsGsSupport */
    {FEATURES_BANK0, 23, LEAF_7_0, EBX, 7},       /* SmepSupport */
    {FEATURES_BANK0, 24, LEAF_7_0, EBX, 9},       /* EnhancedFastStringSupport */
    {FEATURES_BANK0, 25, LEAF_7_0, EBX, 3},       /* Bmi1Support */
    {FEATURES_BANK0, 26, LEAF_7_0, EBX, 8},       /* Bmi2Support */
    {FEATURES_BANK0, 29, LEAF_1, ECX, 22},        /* MovbeSupport */
    {FEATURES_BANK0, 31, LEAF_7_0, EBX, 13},      /* DepX87FPUSaveSupport */
    {FEATURES_BANK0, 32, LEAF_7_0, EBX, 18},      /* RdSeedSupport */
    {FEATURES_BANK0, 33, LEAF_7_0, EBX, 19},      /* AdxSupport */
    {FEATURES_BANK0, 34, LEAF_80000001, ECX, 8},  /* IntelPrefetchSupport */
    {FEATURES_BANK0, 35, LEAF_7_0, EBX, 20},      /* SmapSupport */
    {FEATURES_BANK0, 38, LEAF_80000001, EDX, 27}, /* RdtscpSupport */
    {FEATURES_BANK0, 39, LEAF_7_0, EBX, 23},      /* ClflushoptSupport */
    {FEATURES_BANK0, 40, LEAF_7_0, EBX, 24},      /* ClwbSupport */
    {FEATURES_BANK0, 41, LEAF_7_0, EBX, 29},      /* ShaSupport */
    {FEATURES_BANK0, 43, LEAF_7_0, EBX, 10},      /* InvpcidSupport */
    {FEATURES_BANK0, 49, LEAF_7_0, EDX, 4},       /* FastShortRepMovSupport */
    {FEATURES_BANK0, 57, LEAF_7_0, ECX, 22},      /* RdPidSupport */
    {FEATURES_BANK0, 58, LEAF_7_0, ECX, 2},       /* UmipSupport */
    {FEATURES_BANK0, 60, LEAF_7_0, EDX, 10},      /* MdClearSupport */
    {FEATURES_BANK1, 1, LEAF_80000007, EDX, 8},   /* TscInvariantSupport */
    {FEATURES_BANK1, 4, LEAF_7_0, ECX, 16},       /* La57Support */
    {FEATURES_BANK1, 13, LEAF_7_0, ECX, 27},      /* MovdiriSupport */
    {FEATURES_BANK1, 14, LEAF_7_0, ECX, 28},      /* Movdir64bSupport */
    {FEATURES_BANK1, 15, LEAF_7_0, ECX, 25},      /* CldemoteSupport */
    {FEATURES_BANK1, 16, LEAF_7_0, EDX, 14},      /* SerializeSupport */
    {FEATURES_BANK1, 17, LEAF_1, ECX, 24},        /* TscDeadlineTmrSupport */
    {FEATURES_BANK1, 18, LEAF_7_0, EBX, 1},       /* TscAdjustSupport */
    {FEATURES_BANK1, 19, LEAF_7_1, EAX, 10},      /* FZLRepMovsb */
    {FEATURES_BANK1, 20, LEAF_7_1, EAX, 11},      /* FSRepStosb */
    {FEATURES_BANK1, 21, LEAF_7_1, EAX, 12},      /* FSRepCmpsb */
    {FEATURES_BANK1, 45, LEAF_7_1, EDX, 14},      /* PrefetchISupport */
    {FEATURES_BANK1, 46, LEAF_7_1, EAX, 0},       /* Sha512Support */
    {FEATURES_BANK1, 50, LEAF_7_1, EAX, 1},       /* SM3Support */
    {FEATURES_BANK1, 51, LEAF_7_1, EAX, 2},       /* SM4Support */
    {FEATURES_XSAVE, XSAVE_XSAVE, LEAF_1, ECX, 26},
    {FEATURES_XSAVE, 1, LEAF_D_1, EAX, 0}, /* XsaveoptSupport */
    {FEATURES_XSAVE, XSAVE_AVX, LEAF_1, ECX, 28},
    {FEATURES_XSAVE, 3, LEAF_7_0, EBX, 5}, /* Avx2Support */
    {FEATURES_XSAVE, 4, LEAF_1, ECX, 12},  /* FmaSupport */
    {FEATURES_XSAVE, XSAVE_AVX512, LEAF_7_0, EBX, 16},
    {FEATURES_XSAVE, 7, LEAF_7_0, EBX, 17},  /* Avx512DQSupport */
    {FEATURES_XSAVE, 8, LEAF_7_0, EBX, 28},  /* Avx512CDSupport */
    {FEATURES_XSAVE, 9, LEAF_7_0, EBX, 30},  /* Avx512BWSupport */
    {FEATURES_XSAVE, 10, LEAF_7_0, EBX, 31}, /* Avx512VLSupport */
    {FEATURES_XSAVE, 11, LEAF_D_1, EAX, 1},  /* XsaveCompSupport */
    {FEATURES_XSAVE, 13, LEAF_D_1, EAX, 2},  /* Xcr1Support: XGETBV of XINUSE */
    {FEATURES_XSAVE, 14, LEAF_7_0, ECX, 12}, /* Avx512BitalgSupport */
    {FEATURES_XSAVE, 15, LEAF_7_0, EBX, 21}, /* Avx512IfmaSupport */
    {FEATURES_XSAVE, 16, LEAF_7_0, ECX, 1},  /* Avx512VBmiSupport */
    {FEATURES_XSAVE, 17, LEAF_7_0, ECX, 6},  /* Avx512VBmi2Support */
    {FEATURES_XSAVE, 18, LEAF_7_0, ECX, 11}, /* Avx512VnniSupport */
    {FEATURES_XSAVE, 19, LEAF_7_0, ECX, 8},  /* GfniSupport */
    {FEATURES_XSAVE, 20, LEAF_7_0, ECX, 9},  /* VaesSupport */
    {FEATURES_XSAVE, 21, LEAF_7_0, ECX, 14}, /* Avx512VPopcntdqSupport */
    {FEATURES_XSAVE, 22, LEAF_7_0, ECX, 10}, /* VpclmulqdqSupport */
    {FEATURES_XSAVE, 23, LEAF_7_1, EAX, 5},  /* Avx512Bf16Support */
    {FEATURES_XSAVE, 24, LEAF_7_0, EDX, 8},  /* Avx512Vp2IntersectSupport */
    {FEATURES_XSAVE, 25, LEAF_7_0, EDX, 23}, /* Avx512Fp16Support */
    {FEATURES_XSAVE, 30, LEAF_7_1, EAX, 4},  /* AvxVnniSupport */
    {FEATURES_XSAVE, 31, LEAF_7_1, EAX, 23}, /* AvxIfmaSupport */
    {FEATURES_XSAVE, 32, LEAF_7_1, EDX, 5},  /* AvxNeConvertSupport */
    {FEATURES_XSAVE, 33, LEAF_7_1, EDX, 4},  /* AvxVnniInt8Support */
    {FEATURES_XSAVE, 34, LEAF_7_1, EDX, 10}, /* AvxVnniInt16Support */
};

#define FEATURE_COUNT (sizeof(features) / sizeof(features[0]))

bool processor_features_leaf(unsigned index, uint32_t *leaf, uint32_t *subleaf)
{
    if (index >= FEATURE_LEAVES) {
        return false;
    }
    *leaf = leaves[index].leaf;
    *subleaf = leaves[index].subleaf;
    return true;
}

static bool is_on_leaf(const struct feature *f, uint32_t leaf, uint32_t subleaf)
{
    return leaves[f->leaf].leaf == leaf && (!leaves[f->leaf].has_subleaves || leaves[f->leaf].subleaf == subleaf);
}

static uint32_t *register_of(struct cpuid_result *r, unsigned reg)
{
    uint32_t *const registers[] = {&r->eax, &r->ebx, &r->ecx, &r->edx};
    return registers[reg];
}

void processor_features_collect(struct processor_features *found, uint32_t leaf, uint32_t subleaf,
                                const struct cpuid_result *r)
{
    struct cpuid_result from = *r;
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const struct feature *f = &features[i];
        if (is_on_leaf(f, leaf, subleaf) && ((*register_of(&from, f->reg) >> f->shown) & 1) != 0) {
            found->set[f->set] |= 1ull << f->bit;
        }
    }
}

void processor_features_hide(const struct processor_features *hidden, uint32_t leaf, uint32_t subleaf,
                             struct cpuid_result *r)
{
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const struct feature *f = &features[i];
        if (is_on_leaf(f, leaf, subleaf) && ((hidden->set[f->set] >> f->bit) & 1) != 0) {
            *register_of(r, f->reg) &= ~(1u << f->shown);
        }
    }
}

uint64_t processor_features_xcr0(const struct processor_features *hidden, uint64_t supported)
{
    const uint64_t without = hidden->set[FEATURES_XSAVE];
    if ((without & (1ull << XSAVE_XSAVE)) != 0) {
        return 0;
    }
    if ((without & (1ull << XSAVE_AVX)) != 0) {
        supported &= ~(XCR0_AVX | XCR0_AVX512);
    }
    return (without & (1ull << XSAVE_AVX512)) != 0 ? supported & ~XCR0_AVX512 : supported;
}
