/* SPDX-License-Identifier: MIT */
/*
 * State of a guest that is a hypervisor itself (WHvVirtualProcessorStateTypeNestedState). Whimbrel offers guests no
 * nested virtualization; the types are here so that a client's source compiles.
 */
#pragma once

#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_call_types.h"

typedef enum WHV_NESTED_STATE_TYPE {
    WHvNestedStateTypeVmx = 0,
    WHvNestedStateTypeSvm = 1,
} WHV_NESTED_STATE_TYPE;

typedef struct WHV_X64_VMX_NESTED_STATE {
    WHV_NESTED_STATE_TYPE Vendor; /* WHvNestedStateTypeVmx */
    struct {
        uint32_t GuestMode : 1;
        uint32_t Vmxon : 1;
        uint32_t CurrentVmcsValid : 1;
        uint32_t VmEntryPending : 1;
        uint32_t VmcsEnlightened : 1;
        uint32_t EnlightenedVmEntry : 1;
        uint32_t Reserved : 26;
    } Flags;
    WHV_NESTED_ENLIGHTENMENTS_CONTROL NestedEnlightenmentsControl;
    uint64_t Pdpt[4];
    uint64_t VmxonRegionGpa;         /* guest physical address, bytes; likewise the next two */
    uint64_t VmcsGpa;                /* counts if Flags.CurrentVmcsValid */
    uint64_t CurrentEnlightenedVmcs; /* counts if Flags.VmcsEnlightened */
    struct {
        uint32_t Tpr;
        uint32_t Ppr;
        uint32_t Isr[8];
        uint32_t Irr[8];
        uint32_t IcrLow;
        uint32_t IcrHigh;
    } VirtualApicRegs;
    uint8_t Reserved[4096 - 152];
    uint8_t VmcsBytes[4096];
} __attribute__((aligned(4096))) WHV_X64_VMX_NESTED_STATE;
WHB_STATIC_ASSERT(sizeof(WHV_X64_VMX_NESTED_STATE) == 8192, "ABI");

typedef struct WHV_SVM_VMCB_SELECTOR {
    uint16_t Selector;
    uint16_t Attrib;
    uint32_t Limit; /* bytes minus 1 */
    uint64_t Base;  /* linear address */
} WHV_SVM_VMCB_SELECTOR;
WHB_STATIC_ASSERT(sizeof(WHV_SVM_VMCB_SELECTOR) == 16, "ABI");

typedef struct WHV_SVM_NESTED_HOST_STATE {
    uint64_t Rip;
    uint64_t Rsp;
    uint64_t Rflags;
    uint64_t Rax;
    WHV_SVM_VMCB_SELECTOR Es;
    WHV_SVM_VMCB_SELECTOR Cs;
    WHV_SVM_VMCB_SELECTOR Ss;
    WHV_SVM_VMCB_SELECTOR Ds;
    WHV_SVM_VMCB_SELECTOR Gdtr;
    WHV_SVM_VMCB_SELECTOR Idtr;
    uint64_t Efer;
    uint64_t Cr0;
    uint64_t Cr3;
    uint64_t Cr4;
    uint64_t VirtualTpr;
    uint64_t Reserved[6];
} WHV_SVM_NESTED_HOST_STATE;
WHB_STATIC_ASSERT(sizeof(WHV_SVM_NESTED_HOST_STATE) == 216, "ABI");

typedef struct WHV_X64_SVM_NESTED_STATE {
    WHV_NESTED_STATE_TYPE Vendor; /* WHvNestedStateTypeSvm */
    struct {
        uint32_t GuestMode : 1;
        uint32_t VmEntryPending : 1;
        uint32_t HostSaveGpaValid : 1;
        uint32_t CurrentVmcbValid : 1;
        uint32_t Reserved : 28;
    } Flags;
    WHV_NESTED_ENLIGHTENMENTS_CONTROL NestedEnlightenmentsControl;
    uint64_t HostSaveGpa; /* guest physical address, bytes; counts if Flags.HostSaveGpaValid */
    uint64_t VmControlMsr;
    uint64_t VirtualTscRatioMsr;
    uint64_t VmcbGpa; /* guest physical address, bytes; counts if Flags.CurrentVmcbValid */
    WHV_SVM_NESTED_HOST_STATE HostState;
    uint8_t Reserved[4096 - 264];
    uint8_t VmcbBytes[4096];
} __attribute__((aligned(4096))) WHV_X64_SVM_NESTED_STATE;
WHB_STATIC_ASSERT(sizeof(WHV_X64_SVM_NESTED_STATE) == 8192, "ABI");

typedef union WHV_X64_NESTED_STATE {
    WHV_X64_VMX_NESTED_STATE Vmx;
    WHV_X64_SVM_NESTED_STATE Svm;
} WHV_X64_NESTED_STATE;
WHB_STATIC_ASSERT(sizeof(WHV_X64_NESTED_STATE) == 8192, "ABI");
