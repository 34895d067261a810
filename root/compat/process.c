/* SPDX-License-Identifier: MIT */
/* The one process, the machine it is on, and the console by Windows' names. */
#include "root/compat/consoleapi.h"
#include "root/compat/object.h"
#include "root/compat/stdio.h"
#include "root/compat/stdlib.h"
#include "root/compat/string.h"
#include "root/compat/sysinfoapi.h"
#include "root/compat/winbase.h"
#include "root/compat/winerror.h"
#include "root/lib/console.h"
#include "root/lib/memory.h"
#include "root/lib/smp.h"

#define PROCESS_ID 4u
#define GRANULARITY 0x10000u

HANDLE GetCurrentProcess(void)
{
    return (HANDLE)(INT_PTR)-1; /* Windows' own pseudo handle */
}

DWORD GetCurrentProcessId(void)
{
    return PROCESS_ID;
}

BOOL TerminateProcess(HANDLE process, UINT code)
{
    if (process != GetCurrentProcess()) {
        return fail(ERROR_INVALID_HANDLE);
    }
    _exit((int)code);
}

BOOL SetPriorityClass(HANDLE process, DWORD priority)
{
    (void)process;
    (void)priority;
    return TRUE;
}

BOOL SetThreadPriority(HANDLE thread, int priority)
{
    (void)thread;
    (void)priority;
    return TRUE;
}

int GetThreadPriority(HANDLE thread)
{
    (void)thread;
    return THREAD_PRIORITY_NORMAL;
}

DWORD_PTR SetThreadAffinityMask(HANDLE thread, DWORD_PTR mask)
{
    (void)thread;
    (void)mask;
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwActiveProcessorMask;
}

HRESULT SetThreadDescription(HANDLE thread, PCWSTR description)
{
    (void)thread;
    (void)description;
    return S_OK;
}

void GetSystemInfo(LPSYSTEM_INFO info)
{
    uint32_t cpus = root_cpu_count();
    memset(info, 0, sizeof(*info));
    info->wProcessorArchitecture = PROCESSOR_ARCHITECTURE_AMD64;
    info->dwPageSize = ROOT_PAGE;
    info->lpMinimumApplicationAddress = (LPVOID)GRANULARITY;
    info->lpMaximumApplicationAddress = (LPVOID)(UINTPTR_MAX >> 17);
    info->dwActiveProcessorMask = cpus >= 64 ? UINT64_MAX : (1ull << cpus) - 1;
    info->dwNumberOfProcessors = cpus;
    info->dwProcessorType = 8664; /* PROCESSOR_AMD_X8664 */
    info->dwAllocationGranularity = GRANULARITY;
}

void GetNativeSystemInfo(LPSYSTEM_INFO info)
{
    GetSystemInfo(info);
}

void OutputDebugStringA(LPCSTR text)
{
    console_write(text, strlen(text));
}

void OutputDebugStringW(LPCWSTR text)
{
    (void)fputws(text, stderr);
}

BOOL IsDebuggerPresent(void)
{
    return FALSE;
}

void DebugBreak(void)
{
    abort();
}

char *getenv(const char *name)
{
    (void)name;
    return NULL;
}

DWORD GetEnvironmentVariableA(LPCSTR name, LPSTR buffer, DWORD size)
{
    (void)name;
    (void)buffer;
    (void)size;
    return (DWORD)fail(ERROR_ENVVAR_NOT_FOUND);
}

HANDLE GetStdHandle(DWORD which)
{
    if (which != STD_INPUT_HANDLE && which != STD_OUTPUT_HANDLE && which != STD_ERROR_HANDLE) {
        (void)fail(ERROR_INVALID_HANDLE);
        return INVALID_HANDLE_VALUE;
    }
    return (HANDLE)(INT_PTR)(LONG)which; /* the number is no address, and no object's handle */
}

BOOL WriteConsoleA(HANDLE console, const void *text, DWORD length, LPDWORD written, LPVOID reserved)
{
    (void)reserved;
    return WriteFile(console, text, length, written, NULL);
}

BOOL WriteConsoleW(HANDLE console, const void *text, DWORD length, LPDWORD written, LPVOID reserved)
{
    (void)reserved;
    DWORD done;
    char *narrow = malloc((size_t)length * 3 + 1);
    wchar_t *copy = calloc((size_t)length + 1, sizeof(wchar_t));
    BOOL good = narrow != NULL && copy != NULL;
    if (good) {
        memcpy(copy, text, length * sizeof(wchar_t));
        good = WriteFile(console, narrow, (DWORD)wcstombs(narrow, copy, (size_t)length * 3), &done, NULL);
    }
    free(narrow);
    free(copy);
    if (good && written != NULL) {
        *written = length;
    }
    return good;
}

BOOL GetConsoleMode(HANDLE console, LPDWORD mode)
{
    *mode = ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING;
    return GetFileType(console) == FILE_TYPE_CHAR || fail(ERROR_INVALID_HANDLE);
}

BOOL SetConsoleMode(HANDLE console, DWORD mode)
{
    (void)mode;
    return GetFileType(console) == FILE_TYPE_CHAR || fail(ERROR_INVALID_HANDLE);
}

BOOL SetConsoleOutputCP(UINT page)
{
    return page == CP_UTF8 || fail(ERROR_INVALID_PARAMETER);
}

BOOL SetConsoleCtrlHandler(PHANDLER_ROUTINE handler, BOOL add)
{
    (void)handler;
    (void)add;
    return TRUE;
}
