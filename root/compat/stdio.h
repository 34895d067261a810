/* SPDX-License-Identifier: MIT */
/*
 * Streams: the serial console, and the image's modules as files that can be read (docs/clients.md). The printf family
 * is Windows': l is 32 bits, %I64x is there, %s of the wide functions is UTF-16 (root/lib/format_text.h lists all
 * conversions). The names for the linker are others than those that a library from Debian wants, whose long has 64
 * bits.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COMPAT_STDIO(name) __asm__("client_" #name)

typedef struct compat_stream FILE;
typedef long long fpos_t;

#define EOF (-1)
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define BUFSIZ 512
#define FILENAME_MAX 260
#define FOPEN_MAX 20
#define _IOFBF 0x0000
#define _IOLBF 0x0040
#define _IONBF 0x0004

extern FILE *stdin COMPAT_STDIO(stdin);
extern FILE *stdout COMPAT_STDIO(stdout);
extern FILE *stderr COMPAT_STDIO(stderr);

/* What one call writes stays together, whatever other CPUs write. */
int printf(const char *format, ...) COMPAT_STDIO(printf);
int fprintf(FILE *stream, const char *format, ...) COMPAT_STDIO(fprintf);
int vprintf(const char *format, va_list args) COMPAT_STDIO(vprintf);
int vfprintf(FILE *stream, const char *format, va_list args) COMPAT_STDIO(vfprintf);
int sprintf(char *to, const char *format, ...) COMPAT_STDIO(sprintf);
int vsprintf(char *to, const char *format, va_list args) COMPAT_STDIO(vsprintf);
int snprintf(char *to, size_t size, const char *format, ...) COMPAT_STDIO(snprintf);
int vsnprintf(char *to, size_t size, const char *format, va_list args) COMPAT_STDIO(vsnprintf);
/* Microsoft's: no zero at the end of text that is cut, and -1. */
int _snprintf(char *to, size_t size, const char *format, ...) COMPAT_STDIO(_snprintf);
int _vsnprintf(char *to, size_t size, const char *format, va_list args) COMPAT_STDIO(_vsnprintf);
/* Text that does not fit ends the program. */
int sprintf_s(char *to, size_t size, const char *format, ...) COMPAT_STDIO(sprintf_s);
int wprintf(const wchar_t *format, ...) COMPAT_STDIO(wprintf);
int fwprintf(FILE *stream, const wchar_t *format, ...) COMPAT_STDIO(fwprintf);
int vfwprintf(FILE *stream, const wchar_t *format, va_list args) COMPAT_STDIO(vfwprintf);
/* Negative: it does not fit. */
int swprintf(wchar_t *to, size_t size, const wchar_t *format, ...) COMPAT_STDIO(swprintf);
int vswprintf(wchar_t *to, size_t size, const wchar_t *format, va_list args) COMPAT_STDIO(vswprintf);

int puts(const char *text) COMPAT_STDIO(puts);
int putchar(int c) COMPAT_STDIO(putchar);
int putc(int c, FILE *stream) COMPAT_STDIO(putc);
int fputc(int c, FILE *stream) COMPAT_STDIO(fputc);
int fputs(const char *text, FILE *stream) COMPAT_STDIO(fputs);
int fputws(const wchar_t *text, FILE *stream) COMPAT_STDIO(fputws);
size_t fwrite(const void *items, size_t size, size_t count, FILE *stream) COMPAT_STDIO(fwrite);
/* Output is never held back. */
int fflush(FILE *stream) COMPAT_STDIO(fflush);
int setvbuf(FILE *stream, char *buffer, int mode, size_t size) COMPAT_STDIO(setvbuf);
void setbuf(FILE *stream, char *buffer) COMPAT_STDIO(setbuf);
void perror(const char *what) COMPAT_STDIO(perror);

/* stdin waits for bytes of the serial line; it has no end of its own: a typed Ctrl-D (04H) or Ctrl-Z (1AH) is its end.
 */
int getchar(void) COMPAT_STDIO(getchar);
int getc(FILE *stream) COMPAT_STDIO(getc);
int fgetc(FILE *stream) COMPAT_STDIO(fgetc);
int ungetc(int c, FILE *stream) COMPAT_STDIO(ungetc);
char *fgets(char *to, int size, FILE *stream) COMPAT_STDIO(fgets);
size_t fread(void *items, size_t size, size_t count, FILE *stream) COMPAT_STDIO(fread);

/* A module, to be read. Null: errno is ENOENT, or EROFS for a mode that writes. */
FILE *fopen(const char *name, const char *mode) COMPAT_STDIO(fopen);
FILE *_wfopen(const wchar_t *name, const wchar_t *mode) COMPAT_STDIO(_wfopen);
int fopen_s(FILE **stream, const char *name, const char *mode) COMPAT_STDIO(fopen_s);
int fclose(FILE *stream) COMPAT_STDIO(fclose);
int fseek(FILE *stream, long offset, int from) COMPAT_STDIO(fseek);
int _fseeki64(FILE *stream, long long offset, int from) COMPAT_STDIO(_fseeki64);
long ftell(FILE *stream) COMPAT_STDIO(ftell);
long long _ftelli64(FILE *stream) COMPAT_STDIO(_ftelli64);
void rewind(FILE *stream) COMPAT_STDIO(rewind);
int feof(FILE *stream) COMPAT_STDIO(feof);
int ferror(FILE *stream) COMPAT_STDIO(ferror);
void clearerr(FILE *stream) COMPAT_STDIO(clearerr);

#ifdef __cplusplus
}
#endif
