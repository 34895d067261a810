/* SPDX-License-Identifier: MIT */
/*
 * What a client of the Windows Hypervisor Platform uses of windows.h, for sources that are built unchanged into root
 * programs (docs/clients.md). Nothing else of Windows is here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/whv_hresult.h"
#include "root/libwhv/WinHvPlatformDefs.h"

#define WINAPI
#define CALLBACK
#define TRUE 1
#define FALSE 0

typedef int8_t INT8;
typedef int16_t INT16;
typedef int32_t INT32, LONG, INT;
typedef int64_t INT64, LONG64, LONGLONG;
typedef uint8_t BYTE, UCHAR, BOOLEAN;
typedef uint16_t WORD, USHORT;
typedef uint32_t DWORD, UINT, ULONG;
typedef uint64_t DWORD64, ULONG64, ULONGLONG;
typedef size_t SIZE_T;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR;
typedef char CHAR;
typedef void *LPVOID;
typedef const void *LPCVOID;

typedef union LARGE_INTEGER {
    struct {
        DWORD LowPart;
        LONG HighPart;
    };
    LONGLONG QuadPart;
} LARGE_INTEGER;

#define MEM_COMMIT 0x1000u
#define MEM_RESERVE 0x2000u
#define MEM_RELEASE 0x8000u
#define PAGE_READONLY 0x02u
#define PAGE_READWRITE 0x04u
#define PAGE_EXECUTE_READ 0x20u
#define PAGE_EXECUTE_READWRITE 0x40u

#define ERROR_NOT_ENOUGH_MEMORY 8u
#define ERROR_INVALID_PARAMETER 87u
#define ERROR_INVALID_ADDRESS 487u

#define ZeroMemory(to, size) memset((to), 0, (size))
#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define UNREFERENCED_PARAMETER(p) ((void)(p))

/*
 * Zeroed pages of the root's RAM, rounded up to 4096 bytes. `address` must be null and `type` have MEM_COMMIT; the
 * protection is not applied: a root program's memory is readable and writable. Null: see GetLastError.
 */
LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protection);
/* The whole block: size 0 and MEM_RELEASE. */
BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type);

/* Of the last of these functions that failed, on any CPU. */
DWORD GetLastError(void);

HANDLE GetCurrentProcess(void);

/* The TSC; its frequency in Hz, by the hypervisor (FALSE: it does not know). */
BOOL QueryPerformanceCounter(LARGE_INTEGER *count);
BOOL QueryPerformanceFrequency(LARGE_INTEGER *frequency);

/* Ends the program and switches the machine off. */
_Noreturn void ExitProcess(UINT code);

#include "root/lib/string.h"
