/* SPDX-License-Identifier: MIT */
#pragma once

#include "root/compat/stdlib.h"

#define _alloca(size) __builtin_alloca(size)
#define alloca(size) __builtin_alloca(size)
