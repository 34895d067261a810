/* SPDX-License-Identifier: MIT */
/* What C and C++ say in different words, so that clients can be in either (C++14 on). */
#pragma once

/*
 * WHB_STATIC_ASSERT and WHB_ALIGNOF: what the ABI's layout is checked with. WHB_NORETURN: of a function. WHB_BEGIN_C,
 * WHB_END_C: around functions, which have C's names. WHB_FLAGS: the type of an enumeration whose values are combined;
 * in C++ all combinations are values of it only if its type is written down.
 */
#ifdef __cplusplus
#define WHB_STATIC_ASSERT(condition, text) static_assert(condition, text)
#define WHB_ALIGNOF(type) alignof(type)
#define WHB_NORETURN [[noreturn]]
#define WHB_FLAGS : unsigned
#define WHB_BEGIN_C extern "C" {
#define WHB_END_C }
#else
#define WHB_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#define WHB_ALIGNOF(type) _Alignof(type)
#define WHB_NORETURN _Noreturn
#define WHB_FLAGS
#define WHB_BEGIN_C
#define WHB_END_C
#endif

/*
 * The operators that the Windows SDK defines for an enumeration of flags, by its name for that. In C enumerations are
 * numbers and have them. A client that includes Windows' own headers has the macro from there.
 */
#ifndef DEFINE_ENUM_FLAG_OPERATORS
#ifdef __cplusplus
#define DEFINE_ENUM_FLAG_OPERATORS(type)                                                                               \
    extern "C++" {                                                                                                     \
    constexpr inline type operator|(type a, type b)                                                                    \
    {                                                                                                                  \
        return static_cast<type>(static_cast<unsigned>(a) | static_cast<unsigned>(b));                                 \
    }                                                                                                                  \
    constexpr inline type operator&(type a, type b)                                                                    \
    {                                                                                                                  \
        return static_cast<type>(static_cast<unsigned>(a) & static_cast<unsigned>(b));                                 \
    }                                                                                                                  \
    constexpr inline type operator^(type a, type b)                                                                    \
    {                                                                                                                  \
        return static_cast<type>(static_cast<unsigned>(a) ^ static_cast<unsigned>(b));                                 \
    }                                                                                                                  \
    constexpr inline type operator~(type a)                                                                            \
    {                                                                                                                  \
        return static_cast<type>(~static_cast<unsigned>(a));                                                           \
    }                                                                                                                  \
    inline type &operator|=(type &a, type b)                                                                           \
    {                                                                                                                  \
        return a = a | b;                                                                                              \
    }                                                                                                                  \
    inline type &operator&=(type &a, type b)                                                                           \
    {                                                                                                                  \
        return a = a & b;                                                                                              \
    }                                                                                                                  \
    inline type &operator^=(type &a, type b)                                                                           \
    {                                                                                                                  \
        return a = a ^ b;                                                                                              \
    }                                                                                                                  \
    }
#else
#define DEFINE_ENUM_FLAG_OPERATORS(type)
#endif
#endif
