/* SPDX-License-Identifier: MIT */
/*
 * A client that finds WHP at run time, and says what it found in every way of printf. The same source is a Windows
 * program and a Whimbrel root program (docs/clients.md).
 */
#include <WINDOWS.H>
#include <WinHVEmulation.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winhvplatform.h>

#pragma comment(lib, "WinHvPlatform.lib")

typedef HRESULT(WINAPI *GET_CAPABILITY)(WHV_CAPABILITY_CODE, VOID *, UINT32, UINT32 *);
typedef HRESULT(WINAPI *CREATE_PARTITION)(WHV_PARTITION_HANDLE *);
typedef HRESULT(WINAPI *DELETE_PARTITION)(WHV_PARTITION_HANDLE);

static int Failures;

static void Check(BOOL good, const char *what)
{
    printf("%-34s %s\n", what, good ? "good" : "BAD");
    Failures += !good;
}

static void Same(const char *what, const char *expected, const char *came)
{
    if (strcmp(expected, came) != 0) {
        printf("%s: expected \"%s\", came \"%s\"\n", what, expected, came);
    }
    Check(strcmp(expected, came) == 0, what);
}

static void UseLibrary(void)
{
    HMODULE platform = LoadLibraryW(L"WinHvPlatform.dll"), emulation = LoadLibraryA("winhvemulation.dll");
    WHV_CAPABILITY capability;
    WHV_PARTITION_HANDLE partition = NULL;
    UINT32 written = 0;
    Check(platform != NULL && emulation != NULL, "LoadLibrary");
    if (platform == NULL || emulation == NULL) {
        return;
    }
    GET_CAPABILITY getCapability = (GET_CAPABILITY)(void *)GetProcAddress(platform, "WHvGetCapability");
    CREATE_PARTITION create = (CREATE_PARTITION)(void *)GetProcAddress(platform, "WHvCreatePartition");
    DELETE_PARTITION destroy = (DELETE_PARTITION)(void *)GetProcAddress(platform, "WHvDeletePartition");
    Check(getCapability != NULL && create != NULL && destroy != NULL, "GetProcAddress");
    if (getCapability == NULL || create == NULL || destroy == NULL) {
        return;
    }
    memset(&capability, 0, sizeof(capability));
    Check(SUCCEEDED(getCapability(WHvCapabilityCodeHypervisorPresent, &capability, sizeof(capability), &written)) &&
              capability.HypervisorPresent,
          "the capability");
    Check(SUCCEEDED(create(&partition)) && SUCCEEDED(destroy(partition)), "a partition");
    Check(GetProcAddress(emulation, "WHvEmulatorTryIoEmulation") != NULL, "the emulator's function");
    Check(GetProcAddress(platform, "WHvNoSuchFunction") == NULL && GetLastError() == ERROR_PROC_NOT_FOUND,
          "a function that is not there");
    Check(LoadLibraryA("NoSuchLibrary.dll") == NULL && GetLastError() == ERROR_MOD_NOT_FOUND,
          "a library that is not there");
    Check(FreeLibrary(emulation) && FreeLibrary(platform), "FreeLibrary");
}

/* What Microsoft's library and root/compat print alike; mingw-w64's own printf agrees in these too. */
static void Print(void)
{
    char text[160];
    DWORD number = 0xffffff85;
    LONG negative = -123;
    snprintf(text, sizeof(text), "%08lX %lu %ld %#x %X %o %+d|%-6d|%6.3d", number, number, negative, 0xbeefu, 0xcafeu,
             8u, 5, 42, 7);
    Same("integers", "FFFFFF85 4294967173 -123 0xbeef CAFE 10 +5|42    |   007", text);
    snprintf(text, sizeof(text), "%" PRIx64 " %" PRIu32 " %llx %lld", (uint64_t)0x123456789abcull,
             (uint32_t)4000000000u, (unsigned long long)UINT64_MAX, -5ll);
    Same("64 bits", "123456789abc 4000000000 ffffffffffffffff -5", text);
    snprintf(text, sizeof(text), "%5.3s|%-5s|%c|%ls|%*d|%%", "abcdef", "xy", 'z', L"wide", 4, 7);
    Same("text", "  abc|xy   |z|wide|   7|%", text);
    snprintf(text, sizeof(text), "%.3f %8.2f %g %e", 1.0 / 3, 1234.5678, 0.0001, 12345.678);
    Same("floating point", "0.333  1234.57 0.0001 1.234568e+04", text);
    snprintf(text, sizeof(text), "%zu %d", ARRAYSIZE(text), snprintf(NULL, 0, "%s", "12345"));
    Same("sizes", "160 5", text);
    Check(strtoul("0x1f", NULL, 0) == 31 && atoi("-12") == -12 && strtoull("777", NULL, 8) == 0777, "numbers");
}

int main(void)
{
    UseLibrary();
    Print();
    printf("library: %s\n", Failures == 0 ? "good" : "bad");
    return Failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
