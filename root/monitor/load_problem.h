/* SPDX-License-Identifier: MIT */
/* What loaders say when a guest's memory is too small. */
#pragma once

#include <stdint.h>

/*
 * "the guest's memory= is too small for WHAT, which needs at least N MiB"; N counts from address 0 to `end`. The text
 * stays until the next call; the loaders' calls do not overlap.
 */
const char *load_too_small(const char *what, uint64_t end);
