/* SPDX-License-Identifier: MIT */
/* Scalar types, handles and constants of the Windows Hypervisor Platform. */
#pragma once

#include <stdint.h>

/* The guard is that of the Windows headers, so that a client may include those too (first). */
#ifndef _HRESULT_DEFINED
#define _HRESULT_DEFINED
typedef int32_t HRESULT; /* negative: failure */
#endif
typedef void *WHV_PARTITION_HANDLE;
typedef uint64_t WHV_GUEST_PHYSICAL_ADDRESS; /* bytes */
typedef uint64_t WHV_GUEST_VIRTUAL_ADDRESS;  /* bytes */
typedef uint8_t WHV_VTL;

#define WHV_ANY_VP 0xffffffffu
#define WHV_HYPERCALL_CONTEXT_MAX_XMM_REGISTERS 6
#define WHV_PROCESSOR_FEATURES_BANKS_COUNT 2
#define WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS_COUNT 1
#define WHV_READ_WRITE_GPA_RANGE_MAX_SIZE 16
#define WHV_SYNIC_MESSAGE_SIZE 256
