/* SPDX-License-Identifier: MIT */
/*
 * Feature bits of processors and of the platform.
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_enums.h"
#include "abi/whv_register_types.h"

typedef union WHV_CAPABILITY_FEATURES {
    __extension__ struct {
        uint64_t PartialUnmap : 1;
        uint64_t LocalApicEmulation : 1;
        uint64_t Xsave : 1;
        uint64_t DirtyPageTracking : 1;
        uint64_t SpeculationControl : 1;
        uint64_t ApicRemoteRead : 1;
        uint64_t IdleSuspend : 1;
        uint64_t VirtualPciDeviceSupport : 1;
        uint64_t IommuSupport : 1;
        uint64_t VpHotAddRemove : 1;
        uint64_t DeviceAccessTracking : 1;
        uint64_t ReservedX640 : 1;
        uint64_t Reserved : 52;
    };
    uint64_t AsUINT64;
} WHV_CAPABILITY_FEATURES;
WHB_STATIC_ASSERT(sizeof(WHV_CAPABILITY_FEATURES) == 8, "ABI");

typedef union WHV_EXTENDED_VM_EXITS {
    __extension__ struct {
        uint64_t X64CpuidExit : 1;
        uint64_t X64MsrExit : 1;
        uint64_t ExceptionExit : 1;
        uint64_t X64RdtscExit : 1;
        uint64_t X64ApicSmiExitTrap : 1;
        uint64_t HypercallExit : 1;
        uint64_t X64ApicInitSipiExitTrap : 1;
        uint64_t X64ApicWriteLint0ExitTrap : 1;
        uint64_t X64ApicWriteLint1ExitTrap : 1;
        uint64_t X64ApicWriteSvrExitTrap : 1;
        uint64_t UnknownSynicConnection : 1;
        uint64_t RetargetUnknownVpciDevice : 1;
        uint64_t X64ApicWriteLdrExitTrap : 1;
        uint64_t X64ApicWriteDfrExitTrap : 1;
        uint64_t GpaAccessFaultExit : 1;
        uint64_t Reserved : 49;
    };
    uint64_t AsUINT64;
} WHV_EXTENDED_VM_EXITS;
WHB_STATIC_ASSERT(sizeof(WHV_EXTENDED_VM_EXITS) == 8, "ABI");

typedef union WHV_X64_PROCESSOR_FEATURES {
    __extension__ struct {
        uint64_t Sse3Support : 1;
        uint64_t LahfSahfSupport : 1;
        uint64_t Ssse3Support : 1;
        uint64_t Sse4_1Support : 1;
        uint64_t Sse4_2Support : 1;
        uint64_t Sse4aSupport : 1;
        uint64_t XopSupport : 1;
        uint64_t PopCntSupport : 1;
        uint64_t Cmpxchg16bSupport : 1;
        uint64_t Altmovcr8Support : 1;
        uint64_t LzcntSupport : 1;
        uint64_t MisAlignSseSupport : 1;
        uint64_t MmxExtSupport : 1;
        uint64_t Amd3DNowSupport : 1;
        uint64_t ExtendedAmd3DNowSupport : 1;
        uint64_t Page1GbSupport : 1;
        uint64_t AesSupport : 1;
        uint64_t PclmulqdqSupport : 1;
        uint64_t PcidSupport : 1;
        uint64_t Fma4Support : 1;
        uint64_t F16CSupport : 1;
        uint64_t RdRandSupport : 1;
        uint64_t RdWrFsGsSupport : 1;
        uint64_t SmepSupport : 1;
        uint64_t EnhancedFastStringSupport : 1;
        uint64_t Bmi1Support : 1;
        uint64_t Bmi2Support : 1;
        uint64_t Reserved1 : 2;
        uint64_t MovbeSupport : 1;
        uint64_t Npiep1Support : 1;
        uint64_t DepX87FPUSaveSupport : 1;
        uint64_t RdSeedSupport : 1;
        uint64_t AdxSupport : 1;
        uint64_t IntelPrefetchSupport : 1;
        uint64_t SmapSupport : 1;
        uint64_t HleSupport : 1;
        uint64_t RtmSupport : 1;
        uint64_t RdtscpSupport : 1;
        uint64_t ClflushoptSupport : 1;
        uint64_t ClwbSupport : 1;
        uint64_t ShaSupport : 1;
        uint64_t X87PointersSavedSupport : 1;
        uint64_t InvpcidSupport : 1;
        uint64_t IbrsSupport : 1;
        uint64_t StibpSupport : 1;
        uint64_t IbpbSupport : 1;
        uint64_t UnrestrictedGuestSupport : 1;
        uint64_t SsbdSupport : 1;
        uint64_t FastShortRepMovSupport : 1;
        uint64_t Reserved3 : 1;
        uint64_t RdclNo : 1;
        uint64_t IbrsAllSupport : 1;
        uint64_t Reserved4 : 1;
        uint64_t SsbNo : 1;
        uint64_t RsbANo : 1;
        uint64_t Reserved5 : 1;
        uint64_t RdPidSupport : 1;
        uint64_t UmipSupport : 1;
        uint64_t MdsNoSupport : 1;
        uint64_t MdClearSupport : 1;
        uint64_t TaaNoSupport : 1;
        uint64_t TsxCtrlSupport : 1;
        uint64_t Reserved6 : 1;
    };
    uint64_t AsUINT64;
} WHV_X64_PROCESSOR_FEATURES;
typedef WHV_X64_PROCESSOR_FEATURES WHV_PROCESSOR_FEATURES;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PROCESSOR_FEATURES) == 8, "ABI");

typedef union WHV_X64_PROCESSOR_FEATURES1 {
    __extension__ struct {
        uint64_t ACountMCountSupport : 1;
        uint64_t TscInvariantSupport : 1;
        uint64_t ClZeroSupport : 1;
        uint64_t RdpruSupport : 1;
        uint64_t La57Support : 1;
        uint64_t MbecSupport : 1;
        uint64_t NestedVirtSupport : 1;
        uint64_t PsfdSupport : 1;
        uint64_t CetSsSupport : 1;
        uint64_t CetIbtSupport : 1;
        uint64_t VmxExceptionInjectSupport : 1;
        uint64_t Reserved2 : 1;
        uint64_t UmwaitTpauseSupport : 1;
        uint64_t MovdiriSupport : 1;
        uint64_t Movdir64bSupport : 1;
        uint64_t CldemoteSupport : 1;
        uint64_t SerializeSupport : 1;
        uint64_t TscDeadlineTmrSupport : 1;
        uint64_t TscAdjustSupport : 1;
        uint64_t FZLRepMovsb : 1;
        uint64_t FSRepStosb : 1;
        uint64_t FSRepCmpsb : 1;
        uint64_t TsxLdTrkSupport : 1;
        uint64_t VmxInsOutsExitInfoSupport : 1;
        uint64_t Reserved3 : 1;
        uint64_t SbdrSsdpNoSupport : 1;
        uint64_t FbsdpNoSupport : 1;
        uint64_t PsdpNoSupport : 1;
        uint64_t FbClearSupport : 1;
        uint64_t BtcNoSupport : 1;
        uint64_t IbpbRsbFlushSupport : 1;
        uint64_t StibpAlwaysOnSupport : 1;
        uint64_t PerfGlobalCtrlSupport : 1;
        uint64_t NptExecuteOnlySupport : 1;
        uint64_t NptADFlagsSupport : 1;
        uint64_t Npt1GbPageSupport : 1;
        uint64_t Reserved4 : 1;
        uint64_t Reserved5 : 1;
        uint64_t Reserved6 : 1;
        uint64_t Reserved7 : 1;
        uint64_t CmpccxaddSupport : 1;
        uint64_t Reserved8 : 1;
        uint64_t Reserved9 : 1;
        uint64_t Reserved10 : 1;
        uint64_t Reserved11 : 1;
        uint64_t PrefetchISupport : 1;
        uint64_t Sha512Support : 1;
        uint64_t Reserved12 : 1;
        uint64_t Reserved13 : 1;
        uint64_t Reserved14 : 1;
        uint64_t SM3Support : 1;
        uint64_t SM4Support : 1;
        uint64_t Reserved15 : 1;
        uint64_t Reserved16 : 1;
        uint64_t SbpbSupported : 1;
        uint64_t IbpbBrTypeSupported : 1;
        uint64_t SrsoNoSupported : 1;
        uint64_t SrsoUserKernelNoSupported : 1;
        uint64_t Reserved17 : 1;
        uint64_t Reserved18 : 1;
        uint64_t Reserved19 : 1;
        uint64_t Reserved20 : 3;
    };
    uint64_t AsUINT64;
} WHV_X64_PROCESSOR_FEATURES1;
typedef WHV_X64_PROCESSOR_FEATURES1 WHV_PROCESSOR_FEATURES1;
WHB_STATIC_ASSERT(sizeof(WHV_X64_PROCESSOR_FEATURES1) == 8, "ABI");

typedef struct WHV_PROCESSOR_FEATURES_BANKS {
    uint32_t BanksCount;
    uint32_t Reserved0;
    __extension__ union {
        __extension__ struct {
            WHV_PROCESSOR_FEATURES Bank0;
            WHV_PROCESSOR_FEATURES1 Bank1;
        };
        uint64_t AsUINT64[2];
    };
} WHV_PROCESSOR_FEATURES_BANKS;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_FEATURES_BANKS) == 24, "ABI");

typedef union WHV_SYNTHETIC_PROCESSOR_FEATURES {
    __extension__ struct {
        uint64_t HypervisorPresent : 1;
        uint64_t Hv1 : 1;
        uint64_t AccessVpRunTimeReg : 1;
        uint64_t AccessPartitionReferenceCounter : 1;
        uint64_t AccessSynicRegs : 1;
        uint64_t AccessSyntheticTimerRegs : 1;
        uint64_t AccessIntrCtrlRegs : 1;
        uint64_t AccessHypercallRegs : 1;
        uint64_t AccessVpIndex : 1;
        uint64_t AccessPartitionReferenceTsc : 1;
        uint64_t AccessGuestIdleReg : 1;
        uint64_t AccessFrequencyRegs : 1;
        uint64_t ReservedZ12 : 1;
        uint64_t ReservedZ13 : 1;
        uint64_t ReservedZ14 : 1;
        uint64_t EnableExtendedGvaRangesForFlushVirtualAddressList : 1;
        uint64_t ReservedZ16 : 1;
        uint64_t ReservedZ17 : 1;
        uint64_t FastHypercallOutput : 1;
        uint64_t ReservedZ19 : 1;
        uint64_t ReservedZ20 : 1;
        uint64_t ReservedZ21 : 1;
        uint64_t DirectSyntheticTimers : 1;
        uint64_t ReservedZ23 : 1;
        uint64_t ExtendedProcessorMasks : 1;
        uint64_t TbFlushHypercalls : 1;
        uint64_t SyntheticClusterIpi : 1;
        uint64_t NotifyLongSpinWait : 1;
        uint64_t QueryNumaDistance : 1;
        uint64_t SignalEvents : 1;
        uint64_t RetargetDeviceInterrupt : 1;
        uint64_t RestoreTime : 1;
        uint64_t EnlightenedVmcs : 1;
        uint64_t NestedDebugCtl : 1;
        uint64_t SyntheticTimeUnhaltedTimer : 1;
        uint64_t IdleSpecCtrl : 1;
        uint64_t ReservedZ36 : 1;
        uint64_t WakeVps : 1;
        uint64_t AccessVpRegs : 1;
        uint64_t ReservedZ39 : 1;
        uint64_t ReservedZ40 : 1;
        uint64_t ReservedZ41 : 1;
        uint64_t ReservedZ42 : 1;
        uint64_t ReservedZ43 : 1;
        uint64_t ReservedZ44 : 1;
        uint64_t Reserved : 19;
    };
    uint64_t AsUINT64;
} WHV_SYNTHETIC_PROCESSOR_FEATURES;
WHB_STATIC_ASSERT(sizeof(WHV_SYNTHETIC_PROCESSOR_FEATURES) == 8, "ABI");

typedef struct WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS {
    uint32_t BanksCount;
    uint32_t Reserved0;
    __extension__ union {
        WHV_SYNTHETIC_PROCESSOR_FEATURES Bank0;
        uint64_t AsUINT64[1];
    };
} WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS;
WHB_STATIC_ASSERT(sizeof(WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS) == 16, "ABI");

typedef union WHV_INPUT_VTL {
    uint8_t AsUINT8;
    __extension__ struct {
        uint8_t TargetVtl : 4;
        uint8_t UseTargetVtl : 1;
        uint8_t Reserved : 3;
    };
} WHV_INPUT_VTL;
WHB_STATIC_ASSERT(sizeof(WHV_INPUT_VTL) == 1, "ABI");

typedef union WHV_ENABLE_PARTITION_VTL_FLAGS {
    uint8_t AsUINT8;
    __extension__ struct {
        uint8_t EnableMbec : 1;
        uint8_t EnableSupervisorShadowStack : 1;
        uint8_t EnableHardwareHvpt : 1;
        uint8_t Reserved : 5;
    };
} WHV_ENABLE_PARTITION_VTL_FLAGS;
WHB_STATIC_ASSERT(sizeof(WHV_ENABLE_PARTITION_VTL_FLAGS) == 1, "ABI");

typedef union WHV_DISABLE_PARTITION_VTL_FLAGS {
    uint8_t AsUINT8;
    __extension__ struct {
        uint8_t ScrubOnly : 1;
        uint8_t Reserved : 7;
    };
} WHV_DISABLE_PARTITION_VTL_FLAGS;
WHB_STATIC_ASSERT(sizeof(WHV_DISABLE_PARTITION_VTL_FLAGS) == 1, "ABI");

typedef struct WHV_INITIAL_VP_CONTEXT {
    uint64_t Rip;
    uint64_t Rsp;
    uint64_t Rflags;
    WHV_X64_SEGMENT_REGISTER Cs;
    WHV_X64_SEGMENT_REGISTER Ds;
    WHV_X64_SEGMENT_REGISTER Es;
    WHV_X64_SEGMENT_REGISTER Fs;
    WHV_X64_SEGMENT_REGISTER Gs;
    WHV_X64_SEGMENT_REGISTER Ss;
    WHV_X64_SEGMENT_REGISTER Tr;
    WHV_X64_SEGMENT_REGISTER Ldtr;
    WHV_X64_TABLE_REGISTER Idtr;
    WHV_X64_TABLE_REGISTER Gdtr;
    uint64_t Efer;
    uint64_t Cr0;
    uint64_t Cr3;
    uint64_t Cr4;
    uint64_t MsrCrPat;
} WHV_INITIAL_VP_CONTEXT;
WHB_STATIC_ASSERT(sizeof(WHV_INITIAL_VP_CONTEXT) == 224, "ABI");

typedef union WHV_DISABLE_VP_VTL_FLAGS {
    uint8_t AsUINT8;
    __extension__ struct {
        uint8_t ScrubOnly : 1;
        uint8_t Reserved : 7;
    };
} WHV_DISABLE_VP_VTL_FLAGS;
WHB_STATIC_ASSERT(sizeof(WHV_DISABLE_VP_VTL_FLAGS) == 1, "ABI");

typedef union WHV_PROCESSOR_XSAVE_FEATURES {
    __extension__ struct {
        uint64_t XsaveSupport : 1;
        uint64_t XsaveoptSupport : 1;
        uint64_t AvxSupport : 1;
        uint64_t Avx2Support : 1;
        uint64_t FmaSupport : 1;
        uint64_t MpxSupport : 1;
        uint64_t Avx512Support : 1;
        uint64_t Avx512DQSupport : 1;
        uint64_t Avx512CDSupport : 1;
        uint64_t Avx512BWSupport : 1;
        uint64_t Avx512VLSupport : 1;
        uint64_t XsaveCompSupport : 1;
        uint64_t XsaveSupervisorSupport : 1;
        uint64_t Xcr1Support : 1;
        uint64_t Avx512BitalgSupport : 1;
        uint64_t Avx512IfmaSupport : 1;
        uint64_t Avx512VBmiSupport : 1;
        uint64_t Avx512VBmi2Support : 1;
        uint64_t Avx512VnniSupport : 1;
        uint64_t GfniSupport : 1;
        uint64_t VaesSupport : 1;
        uint64_t Avx512VPopcntdqSupport : 1;
        uint64_t VpclmulqdqSupport : 1;
        uint64_t Avx512Bf16Support : 1;
        uint64_t Avx512Vp2IntersectSupport : 1;
        uint64_t Avx512Fp16Support : 1;
        uint64_t XfdSupport : 1;
        uint64_t AmxTileSupport : 1;
        uint64_t AmxBf16Support : 1;
        uint64_t AmxInt8Support : 1;
        uint64_t AvxVnniSupport : 1;
        uint64_t AvxIfmaSupport : 1;
        uint64_t AvxNeConvertSupport : 1;
        uint64_t AvxVnniInt8Support : 1;
        uint64_t AvxVnniInt16Support : 1;
        uint64_t Avx10_1_256Support : 1;
        uint64_t Avx10_1_512Support : 1;
        uint64_t AmxFp16Support : 1;
        uint64_t Reserved : 26;
    };
    uint64_t AsUINT64;
} WHV_PROCESSOR_XSAVE_FEATURES;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_XSAVE_FEATURES) == 8, "ABI");

typedef union WHV_PROCESSOR_PERFMON_FEATURES {
    __extension__ struct {
        uint64_t PmuSupport : 1;
        uint64_t LbrSupport : 1;
        uint64_t Reserved : 62;
    };
    uint64_t AsUINT64;
} WHV_PROCESSOR_PERFMON_FEATURES;
WHB_STATIC_ASSERT(sizeof(WHV_PROCESSOR_PERFMON_FEATURES) == 8, "ABI");
