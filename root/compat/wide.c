/* SPDX-License-Identifier: MIT */
/* Text of 16-bit characters, and names. */
#include <stdbool.h>

#include "root/compat/names.h"
#include "root/compat/string.h"
#include "root/compat/wchar.h"

#define BAD UINT32_MAX

size_t wcslen(const wchar_t *text)
{
    size_t n = 0;
    while (text[n] != 0) {
        n++;
    }
    return n;
}

static wchar_t same(wchar_t c)
{
    return c;
}

static wchar_t lower(wchar_t c)
{
    return (wchar_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int compare(const wchar_t *a, const wchar_t *b, size_t count, wchar_t (*as)(wchar_t c))
{
    for (size_t i = 0; i < count; i++) {
        wchar_t x = as(a[i]), y = as(b[i]);
        if (x != y) {
            return x < y ? -1 : 1;
        }
        if (x == 0) {
            break;
        }
    }
    return 0;
}

int wcscmp(const wchar_t *a, const wchar_t *b)
{
    return compare(a, b, SIZE_MAX, same);
}

int wcsncmp(const wchar_t *a, const wchar_t *b, size_t count)
{
    return compare(a, b, count, same);
}

int _wcsicmp(const wchar_t *a, const wchar_t *b)
{
    return compare(a, b, SIZE_MAX, lower);
}

wchar_t *wcscpy(wchar_t *to, const wchar_t *from)
{
    return memcpy(to, from, (wcslen(from) + 1) * sizeof(*to));
}

wchar_t *wcsncpy(wchar_t *to, const wchar_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = *from;
        from += *from != 0;
    }
    return to;
}

wchar_t *wcscat(wchar_t *to, const wchar_t *from)
{
    (void)wcscpy(to + wcslen(to), from);
    return to;
}

wchar_t *wcschr(const wchar_t *text, wchar_t c)
{
    for (;; text++) {
        if (*text == c) {
            return (wchar_t *)(uintptr_t)text;
        }
        if (*text == 0) {
            return NULL;
        }
    }
}

wchar_t *wcsrchr(const wchar_t *text, wchar_t c)
{
    for (size_t i = wcslen(text) + 1; i-- > 0;) {
        if (text[i] == c) {
            return (wchar_t *)(uintptr_t)(text + i);
        }
    }
    return NULL;
}

static size_t encode(uint32_t c, char out[4])
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[length == 1 ? 0 : length] | c);
    return length;
}

size_t wcstombs(char *to, const wchar_t *from, size_t size)
{
    char bytes[4];
    size_t done = 0;
    for (; *from != 0; from++) {
        uint32_t c = *from;
        if (c >= 0xd800 && c < 0xdc00 && from[1] >= 0xdc00 && from[1] < 0xe000) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (*++from & 0x3ffu);
        }
        size_t length = encode(c, bytes);
        if (to != NULL && length > size - done) {
            return done;
        }
        if (to != NULL) {
            memcpy(to + done, bytes, length);
        }
        done += length;
    }
    if (to != NULL && done < size) {
        to[done] = 0;
    }
    return done;
}

/* The character at *from, which moves behind it; BAD: none. */
static uint32_t decode(const char **from)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint32_t first = (uint8_t) * (*from)++;
    unsigned more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    uint32_t c = more == 0 ? first : first & (0x3fu >> more);
    if (first >= 0x80 && (first < 0xc0 || first >= 0xf8)) {
        return BAD;
    }
    for (unsigned i = 0; i < more; i++) {
        if (((uint8_t) * *from & 0xc0u) != 0x80) {
            return BAD;
        }
        c = c << 6 | ((uint8_t) * (*from)++ & 0x3fu);
    }
    return c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? BAD : c;
}

size_t mbstowcs(wchar_t *to, const char *from, size_t size)
{
    size_t done = 0;
    while (*from != 0) {
        uint32_t c = decode(&from);
        if (c == BAD) {
            return (size_t)-1;
        }
        size_t length = c >= 0x10000 ? 2 : 1;
        if (to != NULL && length > size - done) {
            return done;
        }
        if (to != NULL) {
            to[done] = (wchar_t)(length == 1 ? c : 0xd800 + ((c - 0x10000) >> 10));
            to[done + length - 1] = (wchar_t)(length == 1 ? c : 0xdc00 + (c & 0x3ff));
        }
        done += length;
    }
    if (to != NULL && done < size) {
        to[done] = 0;
    }
    return done;
}

const char *name_last_part(const char *path)
{
    const char *last = path;
    for (; *path != 0; path++) {
        if (*path == '/' || *path == '\\' || *path == ':') {
            last = path + 1;
        }
    }
    return last;
}

const char *name_narrow(const wchar_t *name, char *to, size_t size)
{
    if (name == NULL) {
        return NULL;
    }
    to[wcstombs(to, name, size - 1)] = 0;
    return to;
}
