/* SPDX-License-Identifier: MIT */
#pragma once

#include "root/compat/string.h"
