/* SPDX-License-Identifier: MIT */
/*
 * What a client of the Windows Hypervisor Platform uses of windows.h, for sources that are built unchanged into root
 * programs (docs/clients.md). Each header that this includes has the name and the part of Windows that the SDK's has.
 */
#pragma once

#include "root/compat/consoleapi.h"
#include "root/compat/errhandlingapi.h"
#include "root/compat/fileapi.h"
#include "root/compat/handleapi.h"
#include "root/compat/heapapi.h"
#include "root/compat/interlockedapi.h"
#include "root/compat/libloaderapi.h"
#include "root/compat/memoryapi.h"
#include "root/compat/minwindef.h"
#include "root/compat/processthreadsapi.h"
#include "root/compat/profileapi.h"
#include "root/compat/string.h"
#include "root/compat/synchapi.h"
#include "root/compat/sysinfoapi.h"
#include "root/compat/winbase.h"
#include "root/compat/winerror.h"
#include "root/compat/winnt.h"
