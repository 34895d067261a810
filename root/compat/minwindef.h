/* SPDX-License-Identifier: MIT */
/* Windows' basic types, calling conventions and small macros. long has 32 bits there: LONG and DWORD have them here. */
#pragma once

#include "root/compat/basetsd.h"
#include "root/compat/sal.h"

#ifdef __cplusplus
#define EXTERN_C extern "C"
#define EXTERN_C_START extern "C" {
#define EXTERN_C_END }
#else
#define EXTERN_C extern
#define EXTERN_C_START
#define EXTERN_C_END
#endif

/* There is one calling convention. */
#define WINAPI
#define WINAPIV
#define WINBASEAPI
#define APIENTRY
#define CALLBACK
#define NTAPI
#define STDAPICALLTYPE
#define STDMETHODCALLTYPE
#define __stdcall
#define __cdecl
#define __fastcall
#define __forceinline inline __attribute__((always_inline))
#ifndef __cplusplus
#define __inline inline
#endif
#define FORCEINLINE static __forceinline
#define DECLSPEC_ALIGN(bytes) __attribute__((aligned(bytes)))
#define DECLSPEC_NORETURN __attribute__((noreturn))
#define DECLSPEC_NOINLINE __attribute__((noinline))
#define DECLSPEC_IMPORT

/* __declspec(align(16)) and its like; thread gives storage that all threads share, so it is not there. */
#define __declspec(what) COMPAT_DECLSPEC_##what
#define COMPAT_DECLSPEC_align(bytes) __attribute__((aligned(bytes)))
#define COMPAT_DECLSPEC_noreturn __attribute__((noreturn))
#define COMPAT_DECLSPEC_noinline __attribute__((noinline))
#define COMPAT_DECLSPEC_nothrow
#define COMPAT_DECLSPEC_restrict
#define COMPAT_DECLSPEC_novtable
#define COMPAT_DECLSPEC_selectany __attribute__((weak))
#define COMPAT_DECLSPEC_dllimport
#define COMPAT_DECLSPEC_dllexport

#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long

#define IN
#define OUT
#define OPTIONAL
#define FAR
#define NEAR
#define CONST const
#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif
#ifndef NULL
#define NULL ((void *)0)
#endif
#define MAX_PATH 260

typedef char CHAR, *PCHAR, *LPSTR, *PSTR, CCHAR;
typedef const char *LPCSTR, *PCSTR, *LPCCH;
typedef wchar_t WCHAR, *PWCHAR, *LPWSTR, *PWSTR;
typedef const wchar_t *LPCWSTR, *PCWSTR, *LPCWCH;
typedef unsigned char BYTE, *PBYTE, *LPBYTE, UCHAR, *PUCHAR, BOOLEAN, *PBOOLEAN;
typedef short SHORT, *PSHORT;
typedef unsigned short WORD, *PWORD, *LPWORD, USHORT, *PUSHORT, ATOM;
typedef int INT, *PINT, *LPINT;
typedef unsigned int UINT, *PUINT;
typedef int32_t LONG, *PLONG, *LPLONG;
typedef uint32_t DWORD, *PDWORD, *LPDWORD, ULONG, *PULONG;
typedef int64_t LONGLONG, *PLONGLONG;
typedef uint64_t ULONGLONG, *PULONGLONG, DWORDLONG, *PDWORDLONG;
typedef float FLOAT;
typedef double DOUBLE;
typedef BOOL *PBOOL, *LPBOOL;
typedef void *LPVOID;
typedef const void *LPCVOID;
typedef HANDLE *PHANDLE, *LPHANDLE;
typedef HANDLE HGLOBAL, HLOCAL;
typedef struct HINSTANCE__ *HINSTANCE, *HMODULE;
typedef INT_PTR (*FARPROC)(void);
typedef LONG NTSTATUS;

#ifdef UNICODE
typedef WCHAR TCHAR, *PTCHAR;
typedef LPWSTR LPTSTR, PTSTR;
typedef LPCWSTR LPCTSTR, PCTSTR;
#define TEXT(text) L##text
#else
typedef CHAR TCHAR, *PTCHAR;
typedef LPSTR LPTSTR, PTSTR;
typedef LPCSTR LPCTSTR, PCTSTR;
#define TEXT(text) text
#endif

#define LOBYTE(w) ((BYTE)((DWORD_PTR)(w)&0xff))
#define HIBYTE(w) ((BYTE)((DWORD_PTR)(w) >> 8 & 0xff))
#define LOWORD(l) ((WORD)((DWORD_PTR)(l)&0xffff))
#define HIWORD(l) ((WORD)((DWORD_PTR)(l) >> 16 & 0xffff))
#define MAKEWORD(low, high) ((WORD)((low)&0xff) | (WORD)((WORD)((high)&0xff) << 8))
#define MAKELONG(low, high) ((LONG)(((DWORD)(low)&0xffff) | ((DWORD)(high)&0xffff) << 16))

#if !defined(NOMINMAX) && !defined(__cplusplus)
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
