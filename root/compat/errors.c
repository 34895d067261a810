/* SPDX-License-Identifier: MIT */
/* A thread's last error and errno, and what they mean in words. */
#include "root/compat/errhandlingapi.h"
#include "root/compat/errno.h"
#include "root/compat/string.h"
#include "root/compat/thread_state.h"
#include "root/compat/wchar.h"
#include "root/compat/winbase.h"
#include "root/compat/winerror.h"

struct message {
    uint32_t number;
    const char *text;
};

static const struct message system_messages[] = {
    {ERROR_SUCCESS, "The operation was successful."},
    {ERROR_FILE_NOT_FOUND, "There is no such file: no module of the image has that name."},
    {ERROR_ACCESS_DENIED, "Access is denied."},
    {ERROR_INVALID_HANDLE, "The handle is invalid."},
    {ERROR_NOT_ENOUGH_MEMORY, "There is not enough memory."},
    {ERROR_WRITE_PROTECT, "Files can only be read: they are modules of the image."},
    {ERROR_NOT_SUPPORTED, "This is not supported on Whimbrel."},
    {ERROR_INVALID_PARAMETER, "A parameter is wrong."},
    {ERROR_INSUFFICIENT_BUFFER, "The buffer is too small."},
    {ERROR_MOD_NOT_FOUND, "There is no such library: only WinHvPlatform.dll and WinHvEmulation.dll are here."},
    {ERROR_PROC_NOT_FOUND, "The library has no such function."},
    {ERROR_NEGATIVE_SEEK, "The position is before the file's beginning."},
    {ERROR_MAX_THRDS_REACHED, "Every CPU has a thread."},
    {ERROR_ENVVAR_NOT_FOUND, "There is no environment."},
    {WAIT_TIMEOUT, "The time is over."},
    {ERROR_NOT_OWNER, "The calling thread does not own the mutex."},
    {ERROR_TOO_MANY_POSTS, "The semaphore would be above its maximum."},
    {ERROR_INVALID_ADDRESS, "The address is not in a block of VirtualAlloc."},
    {ERROR_NOT_FOUND, "The element was not found."},
    {ERROR_NO_SYSTEM_RESOURCES, "The table of objects is full."},
    {ERROR_TIMEOUT, "The time is over."},
    {ERROR_INVALID_STATE, "The state does not allow this."},
    {(uint32_t)E_NOTIMPL, "This is not implemented."},
    {(uint32_t)E_POINTER, "A pointer is null."},
    {(uint32_t)E_FAIL, "An error without a name."},
    {(uint32_t)E_UNEXPECTED, "An unexpected error."},
    {(uint32_t)WHV_E_UNKNOWN_CAPABILITY, "The capability is not known."},
    {(uint32_t)WHV_E_INSUFFICIENT_BUFFER, "The buffer is too small."},
    {(uint32_t)WHV_E_UNKNOWN_PROPERTY, "The property is not known."},
    {(uint32_t)WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG, "The hypervisor's configuration does not allow this."},
    {(uint32_t)WHV_E_INVALID_PARTITION_CONFIG, "The partition's configuration is not possible."},
    {(uint32_t)WHV_E_GPA_RANGE_NOT_FOUND, "The range of guest physical addresses is not mapped."},
    {(uint32_t)WHV_E_VP_ALREADY_EXISTS, "There is a virtual processor of that index already."},
    {(uint32_t)WHV_E_VP_DOES_NOT_EXIST, "There is no virtual processor of that index."},
    {(uint32_t)WHV_E_INVALID_VP_STATE, "The virtual processor's state does not allow this."},
    {(uint32_t)WHV_E_INVALID_VP_REGISTER_NAME, "There is no such register."},
    {(uint32_t)WHV_E_UNSUPPORTED_PROCESSOR_CONFIG, "The processor does not allow this configuration."},
    {(uint32_t)WHB_HR_INVALID_PARAMETER, "A register's value is not possible."},
};

