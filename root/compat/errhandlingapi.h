/* SPDX-License-Identifier: MIT */
#pragma once

#include "root/compat/winerror.h"
#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of the calling thread. */
DWORD GetLastError(void);
void SetLastError(DWORD error);

#define SEM_FAILCRITICALERRORS 0x1
#define SEM_NOGPFAULTERRORBOX 0x2
/* Nothing shows a box here: gives 0. */
UINT SetErrorMode(UINT mode);

#ifdef __cplusplus
}
#endif
