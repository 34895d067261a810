/* SPDX-License-Identifier: MIT */
/* Structures, constants and macros that all of Windows' headers share. */
#pragma once

#include "root/compat/guiddef.h"
#include "root/compat/minwindef.h"

typedef union _LARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        LONG HighPart;
    };
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        DWORD HighPart;
    };
    struct {
        DWORD LowPart;
        DWORD HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _LUID {
    DWORD LowPart;
    LONG HighPart;
} LUID, *PLUID;

#ifdef __cplusplus
template <typename T, size_t N> char (&CompatArraySize(T (&)[N]))[N];
#define RTL_NUMBER_OF(array) (sizeof(CompatArraySize(array)))
#else
#define RTL_NUMBER_OF(array) (sizeof(array) / sizeof((array)[0]))
#endif
#define ARRAYSIZE(array) RTL_NUMBER_OF(array)
#define _ARRAYSIZE(array) RTL_NUMBER_OF(array)
#define FIELD_OFFSET(type, field) ((LONG)offsetof(type, field))
#define RTL_FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#define CONTAINING_RECORD(address, type, field) ((type *)((PCHAR)(address)-offsetof(type, field)))
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#define UNREFERENCED_LOCAL_VARIABLE(variable) ((void)(variable))
#define DBG_UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#ifdef __cplusplus
#define C_ASSERT(condition) static_assert(condition, #condition)
#else
#define C_ASSERT(condition) _Static_assert(condition, #condition)
#endif

/* The bit operators that Windows gives an enumeration of flags in C++. */
#ifdef __cplusplus
#define COMPAT_FLAG_OPERATOR(type, op)                                                                                 \
    inline constexpr type operator op(type a, type b)                                                                  \
    {                                                                                                                  \
        return (type)((unsigned long long)a op(unsigned long long) b);                                                 \
    }                                                                                                                  \
    inline type &operator op##=(type &a, type b)                                                                       \
    {                                                                                                                  \
        return a = a op b;                                                                                             \
    }
#ifndef DEFINE_ENUM_FLAG_OPERATORS
#define DEFINE_ENUM_FLAG_OPERATORS(type)                                                                               \
    COMPAT_FLAG_OPERATOR(type, |)                                                                                      \
    COMPAT_FLAG_OPERATOR(type, &)                                                                                      \
    COMPAT_FLAG_OPERATOR(type, ^)                                                                                      \
    inline constexpr type operator~(type a)                                                                            \
    {                                                                                                                  \
        return (type) ~(unsigned long long)a;                                                                          \
    }
#endif
#else
#define DEFINE_ENUM_FLAG_OPERATORS(type)
#endif

#define PAGE_NOACCESS 0x01
#define PAGE_READONLY 0x02
#define PAGE_READWRITE 0x04
#define PAGE_WRITECOPY 0x08
#define PAGE_EXECUTE 0x10
#define PAGE_EXECUTE_READ 0x20
#define PAGE_EXECUTE_READWRITE 0x40
#define PAGE_EXECUTE_WRITECOPY 0x80
#define PAGE_GUARD 0x100
#define PAGE_NOCACHE 0x200

#define MEM_COMMIT 0x1000
#define MEM_RESERVE 0x2000
#define MEM_DECOMMIT 0x4000
#define MEM_RELEASE 0x8000
#define MEM_RESET 0x80000
#define MEM_TOP_DOWN 0x100000
#define MEM_WRITE_WATCH 0x200000
#define MEM_LARGE_PAGES 0x20000000

#define GENERIC_READ 0x80000000
#define GENERIC_WRITE 0x40000000
#define GENERIC_EXECUTE 0x20000000
#define GENERIC_ALL 0x10000000
#define SYNCHRONIZE 0x100000
#define FILE_SHARE_READ 0x1
#define FILE_SHARE_WRITE 0x2
#define FILE_SHARE_DELETE 0x4
#define FILE_ATTRIBUTE_READONLY 0x1
#define FILE_ATTRIBUTE_NORMAL 0x80
#define EVENT_ALL_ACCESS 0x1f0003
#define MUTEX_ALL_ACCESS 0x1f0001
#define SEMAPHORE_ALL_ACCESS 0x1f0003
#define DUPLICATE_CLOSE_SOURCE 0x1
#define DUPLICATE_SAME_ACCESS 0x2

#define STATUS_WAIT_0 ((DWORD)0x00000000)
#define STATUS_ABANDONED_WAIT_0 ((DWORD)0x00000080)
#define STATUS_PENDING ((DWORD)0x00000103)
#define STATUS_TIMEOUT ((DWORD)0x00000102)
#define MAXIMUM_WAIT_OBJECTS 64
#define MAXDWORD 0xffffffff
#define MAXLONG 0x7fffffff

#define THREAD_BASE_PRIORITY_MAX 2
#define THREAD_BASE_PRIORITY_LOWRT 15
#define TLS_MINIMUM_AVAILABLE 64
#define PROCESSOR_ARCHITECTURE_AMD64 9
#define LANG_NEUTRAL 0x00
#define SUBLANG_DEFAULT 0x01
#define MAKELANGID(primary, sub) ((WORD)((WORD)((sub) << 10) | (WORD)(primary)))
