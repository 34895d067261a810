/* SPDX-License-Identifier: MIT */
/*
 * The instruction emulator of the Windows Hypervisor Platform, for root programs: it finishes port and memory accesses
 * of guests by callbacks. docs/emulator.md says which instructions it knows and what its status means. A handle serves
 * one caller at a time; different handles share nothing and serve different CPUs at once.
 */
#pragma once

#include "abi/language.h"
#include "root/libwhv/WinHvPlatformDefs.h"

WHB_BEGIN_C

/* A null pointer: E_POINTER. Size not sizeof(WHV_EMULATOR_CALLBACKS), or a null callback: E_INVALIDARG. E_OUTOFMEMORY.
 */
HRESULT WHvEmulatorCreateEmulator(const WHV_EMULATOR_CALLBACKS *Callbacks, WHV_EMULATOR_HANDLE *Emulator);

/* A null handle: E_POINTER. */
HRESULT WHvEmulatorDestroyEmulator(WHV_EMULATOR_HANDLE Emulator);

/*
 * Finish the instruction of an X64IoPortAccess or MemoryAccess exit. `Context` goes to the callbacks. S_OK whatever
 * became of it: that is in the status. E_POINTER: a null pointer, but `Context` may be null.
 */
HRESULT WHvEmulatorTryIoEmulation(WHV_EMULATOR_HANDLE Emulator, VOID *Context, const WHV_VP_EXIT_CONTEXT *VpContext,
                                  const WHV_X64_IO_PORT_ACCESS_CONTEXT *IoInstructionContext,
                                  WHV_EMULATOR_STATUS *EmulatorReturnStatus);
HRESULT WHvEmulatorTryMmioEmulation(WHV_EMULATOR_HANDLE Emulator, VOID *Context, const WHV_VP_EXIT_CONTEXT *VpContext,
                                    const WHV_MEMORY_ACCESS_CONTEXT *MmioInstructionContext,
                                    WHV_EMULATOR_STATUS *EmulatorReturnStatus);

WHB_END_C
