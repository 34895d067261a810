/* SPDX-License-Identifier: MIT */
/* Atomic operations, all of them full barriers as on Windows. */
#pragma once

#include "root/compat/winnt.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): a type has none */
#define COMPAT_INTERLOCKED(suffix, type)                                                                               \
    static __forceinline type InterlockedIncrement##suffix(volatile type *p)                                           \
    {                                                                                                                  \
        return __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST);                                                             \
    }                                                                                                                  \
    static __forceinline type InterlockedDecrement##suffix(volatile type *p)                                           \
    {                                                                                                                  \
        return __atomic_sub_fetch(p, 1, __ATOMIC_SEQ_CST);                                                             \
    }                                                                                                                  \
    static __forceinline type InterlockedExchange##suffix(volatile type *p, type value)                                \
    {                                                                                                                  \
        return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);                                                        \
    }                                                                                                                  \
    static __forceinline type InterlockedExchangeAdd##suffix(volatile type *p, type value)                             \
    {                                                                                                                  \
        return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);                                                         \
    }                                                                                                                  \
    static __forceinline type InterlockedAdd##suffix(volatile type *p, type value)                                     \
    {                                                                                                                  \
        return __atomic_add_fetch(p, value, __ATOMIC_SEQ_CST);                                                         \
    }                                                                                                                  \
    static __forceinline type InterlockedAnd##suffix(volatile type *p, type value)                                     \
    {                                                                                                                  \
        return __atomic_fetch_and(p, value, __ATOMIC_SEQ_CST);                                                         \
    }                                                                                                                  \
    static __forceinline type InterlockedOr##suffix(volatile type *p, type value)                                      \
    {                                                                                                                  \
        return __atomic_fetch_or(p, value, __ATOMIC_SEQ_CST);                                                          \
    }                                                                                                                  \
    static __forceinline type InterlockedXor##suffix(volatile type *p, type value)                                     \
    {                                                                                                                  \
        return __atomic_fetch_xor(p, value, __ATOMIC_SEQ_CST);                                                         \
    }                                                                                                                  \
    static __forceinline type InterlockedCompareExchange##suffix(volatile type *p, type value, type expected)          \
    {                                                                                                                  \
        __atomic_compare_exchange_n(p, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                       \
        return expected;                                                                                               \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

COMPAT_INTERLOCKED(, LONG)
COMPAT_INTERLOCKED(64, LONG64)
#undef COMPAT_INTERLOCKED

#define _InterlockedIncrement InterlockedIncrement
#define _InterlockedDecrement InterlockedDecrement
#define _InterlockedExchange InterlockedExchange
#define _InterlockedExchangeAdd InterlockedExchangeAdd
#define _InterlockedAnd InterlockedAnd
#define _InterlockedOr InterlockedOr
#define _InterlockedXor InterlockedXor
#define _InterlockedCompareExchange InterlockedCompareExchange
#define _InterlockedIncrement64 InterlockedIncrement64
#define _InterlockedDecrement64 InterlockedDecrement64
#define _InterlockedExchange64 InterlockedExchange64
#define _InterlockedExchangeAdd64 InterlockedExchangeAdd64
#define _InterlockedAnd64 InterlockedAnd64
#define _InterlockedOr64 InterlockedOr64
#define _InterlockedCompareExchange64 InterlockedCompareExchange64

static __forceinline PVOID InterlockedExchangePointer(PVOID volatile *p, PVOID value)
{
    return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);
}

static __forceinline PVOID InterlockedCompareExchangePointer(PVOID volatile *p, PVOID value, PVOID expected)
{
    __atomic_compare_exchange_n(p, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}

#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define YieldProcessor() __builtin_ia32_pause()
#define _ReadWriteBarrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
