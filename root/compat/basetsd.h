/* SPDX-License-Identifier: MIT */
/* Windows' integer types of a fixed size, and of a pointer's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "root/libwhv/WinHvPlatformDefs.h"

typedef int8_t INT8, *PINT8;
typedef int16_t INT16, *PINT16;
typedef int32_t INT32, *PINT32, LONG32, *PLONG32;
typedef int64_t INT64, *PINT64, LONG64, *PLONG64;
typedef UINT8 *PUINT8;
typedef UINT16 *PUINT16;
typedef UINT32 *PUINT32;
typedef UINT64 *PUINT64;
typedef uint32_t DWORD32, *PDWORD32, ULONG32, *PULONG32;
typedef uint64_t DWORD64, *PDWORD64, ULONG64, *PULONG64;
typedef size_t SIZE_T, *PSIZE_T;
typedef ptrdiff_t SSIZE_T, *PSSIZE_T;
typedef intptr_t INT_PTR, *PINT_PTR, LONG_PTR, *PLONG_PTR;
typedef uintptr_t UINT_PTR, *PUINT_PTR, ULONG_PTR, *PULONG_PTR, DWORD_PTR, *PDWORD_PTR, KAFFINITY;
