/* SPDX-License-Identifier: MIT */
#pragma once

#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Zeroed pages of the root's RAM; the size is rounded up to 4096 bytes, blocks begin at a multiple of 64 KiB, those of
 * 2 MiB and more at one of 2 MiB. What is reserved is there at once; committing part of a block gives its address. The
 * protection is checked and not applied: a root program's memory can be read, written and executed. Null: see
 * GetLastError.
 */
LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protection);
LPVOID VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protection);
/* MEM_RELEASE: the whole block, size 0. MEM_DECOMMIT: its bytes are zero from then on. */
BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type);
/* Changes nothing. The range must lie in one block. */
BOOL VirtualProtect(LPVOID address, SIZE_T size, DWORD protection, PDWORD old);
/* Memory is always there. */
BOOL VirtualLock(LPVOID address, SIZE_T size);
BOOL VirtualUnlock(LPVOID address, SIZE_T size);
SIZE_T GetLargePageMinimum(void);

#ifdef __cplusplus
}
#endif