static const struct message c_messages[] = {
    {0, "No error"},
    {EPERM, "Operation not permitted"},
    {ENOENT, "No such file: no module of the image has that name"},
    {EIO, "Input/output error"},
    {EBADF, "The stream is not open for this"},
    {EAGAIN, "Every CPU has a thread"},
    {ENOMEM, "Not enough memory"},
    {EACCES, "Permission denied"},
    {EINVAL, "Invalid argument"},
    {ESPIPE, "The console has no positions"},
    {EROFS, "Files can only be read: they are modules of the image"},
    {EDOM, "Argument out of domain"},
    {ERANGE, "Result out of range"},
    {ENOSYS, "Not there"},
};

static const char *find(const struct message *messages, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (messages[i].number == number) {
            return messages[i].text;
        }
    }
    return NULL;
}

DWORD GetLastError(void)
{
    return thread_self()->last_error;
}

void SetLastError(DWORD error)
{
    thread_self()->last_error = error;
}

UINT SetErrorMode(UINT mode)
{
    (void)mode;
    return 0;
}

int *_errno(void)
{
    return &thread_self()->error_number;
}

/* musl's name of it. */
int *___errno_location(void);

int *___errno_location(void)
{
    return _errno();
}

char *strerror(int error)
{
    static char unknown[] = "Unknown error";
    const char *text = find(c_messages, ARRAYSIZE(c_messages), (uint32_t)error);
    return text == NULL ? unknown : (char *)(uintptr_t)text;
}

/* An HRESULT that is made of an error number means that. */
static const char *system_message(DWORD message)
{
    if ((message & 0xffff0000u) == ((uint32_t)FACILITY_WIN32 << 16 | 0x80000000u)) {
        message &= 0xffffu;
    }
    return find(system_messages, ARRAYSIZE(system_messages), message);
}

/* The message's line; NULL: the error is set. */
static const char *message_line(DWORD flags, DWORD message, size_t *length)
{
    const char *text = system_message(message);
    if ((flags & FORMAT_MESSAGE_FROM_SYSTEM) == 0) {
        (void)fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    if (text == NULL) {
        (void)fail(ERROR_MR_MID_NOT_FOUND);
        return NULL;
    }
    *length = strlen(text);
    return text;
}

DWORD FormatMessageA(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPSTR buffer, DWORD size,
                     va_list *arguments)
{
    (void)source;
    (void)language;
    (void)arguments;
    size_t length;
    const char *text = message_line(flags, message, &length);
    const char *end = (flags & FORMAT_MESSAGE_MAX_WIDTH_MASK) == FORMAT_MESSAGE_MAX_WIDTH_MASK ? " " : "\r\n";
    if (text == NULL) {
        return 0;
    }
    char *to = buffer;
    if ((flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0) {
        size = (DWORD)length + 3;
        to = LocalAlloc(LMEM_FIXED, size);
        memcpy(buffer, &to, sizeof(to)); /* `buffer` is where the address goes */
    }
    if (to == NULL || size < length + strlen(end) + 1) {
        (void)fail(to == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INSUFFICIENT_BUFFER);
        return 0;
    }
    memcpy(to, text, length);
    memcpy(to + length, end, strlen(end) + 1);
    return (DWORD)(length + strlen(end));
}

DWORD FormatMessageW(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPWSTR buffer, DWORD size,
                     va_list *arguments)
{
    char narrow[256];
    DWORD length = FormatMessageA(flags & ~(DWORD)FORMAT_MESSAGE_ALLOCATE_BUFFER, source, message, language, narrow,
                                  sizeof(narrow), arguments);
    if (length == 0) {
        return 0;
    }
    wchar_t *to = buffer;
    if ((flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0) {
        size = length + 1;
        to = LocalAlloc(LMEM_FIXED, size * sizeof(*to));
        memcpy(buffer, &to, sizeof(to));
    }
    if (to == NULL || size < length + 1) {
        (void)fail(to == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INSUFFICIENT_BUFFER);
        return 0;
    }
    (void)mbstowcs(to, narrow, size);
    return length;
}
