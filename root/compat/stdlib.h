/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "root/compat/errno.h"
#include "root/lib/heap.h"
#include "root/lib/sort.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define RAND_MAX 0x7fffffff
#define _countof(array) (sizeof(array) / sizeof((array)[0]))
#define __max(a, b) (((a) > (b)) ? (a) : (b))
#define __min(a, b) (((a) < (b)) ? (a) : (b))

/* Calls what atexit was given, says the status, and switches the machine off, whatever other threads do. */
__attribute__((noreturn)) void exit(int status);
/* Without atexit's functions. */
__attribute__((noreturn)) void _exit(int status);
__attribute__((noreturn)) void _Exit(int status);
/* Says so, and ends with 3. */
__attribute__((noreturn)) void abort(void);
/* Up to 32. */
int atexit(void (*function)(void));

void *_aligned_malloc(size_t size, size_t alignment);
void _aligned_free(void *block);

int atoi(const char *text);
long atol(const char *text);
long long atoll(const char *text);
long strtol(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
long long strtoll(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
#define _atoi64 atoll
#define _strtoi64 strtoll
#define _strtoui64 strtoull

int abs(int value);
long labs(long value);
long long llabs(long long value);
int rand(void);
void srand(unsigned seed);
void *bsearch(const void *key, const void *items, size_t count, size_t size,
              int (*compare)(const void *a, const void *b));

/* There is no environment: null. */
char *getenv(const char *name);

#ifdef __cplusplus
}
#endif
