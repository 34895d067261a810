/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef long long time_t;
typedef int clock_t;

#define CLOCKS_PER_SEC 1000

/* Seconds since 1970-01-01, by the machine's clock (UTC) at the start and the TSC since. */
time_t time(time_t *result);
/* Milliseconds since the program's start. */
clock_t clock(void);

#ifdef __cplusplus
}
#endif
