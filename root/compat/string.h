/* SPDX-License-Identifier: MIT */
/* The C library's name of the root's own memory functions. */
#pragma once

#include "root/lib/string.h"
