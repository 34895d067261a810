/* SPDX-License-Identifier: MIT */
/* Text of 16-bit characters, as on Windows. Clients and root/compat are compiled with wchar_t of 16 bits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WEOF ((wint_t)0xffff)

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned short wint_t;

size_t wcslen(const wchar_t *text);
int wcscmp(const wchar_t *a, const wchar_t *b);
int wcsncmp(const wchar_t *a, const wchar_t *b, size_t count);
/* Latin letters alone have no case. */
int _wcsicmp(const wchar_t *a, const wchar_t *b);
wchar_t *wcscpy(wchar_t *to, const wchar_t *from);
wchar_t *wcsncpy(wchar_t *to, const wchar_t *from, size_t count);
wchar_t *wcscat(wchar_t *to, const wchar_t *from);
wchar_t *wcschr(const wchar_t *text, wchar_t c);
wchar_t *wcsrchr(const wchar_t *text, wchar_t c);
/* Between UTF-16 and UTF-8: at most `size` elements, the zero among them if there is room. (size_t)-1: bad UTF-8. */
size_t mbstowcs(wchar_t *to, const char *from, size_t size);
size_t wcstombs(char *to, const wchar_t *from, size_t size);

#ifdef __cplusplus
}
#endif
