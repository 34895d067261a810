/* SPDX-License-Identifier: MIT */
#pragma once

#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)

/* A handle of any kind. ERROR_INVALID_HANDLE: it is none. */
BOOL CloseHandle(HANDLE handle);
/* Within the one process: the same object, which lives until both handles are closed. */
BOOL DuplicateHandle(HANDLE source_process, HANDLE source, HANDLE target_process, LPHANDLE target, DWORD access,
                     BOOL inherit, DWORD options);

#ifdef __cplusplus
}
#endif
