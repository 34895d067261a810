/* SPDX-License-Identifier: MIT */
/* The name as mingw-w64 spells it, for sources that are built on Linux. */
#pragma once

#include "root/libwhv/WinHvPlatformDefs.h"
