/* SPDX-License-Identifier: MIT */
/* Types of the instruction emulator (WinHvEmulation.h). Callbacks use the caller's own C calling convention. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/language.h"
#include "abi/whv_base.h"
#include "abi/whv_enums.h"
#include "abi/whv_register_types.h"

WHB_BEGIN_C

typedef void *WHV_EMULATOR_HANDLE;

/* Why an emulation ended. The function itself returns S_OK in all of these cases. */
typedef union WHV_EMULATOR_STATUS {
    __extension__ struct {
        uint32_t EmulationSuccessful : 1;
        uint32_t InternalEmulationFailure : 1; /* an instruction that the emulator does not know */
        uint32_t IoPortCallbackFailed : 1;
        uint32_t MemoryCallbackFailed : 1;
        uint32_t TranslateGvaPageCallbackFailed : 1;
        uint32_t TranslateGvaPageCallbackGpaIsNotAligned : 1;
        uint32_t GetVirtualProcessorRegistersCallbackFailed : 1;
        uint32_t SetVirtualProcessorRegistersCallbackFailed : 1;
        uint32_t InterruptCausedIntercept : 1;
        uint32_t GuestCannotBeFaulted : 1;
        uint32_t Reserved : 22;
    };
    uint32_t AsUINT32;
} WHV_EMULATOR_STATUS;
WHB_STATIC_ASSERT(sizeof(WHV_EMULATOR_STATUS) == 4, "ABI");

typedef struct WHV_EMULATOR_MEMORY_ACCESS_INFO {
    WHV_GUEST_PHYSICAL_ADDRESS GpaAddress;
    uint8_t Direction;  /* 0: read, 1: write */
    uint8_t AccessSize; /* bytes, 1 to 8 */
    uint8_t Data[8];    /* the first AccessSize bytes: to write, or filled by the callback */
} WHV_EMULATOR_MEMORY_ACCESS_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_EMULATOR_MEMORY_ACCESS_INFO) == 24, "ABI");

typedef struct WHV_EMULATOR_IO_ACCESS_INFO {
    uint8_t Direction; /* 0: read, 1: write */
    uint16_t Port;
    uint16_t AccessSize; /* bytes: 1, 2 or 4 */
    uint32_t Data;       /* to write, or filled by the callback */
} WHV_EMULATOR_IO_ACCESS_INFO;
WHB_STATIC_ASSERT(sizeof(WHV_EMULATOR_IO_ACCESS_INFO) == 12, "ABI");
WHB_STATIC_ASSERT(offsetof(WHV_EMULATOR_IO_ACCESS_INFO, Port) == 2, "ABI");

typedef HRESULT (*WHV_EMULATOR_IO_PORT_CALLBACK)(void *Context, WHV_EMULATOR_IO_ACCESS_INFO *IoAccess);
typedef HRESULT (*WHV_EMULATOR_MEMORY_CALLBACK)(void *Context, WHV_EMULATOR_MEMORY_ACCESS_INFO *MemoryAccess);
typedef HRESULT (*WHV_EMULATOR_GET_VIRTUAL_PROCESSOR_REGISTERS_CALLBACK)(void *Context,
                                                                         const WHV_REGISTER_NAME *RegisterNames,
                                                                         uint32_t RegisterCount,
                                                                         WHV_REGISTER_VALUE *RegisterValues);
typedef HRESULT (*WHV_EMULATOR_SET_VIRTUAL_PROCESSOR_REGISTERS_CALLBACK)(void *Context,
                                                                         const WHV_REGISTER_NAME *RegisterNames,
                                                                         uint32_t RegisterCount,
                                                                         const WHV_REGISTER_VALUE *RegisterValues);
typedef HRESULT (*WHV_EMULATOR_TRANSLATE_GVA_PAGE_CALLBACK)(void *Context, WHV_GUEST_VIRTUAL_ADDRESS Gva,
                                                            WHV_TRANSLATE_GVA_FLAGS TranslateFlags,
                                                            WHV_TRANSLATE_GVA_RESULT_CODE *TranslationResult,
                                                            WHV_GUEST_PHYSICAL_ADDRESS *Gpa);

typedef struct WHV_EMULATOR_CALLBACKS {
    uint32_t Size; /* sizeof(WHV_EMULATOR_CALLBACKS) */
    uint32_t Reserved;
    WHV_EMULATOR_IO_PORT_CALLBACK WHvEmulatorIoPortCallback;
    WHV_EMULATOR_MEMORY_CALLBACK WHvEmulatorMemoryCallback;
    WHV_EMULATOR_GET_VIRTUAL_PROCESSOR_REGISTERS_CALLBACK WHvEmulatorGetVirtualProcessorRegisters;
    WHV_EMULATOR_SET_VIRTUAL_PROCESSOR_REGISTERS_CALLBACK WHvEmulatorSetVirtualProcessorRegisters;
    WHV_EMULATOR_TRANSLATE_GVA_PAGE_CALLBACK WHvEmulatorTranslateGvaPage;
} WHV_EMULATOR_CALLBACKS;
WHB_STATIC_ASSERT(sizeof(WHV_EMULATOR_CALLBACKS) == 48, "ABI");

WHB_END_C
