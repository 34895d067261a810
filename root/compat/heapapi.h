/* SPDX-License-Identifier: MIT */
/* Every heap is the C library's. */
#pragma once

#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HEAP_NO_SERIALIZE 0x1
#define HEAP_GENERATE_EXCEPTIONS 0x4
#define HEAP_ZERO_MEMORY 0x8

HANDLE GetProcessHeap(void);
HANDLE HeapCreate(DWORD options, SIZE_T initial, SIZE_T maximum);
/* Blocks that were not freed stay. */
BOOL HeapDestroy(HANDLE heap);
LPVOID HeapAlloc(HANDLE heap, DWORD flags, SIZE_T size);
LPVOID HeapReAlloc(HANDLE heap, DWORD flags, LPVOID block, SIZE_T size);
BOOL HeapFree(HANDLE heap, DWORD flags, LPVOID block);

#ifdef __cplusplus
}
#endif
