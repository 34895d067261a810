/* SPDX-License-Identifier: MIT */
/* Windows' error numbers that root/compat gives or that clients of WHP look for, and what an HRESULT is made of. */
#pragma once

#include <stdint.h>

#include "abi/whv_hresult.h"

#define ERROR_SUCCESS 0
#define NO_ERROR 0
#define ERROR_INVALID_FUNCTION 1
#define ERROR_FILE_NOT_FOUND 2
#define ERROR_PATH_NOT_FOUND 3
#define ERROR_ACCESS_DENIED 5
#define ERROR_INVALID_HANDLE 6
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_OUTOFMEMORY 14
#define ERROR_WRITE_PROTECT 19
#define ERROR_BAD_LENGTH 24
#define ERROR_READ_FAULT 30
#define ERROR_GEN_FAILURE 31
#define ERROR_SHARING_VIOLATION 32
#define ERROR_HANDLE_EOF 38
#define ERROR_NOT_SUPPORTED 50
#define ERROR_FILE_EXISTS 80
#define ERROR_INVALID_PARAMETER 87
#define ERROR_CALL_NOT_IMPLEMENTED 120
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_INVALID_NAME 123
#define ERROR_MOD_NOT_FOUND 126
#define ERROR_PROC_NOT_FOUND 127
#define ERROR_NEGATIVE_SEEK 131
#define ERROR_BUSY 170
#define ERROR_MAX_THRDS_REACHED 164
#define ERROR_ALREADY_EXISTS 183
#define ERROR_ENVVAR_NOT_FOUND 203
#define ERROR_MORE_DATA 234
#define WAIT_TIMEOUT 258
#define ERROR_NO_MORE_ITEMS 259
#define ERROR_NOT_OWNER 288
#define ERROR_TOO_MANY_POSTS 298
#define ERROR_MR_MID_NOT_FOUND 317
#define ERROR_INVALID_ADDRESS 487
#define ERROR_OPERATION_ABORTED 995
#define ERROR_IO_INCOMPLETE 996
#define ERROR_IO_PENDING 997
#define ERROR_NOT_FOUND 1168
#define ERROR_RETRY 1237
#define ERROR_NO_SYSTEM_RESOURCES 1450
#define ERROR_TIMEOUT 1460
#define ERROR_INVALID_STATE 5023

#define NOERROR 0
#define S_FALSE ((HRESULT)1)
#define E_UNEXPECTED ((HRESULT)0x8000ffff)
#define E_NOINTERFACE ((HRESULT)0x80004002)
#define E_ABORT ((HRESULT)0x80004004)
#define E_FAIL ((HRESULT)0x80004005)
#define E_PENDING ((HRESULT)0x8000000a)

#define SEVERITY_SUCCESS 0
#define SEVERITY_ERROR 1
#define FACILITY_NULL 0
#define FACILITY_WIN32 7
#define HRESULT_CODE(hr) ((hr)&0xffff)
#define HRESULT_FACILITY(hr) (((hr) >> 16) & 0x1fff)
#define HRESULT_SEVERITY(hr) (((hr) >> 31) & 0x1)
#define IS_ERROR(status) ((uint32_t)(status) >> 31 == SEVERITY_ERROR)
#define MAKE_HRESULT(severity, facility, code)                                                                         \
    ((HRESULT)((uint32_t)(severity) << 31 | (uint32_t)(facility) << 16 | (uint32_t)(code)))
#define __HRESULT_FROM_WIN32(error)                                                                                    \
    ((HRESULT)(error) <= 0 ? (HRESULT)(error)                                                                          \
                           : (HRESULT)(((uint32_t)(error)&0xffff) | FACILITY_WIN32 << 16 | 0x80000000))
#define HRESULT_FROM_WIN32(error) __HRESULT_FROM_WIN32(error)
