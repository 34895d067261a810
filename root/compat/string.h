/* SPDX-License-Identifier: MIT */
/* The C library's: the functions of Whimbrel's root/lib, those of musl's static library, and Microsoft's. */
#pragma once

#include <stddef.h>

#include "root/compat/wchar.h"
#include "root/lib/string.h"

#ifdef __cplusplus
extern "C" {
#endif

void *memchr(const void *block, int value, size_t size);

size_t strnlen(const char *text, size_t size);
int strncmp(const char *a, const char *b, size_t size);
char *strcat(char *to, const char *from);
char *strncat(char *to, const char *from, size_t size);
char *strchr(const char *text, int c);
char *strrchr(const char *text, int c);
char *strstr(const char *text, const char *part);
char *strpbrk(const char *text, const char *set);
size_t strspn(const char *text, const char *set);
size_t strcspn(const char *text, const char *set);
char *strtok(char *text, const char *separators);
char *strtok_r(char *text, const char *separators, char **rest);
int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t size);
char *strdup(const char *text);
char *strerror(int error);

#define strtok_s strtok_r
#define _stricmp strcasecmp
#define _strnicmp strncasecmp
#define stricmp strcasecmp
#define _strdup strdup

/* A text that does not fit, or a null pointer, ends the program. */
int strcpy_s(char *to, size_t size, const char *from);
int strcat_s(char *to, size_t size, const char *from);
int strncpy_s(char *to, size_t size, const char *from, size_t count);
int memcpy_s(void *to, size_t size, const void *from, size_t count);
int memmove_s(void *to, size_t size, const void *from, size_t count);

#ifdef __cplusplus
}
#endif
