/* SPDX-License-Identifier: MIT */
/*
 * There are two libraries, WinHvPlatform.dll and WinHvEmulation.dll, which are in the program and always loaded. Names
 * are compared without case, a path before them and a missing .dll do not matter. Any other: ERROR_MOD_NOT_FOUND.
 */
#pragma once

#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LOAD_LIBRARY_AS_DATAFILE 0x2
#define LOAD_WITH_ALTERED_SEARCH_PATH 0x8
#define LOAD_LIBRARY_SEARCH_APPLICATION_DIR 0x200
#define LOAD_LIBRARY_SEARCH_USER_DIRS 0x400
#define LOAD_LIBRARY_SEARCH_SYSTEM32 0x800
#define LOAD_LIBRARY_SEARCH_DEFAULT_DIRS 0x1000

HMODULE LoadLibraryA(LPCSTR name);
HMODULE LoadLibraryW(LPCWSTR name);
/* `file` is null; the flags are not looked at. */
HMODULE LoadLibraryExA(LPCSTR name, HANDLE file, DWORD flags);
HMODULE LoadLibraryExW(LPCWSTR name, HANDLE file, DWORD flags);
/* A null name: the program, which has no functions for GetProcAddress. */
HMODULE GetModuleHandleA(LPCSTR name);
HMODULE GetModuleHandleW(LPCWSTR name);
BOOL FreeLibrary(HMODULE module);
/* ERROR_PROC_NOT_FOUND: the library has no such function. */
FARPROC GetProcAddress(HMODULE module, LPCSTR name);

#ifdef UNICODE
#define LoadLibrary LoadLibraryW
#define LoadLibraryEx LoadLibraryExW
#define GetModuleHandle GetModuleHandleW
#else
#define LoadLibrary LoadLibraryA
#define LoadLibraryEx LoadLibraryExA
#define GetModuleHandle GetModuleHandleA
#endif

#ifdef __cplusplus
}
#endif
