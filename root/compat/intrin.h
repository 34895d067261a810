/* SPDX-License-Identifier: MIT */
/* The few of the Microsoft compiler's built-in functions that clients of WHP use. */
#pragma once

#include "root/compat/interlockedapi.h"

static __forceinline void __cpuidex(int out[4], int leaf, int subleaf)
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}

static __forceinline void __cpuid(int out[4], int leaf)
{
    __cpuidex(out, leaf, 0);
}

static __forceinline unsigned char _BitScanForward(DWORD *index, DWORD mask)
{
    *index = mask == 0 ? *index : (DWORD)__builtin_ctz(mask);
    return mask != 0;
}

static __forceinline unsigned char _BitScanReverse(DWORD *index, DWORD mask)
{
    *index = mask == 0 ? *index : 31 - (DWORD)__builtin_clz(mask);
    return mask != 0;
}

static __forceinline unsigned char _BitScanForward64(DWORD *index, ULONG64 mask)
{
    *index = mask == 0 ? *index : (DWORD)__builtin_ctzll(mask);
    return mask != 0;
}

static __forceinline unsigned char _BitScanReverse64(DWORD *index, ULONG64 mask)
{
    *index = mask == 0 ? *index : 63 - (DWORD)__builtin_clzll(mask);
    return mask != 0;
}

#define __rdtsc() __builtin_ia32_rdtsc()
#define _mm_pause() __builtin_ia32_pause()
#define __debugbreak() __builtin_trap()
#define __nop() __asm__ volatile("nop")
#define _byteswap_ushort(v) __builtin_bswap16(v)
#define _byteswap_ulong(v) __builtin_bswap32(v)
#define _byteswap_uint64(v) __builtin_bswap64(v)
