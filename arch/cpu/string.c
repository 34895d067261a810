/* SPDX-License-Identifier: MIT */
#include "arch/cpu/string.h"

#include <stdint.h>

/* The parentheses around the names keep the header's macros of the same names out. */

/* Keeps the compiler from recognising a loop as a library function and calling the very function it is in. */
#define NOT_AN_IDIOM(p) __asm__ volatile("" : "+r"(p))

void *(memcpy)(void *restrict dst, const void *restrict src, size_t size)
{
    void *to = dst;
    size_t words = size / 8;
    size %= 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(size) : : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
    unsigned char *to = dst;
    const unsigned char *from = src;

    if ((size_t)(to - from) >= size) {
        return memcpy(dst, src, size);
    }
    /* Downwards, but not with the direction flag: an NMI handler would inherit it. */
    while (size > 0) {
        size--;
        to[size] = from[size];
        NOT_AN_IDIOM(size);
    }
    return dst;
}

void *(memset)(void *dst, int value, size_t size)
{
    void *to = dst;
    size_t words = size / 8;
    size %= 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"((uint8_t)value * 0x0101010101010101ull) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return dst;
}

int(memcmp)(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a;
    const unsigned char *right = b;

    for (size_t i = 0; i < size; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strnlen(const char *s, size_t max)
{
    size_t length = 0;

    while (length < max && s[length] != '\0') {
        length++;
        NOT_AN_IDIOM(length);
    }
    return length;
}

size_t strlen(const char *s)
{
    return strnlen(s, (size_t)-1);
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        unsigned char left = (unsigned char)a[i];
        unsigned char right = (unsigned char)b[i];
        if (left != right) {
            return left < right ? -1 : 1;
        }
        if (left == '\0') {
            break;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}
