/* SPDX-License-Identifier: MIT */
/* Windows' files: the image's modules, and the console's handles. */
#include "root/compat/fileapi.h"

#include "root/compat/consoleapi.h"
#include "root/compat/names.h"
#include "root/compat/object.h"
#include "root/compat/stream.h"
#include "root/compat/winerror.h"
#include "root/lib/console.h"

HANDLE CreateFileA(LPCSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security, DWORD disposition,
                   DWORD flags, HANDLE pattern)
{
    (void)share;
    (void)security;
    (void)flags;
    (void)pattern;
    if (name == NULL || disposition < CREATE_NEW || disposition > TRUNCATE_EXISTING) {
        (void)fail(ERROR_INVALID_PARAMETER);
        return INVALID_HANDLE_VALUE;
    }
    const struct whb_module *module = module_find(name);
    bool makes = disposition != OPEN_EXISTING && (disposition != OPEN_ALWAYS || module == NULL);
    if (makes || (access & (GENERIC_WRITE | GENERIC_ALL)) != 0) {
        (void)fail(disposition == CREATE_NEW && module != NULL ? ERROR_FILE_EXISTS : ERROR_WRITE_PROTECT);
        return INVALID_HANDLE_VALUE;
    }
    if (module == NULL) {
        (void)fail(ERROR_FILE_NOT_FOUND);
        return INVALID_HANDLE_VALUE;
    }
    object_lock();
    struct object *object = object_create(OBJECT_FILE);
    if (object != NULL) {
        object->file.module = module;
    }
    object_unlock();
    return object != NULL ? (HANDLE)object : INVALID_HANDLE_VALUE;
}

HANDLE CreateFileW(LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security, DWORD disposition,
                   DWORD flags, HANDLE pattern)
{
    char narrow[MAX_PATH];
    return CreateFileA(name_narrow(name, narrow, sizeof(narrow)), access, share, security, disposition, flags, pattern);
}

/* A console's handle: which; 0: it is none. */
static DWORD console_of(HANDLE file)
{
    LONG_PTR number = (LONG_PTR)file;
    return number >= -12 && number <= -10 ? (DWORD)number : 0;
}

/* The file as it is now; false: the handle is none's, the error is set. */
static bool look(HANDLE file, struct object *copy)
{
    object_lock();
    const struct object *object = object_find(file, OBJECT_FILE);
    if (object != NULL) {
        *copy = *object;
    }
    object_unlock();
    return object != NULL;
}

static void set_position(HANDLE file, uint64_t position)
{
    object_lock();
    struct object *object = object_find(file, OBJECT_FILE);
    if (object != NULL) {
        object->file.position = position;
    }
    object_unlock();
}

BOOL ReadFile(HANDLE file, LPVOID buffer, DWORD size, LPDWORD read, LPOVERLAPPED overlapped)
{
    struct object object;
    size_t done;
    if (console_of(file) == STD_INPUT_HANDLE) {
        done = size == 0 ? 0 : console_input(buffer, size);
    } else if (!look(file, &object)) {
        return FALSE;
    } else {
        uint64_t from =
            overlapped == NULL ? object.file.position : overlapped->Offset | (uint64_t)overlapped->OffsetHigh << 32;
        done = module_read(object.file.module, from, buffer, size);
        set_position(file, from + done);
        if (overlapped != NULL) {
            overlapped->Internal = 0;
            overlapped->InternalHigh = done;
            if (done == 0 && size != 0) {
                return fail(ERROR_HANDLE_EOF);
            }
        }
    }
    if (read != NULL) {
        *read = (DWORD)done;
    }
    return TRUE;
}

BOOL WriteFile(HANDLE file, LPCVOID buffer, DWORD size, LPDWORD written, LPOVERLAPPED overlapped)
{
    struct object object;
    (void)overlapped;
    DWORD console = console_of(file);
    if (console == 0 && !look(file, &object)) {
        return FALSE;
    }
    if (console == 0 || console == STD_INPUT_HANDLE) {
        return fail(ERROR_ACCESS_DENIED);
    }
    console_write(buffer, size);
    if (written != NULL) {
        *written = size;
    }
    return TRUE;
}

BOOL FlushFileBuffers(HANDLE file)
{
    struct object object;
    return console_of(file) != 0 || look(file, &object);
}

BOOL GetFileSizeEx(HANDLE file, PLARGE_INTEGER size)
{
    struct object object;
    if (!look(file, &object)) {
        return FALSE;
    }
    size->QuadPart = (LONGLONG)object.file.module->size;
    return TRUE;
}

DWORD GetFileSize(HANDLE file, LPDWORD high)
{
    LARGE_INTEGER size;
    if (!GetFileSizeEx(file, &size)) {
        return INVALID_FILE_SIZE;
    }
    if (high != NULL) {
        *high = (DWORD)size.HighPart;
    }
    (void)fail(ERROR_SUCCESS);
    return size.LowPart;
}

BOOL SetFilePointerEx(HANDLE file, LARGE_INTEGER distance, PLARGE_INTEGER position, DWORD from)
{
    struct object object;
    if (!look(file, &object)) {
        return FALSE;
    }
    if (from > FILE_END) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    uint64_t base = from == FILE_BEGIN ? 0 : from == FILE_CURRENT ? object.file.position : object.file.module->size;
    if (distance.QuadPart < 0 && 0 - (uint64_t)distance.QuadPart > base) {
        return fail(ERROR_NEGATIVE_SEEK);
    }
    set_position(file, base + (uint64_t)distance.QuadPart);
    if (position != NULL) {
        position->QuadPart = (LONGLONG)(base + (uint64_t)distance.QuadPart);
    }
    return TRUE;
}

DWORD SetFilePointer(HANDLE file, LONG distance, PLONG high, DWORD from)
{
    LARGE_INTEGER whole, position;
    whole.QuadPart = distance;
    if (high != NULL) {
        whole.LowPart = (DWORD)distance;
        whole.HighPart = *high;
    }
    if (!SetFilePointerEx(file, whole, &position, from)) {
        return INVALID_SET_FILE_POINTER;
    }
    if (high != NULL) {
        *high = position.HighPart;
    }
    (void)fail(ERROR_SUCCESS);
    return position.LowPart;
}

DWORD GetFileType(HANDLE file)
{
    struct object object;
    if (console_of(file) != 0) {
        return FILE_TYPE_CHAR;
    }
    return look(file, &object) ? FILE_TYPE_DISK : FILE_TYPE_UNKNOWN;
}

DWORD GetFileAttributesA(LPCSTR name)
{
    if (name == NULL || module_find(name) == NULL) {
        (void)fail(ERROR_FILE_NOT_FOUND);
        return INVALID_FILE_ATTRIBUTES;
    }
    return FILE_ATTRIBUTE_READONLY;
}

DWORD GetFileAttributesW(LPCWSTR name)
{
    char narrow[MAX_PATH];
    return GetFileAttributesA(name_narrow(name, narrow, sizeof(narrow)));
}
