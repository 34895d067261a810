/* SPDX-License-Identifier: MIT */
/* stdio.h's streams, but for the printf family. */
#include "root/compat/errno.h"
#include "root/compat/names.h"
#include "root/compat/stdlib.h"
#include "root/compat/stream.h"
#include "root/compat/string.h"
#include "root/lib/console.h"

static struct compat_stream input = {.kind = STREAM_INPUT, .pushed = EOF};
static struct compat_stream output = {.kind = STREAM_OUTPUT, .pushed = EOF};
static struct compat_stream errors = {.kind = STREAM_OUTPUT, .pushed = EOF};

FILE *stdin = &input;
FILE *stdout = &output;
FILE *stderr = &errors;

static int fail_with(FILE *stream, int error)
{
    stream->failed = true;
    errno = error;
    return EOF;
}

size_t fwrite(const void *items, size_t size, size_t count, FILE *stream)
{
    if (size == 0 || count == 0) {
        return 0;
    }
    if (stream->kind != STREAM_OUTPUT) {
        (void)fail_with(stream, EBADF);
        return 0;
    }
    console_write(items, size * count);
    return count;
}

int fputs(const char *text, FILE *stream)
{
    size_t length = strlen(text);
    return fwrite(text, 1, length, stream) == length ? 0 : EOF;
}

int fputc(int c, FILE *stream)
{
    char byte = (char)c;
    return fwrite(&byte, 1, 1, stream) == 1 ? (unsigned char)byte : EOF;
}

int putc(int c, FILE *stream)
{
    return fputc(c, stream);
}

int putchar(int c)
{
    return fputc(c, stdout);
}

int puts(const char *text)
{
    return printf("%s\n", text) < 0 ? EOF : 0;
}

int fputws(const wchar_t *text, FILE *stream)
{
    return fprintf(stream, "%ls", text) < 0 ? EOF : 0;
}

int fflush(FILE *stream)
{
    (void)stream;
    return 0;
}

int setvbuf(FILE *stream, char *buffer, int mode, size_t size)
{
    (void)stream;
    (void)buffer;
    (void)mode;
    (void)size;
    return 0;
}

void setbuf(FILE *stream, char *buffer)
{
    (void)stream;
    (void)buffer;
}

void perror(const char *what)
{
    int error = errno;
    bool named = what != NULL && *what != 0;
    fprintf(stderr, "%s%s%s\n", named ? what : "", named ? ": " : "", strerror(error));
}

size_t fread(void *items, size_t size, size_t count, FILE *stream)
{
    uint8_t *to = items;
    size_t wanted = size * count, done = 0;
    if (wanted == 0) {
        return 0;
    }
    if (stream->kind != STREAM_INPUT && stream->kind != STREAM_MODULE) {
        (void)fail_with(stream, EBADF);
        return 0;
    }
    if (stream->pushed != EOF) {
        to[done++] = (uint8_t)stream->pushed;
        stream->pushed = EOF;
    }
    while (done < wanted && !(stream->at_end && stream->kind == STREAM_INPUT)) {
        size_t n = stream->kind == STREAM_INPUT
                       ? console_input(to + done, wanted - done)
                       : module_read(stream->module, stream->position, to + done, wanted - done);
        stream->position += n;
        done += n;
        if (n == 0) {
            stream->at_end = true;
            break;
        }
    }
    return done / size;
}

int fgetc(FILE *stream)
{
    uint8_t byte;
    return fread(&byte, 1, 1, stream) == 1 ? byte : EOF;
}

int getc(FILE *stream)
{
    return fgetc(stream);
}

int getchar(void)
{
    return fgetc(stdin);
}

/* One byte, which a later seek forgets. */
int ungetc(int c, FILE *stream)
{
    if (c == EOF || stream->pushed != EOF) {
        return EOF;
    }
    stream->pushed = (unsigned char)c;
    stream->at_end = false;
    return stream->pushed;
}

char *fgets(char *to, int size, FILE *stream)
{
    int length = 0;
    while (length < size - 1) {
        int c = fgetc(stream);
        if (c == EOF) {
            break;
        }
        to[length++] = (char)c;
        if (c == '\n') {
            break;
        }
    }
    if (length == 0) {
        return NULL;
    }
    to[length] = 0;
    return to;
}

FILE *fopen(const char *name, const char *mode)
{
    if (*mode != 'r' || strchr(mode, '+') != NULL) {
        errno = EROFS;
        return NULL;
    }
    const struct whb_module *module = module_find(name);
    struct compat_stream *stream = module == NULL ? NULL : calloc(1, sizeof(*stream));
    if (stream == NULL) {
        errno = module == NULL ? ENOENT : ENOMEM;
        return NULL;
    }
    *stream = (struct compat_stream){.kind = STREAM_MODULE, .module = module, .pushed = EOF};
    return stream;
}

FILE *_wfopen(const wchar_t *name, const wchar_t *mode)
{
    char narrow_name[FILENAME_MAX], narrow_mode[16];
    return fopen(name_narrow(name, narrow_name, sizeof(narrow_name)),
                 name_narrow(mode, narrow_mode, sizeof(narrow_mode)));
}

int fopen_s(FILE **stream, const char *name, const char *mode)
{
    if (stream == NULL || name == NULL || mode == NULL) {
        return EINVAL;
    }
    *stream = fopen(name, mode);
    return *stream != NULL ? 0 : errno;
}

int fclose(FILE *stream)
{
    if (stream->kind == STREAM_MODULE) {
        stream->kind = STREAM_FREE;
        free(stream);
    }
    return 0;
}

int _fseeki64(FILE *stream, long long offset, int from)
{
    if (stream->kind != STREAM_MODULE) {
        return fail_with(stream, ESPIPE);
    }
    uint64_t pushed = stream->pushed != EOF;
    uint64_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? stream->position - pushed : stream->module->size;
    if (from < SEEK_SET || from > SEEK_END || (offset < 0 && 0 - (uint64_t)offset > base)) {
        errno = EINVAL;
        return -1;
    }
    stream->position = base + (uint64_t)offset;
    stream->pushed = EOF;
    stream->at_end = false;
    return 0;
}

int fseek(FILE *stream, long offset, int from)
{
    return _fseeki64(stream, offset, from);
}

long long _ftelli64(FILE *stream)
{
    if (stream->kind != STREAM_MODULE) {
        return fail_with(stream, ESPIPE);
    }
    return (long long)stream->position - (stream->pushed != EOF);
}

long ftell(FILE *stream)
{
    return (long)_ftelli64(stream);
}

void rewind(FILE *stream)
{
    (void)_fseeki64(stream, 0, SEEK_SET);
    clearerr(stream);
}

int feof(FILE *stream)
{
    return stream->at_end;
}

int ferror(FILE *stream)
{
    return stream->failed;
}

void clearerr(FILE *stream)
{
    stream->at_end = false;
    stream->failed = false;
}
