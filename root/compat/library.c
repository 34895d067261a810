/* SPDX-License-Identifier: MIT */
/* LoadLibrary and GetProcAddress over the functions of libwhv. */
#include <stdbool.h>

#include "root/compat/exports.h"
#include "root/compat/libloaderapi.h"
#include "root/compat/names.h"
#include "root/compat/string.h"
#include "root/compat/thread_state.h"
#include "root/compat/winerror.h"
#include "root/libwhv/WinHvEmulation.h"
#include "root/libwhv/WinHvPlatform.h"

struct export
{
    const char *name;
    FARPROC function;
};

/* What LoadLibrary gives. */
struct HINSTANCE__ {
    const char *name; /* NULL: the program itself */
    const struct export *exports;
    size_t count;
};

#define EXPORT(function) {#function, (FARPROC)(void *)(function)},
static const struct export platform[] = {COMPAT_EXPORTS_PLATFORM(EXPORT)};
static const struct export emulation[] = {COMPAT_EXPORTS_EMULATION(EXPORT)};

static struct HINSTANCE__ libraries[] = {
    {"WinHvPlatform", platform, ARRAYSIZE(platform)},
    {"WinHvEmulation", emulation, ARRAYSIZE(emulation)},
};
static struct HINSTANCE__ program;

static bool is_library(const struct HINSTANCE__ *library, const char *name)
{
    size_t length = strlen(library->name);
    const char *rest = name + length;
    return strncasecmp(name, library->name, length) == 0 && (*rest == 0 || strcasecmp(rest, ".dll") == 0);
}

HMODULE LoadLibraryA(LPCSTR name)
{
    for (size_t i = 0; name != NULL && i < ARRAYSIZE(libraries); i++) {
        if (is_library(&libraries[i], name_last_part(name))) {
            return &libraries[i];
        }
    }
    (void)fail(name == NULL ? ERROR_INVALID_PARAMETER : ERROR_MOD_NOT_FOUND);
    return NULL;
}

HMODULE LoadLibraryExA(LPCSTR name, HANDLE file, DWORD flags)
{
    (void)file;
    (void)flags;
    return LoadLibraryA(name);
}

HMODULE LoadLibraryW(LPCWSTR name)
{
    char narrow[MAX_PATH];
    return LoadLibraryA(name_narrow(name, narrow, sizeof(narrow)));
}

HMODULE LoadLibraryExW(LPCWSTR name, HANDLE file, DWORD flags)
{
    (void)file;
    (void)flags;
    return LoadLibraryW(name);
}

HMODULE GetModuleHandleA(LPCSTR name)
{
    return name == NULL ? &program : LoadLibraryA(name);
}

HMODULE GetModuleHandleW(LPCWSTR name)
{
    return name == NULL ? &program : LoadLibraryW(name);
}

static bool is_module(const struct HINSTANCE__ *module)
{
    return module == &program || (module >= libraries && module < libraries + ARRAYSIZE(libraries));
}

BOOL FreeLibrary(HMODULE module)
{
    return is_module(module) || fail(ERROR_INVALID_HANDLE);
}

/* A name below 64 Ki is an ordinal, of which nobody but the linker knows. */
FARPROC GetProcAddress(HMODULE module, LPCSTR name)
{
    if (!is_module(module)) {
        (void)fail(ERROR_INVALID_HANDLE);
        return NULL;
    }
    for (size_t i = 0; (uintptr_t)name >= 0x10000 && i < module->count; i++) {
        if (strcmp(module->exports[i].name, name) == 0) {
            return module->exports[i].function;
        }
    }
    (void)fail(ERROR_PROC_NOT_FOUND);
    return NULL;
}
