/* SPDX-License-Identifier: MIT */
/* The types of the Windows Hypervisor Platform under the name that clients include. */
#pragma once

#include <stdint.h>

#include "abi/whv.h"

typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int32_t BOOL;
typedef void VOID;
typedef void *PVOID;
typedef void *HANDLE;
