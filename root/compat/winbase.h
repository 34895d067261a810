/* SPDX-License-Identifier: MIT */
#pragma once

#include "root/compat/winnt.h"
#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x100
#define FORMAT_MESSAGE_IGNORE_INSERTS 0x200
#define FORMAT_MESSAGE_FROM_STRING 0x400
#define FORMAT_MESSAGE_FROM_HMODULE 0x800
#define FORMAT_MESSAGE_FROM_SYSTEM 0x1000
#define FORMAT_MESSAGE_ARGUMENT_ARRAY 0x2000
#define FORMAT_MESSAGE_MAX_WIDTH_MASK 0xff

/*
 * FROM_SYSTEM only, without inserts: a line in English for an error number or HRESULT that root/compat or libwhv gives,
 * ERROR_MR_MID_NOT_FOUND for another. Returns its length; 0: failed.
 */
DWORD FormatMessageA(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPSTR buffer, DWORD size,
                     va_list *arguments);
DWORD FormatMessageW(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPWSTR buffer, DWORD size,
                     va_list *arguments);

#define LMEM_FIXED 0x0
#define LMEM_ZEROINIT 0x40
#define LPTR 0x40
HLOCAL LocalAlloc(UINT flags, SIZE_T size);
/* Null: freed. */
HLOCAL LocalFree(HLOCAL block);

void OutputDebugStringA(LPCSTR text);
void OutputDebugStringW(LPCWSTR text);
BOOL IsDebuggerPresent(void);
/* Ends the program like abort: there is no debugger. */
DECLSPEC_NORETURN void DebugBreak(void);

/* The words after the program's name, as they were given. */
LPSTR GetCommandLineA(void);
/* There is no environment: 0, ERROR_ENVVAR_NOT_FOUND. */
DWORD GetEnvironmentVariableA(LPCSTR name, LPSTR buffer, DWORD size);

#ifdef UNICODE
#define FormatMessage FormatMessageW
#define OutputDebugString OutputDebugStringW
#else
#define FormatMessage FormatMessageA
#define OutputDebugString OutputDebugStringA
#endif

#define ZeroMemory(to, size) memset((to), 0, (size))
#define FillMemory(to, size, value) memset((to), (value), (size))
#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define MoveMemory(to, from, size) memmove((to), (from), (size))
#define SecureZeroMemory(to, size) memset((to), 0, (size))
#define RtlZeroMemory(to, size) memset((to), 0, (size))
#define RtlCopyMemory(to, from, size) memcpy((to), (from), (size))
#define RtlFillMemory(to, size, value) memset((to), (value), (size))
#define RtlMoveMemory(to, from, size) memmove((to), (from), (size))

#ifdef __cplusplus
}
#endif
