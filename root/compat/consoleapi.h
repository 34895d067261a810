/* SPDX-License-Identifier: MIT */
/* The console is the serial line. */
#pragma once

#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STD_INPUT_HANDLE ((DWORD)-10)
#define STD_OUTPUT_HANDLE ((DWORD)-11)
#define STD_ERROR_HANDLE ((DWORD)-12)
#define ENABLE_PROCESSED_OUTPUT 0x1
#define ENABLE_VIRTUAL_TERMINAL_PROCESSING 0x4
#define CP_UTF8 65001

/* For ReadFile and WriteFile; never to be closed. */
HANDLE GetStdHandle(DWORD which);
BOOL WriteConsoleA(HANDLE console, const void *text, DWORD length, LPDWORD written, LPVOID reserved);
BOOL WriteConsoleW(HANDLE console, const void *text, DWORD length, LPDWORD written, LPVOID reserved);
/* A terminal's own settings are left to the terminal. */
BOOL GetConsoleMode(HANDLE console, LPDWORD mode);
BOOL SetConsoleMode(HANDLE console, DWORD mode);
BOOL SetConsoleOutputCP(UINT page);
/* There is no Ctrl-C: a typed one is a byte of stdin. Gives TRUE. */
typedef BOOL (*PHANDLER_ROUTINE)(DWORD event);
BOOL SetConsoleCtrlHandler(PHANDLER_ROUTINE handler, BOOL add);

#ifdef UNICODE
#define WriteConsole WriteConsoleW
#else
#define WriteConsole WriteConsoleA
#endif

#ifdef __cplusplus
}
#endif
