/* SPDX-License-Identifier: MIT */
/* Threads by the C library's names: see processthreadsapi.h. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0, and errno EAGAIN: every CPU has a thread. */
uintptr_t _beginthreadex(void *security, unsigned stack, unsigned (*start)(void *), void *parameter, unsigned flags,
                         unsigned *id);
/* The handle closes itself. -1: failed. */
uintptr_t _beginthread(void (*start)(void *), unsigned stack, void *parameter);
__attribute__((noreturn)) void _endthreadex(unsigned code);
__attribute__((noreturn)) void _endthread(void);

#ifdef __cplusplus
}
#endif
