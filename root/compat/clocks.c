/* SPDX-License-Identifier: MIT */
/* Time: the TSC, from the program's start; the machine's clock is read once, then. */
#include "root/compat/profileapi.h"
#include "root/compat/synchapi.h"
#include "root/compat/sysinfoapi.h"
#include "root/compat/thread_state.h"
#include "root/compat/time.h"
#include "root/lib/clock.h"
#include "root/lib/cmos.h"
#include "root/lib/cpu.h"

#define UNIX_EPOCH 11644473600ull /* seconds from 1601-01-01 to 1970-01-01 */

static uint64_t start_tsc, start_seconds;

static void no_alarm(void)
{
}

void time_init(uint32_t tsc_khz)
{
    clock_init(tsc_khz, no_alarm);
    start_seconds = cmos_seconds();
    start_tsc = cpu_rdtsc();
}

/* `scale` of them a second; up to 10 million, so that no product is too large. */
static uint64_t units(uint64_t ticks, uint64_t scale)
{
    uint64_t hz = clock_tsc_khz() * 1000ull;
    return ticks / hz * scale + ticks % hz * scale / hz;
}

uint64_t time_ticks(void)
{
    return cpu_rdtsc() - start_tsc;
}

uint64_t time_deadline(DWORD milliseconds)
{
    return milliseconds == INFINITE ? UINT64_MAX : time_ticks() + (uint64_t)milliseconds * clock_tsc_khz();
}

bool time_is_over(uint64_t deadline)
{
    return time_ticks() >= deadline;
}

BOOL QueryPerformanceCounter(LARGE_INTEGER *count)
{
    count->QuadPart = (LONGLONG)cpu_rdtsc();
    return TRUE;
}

BOOL QueryPerformanceFrequency(LARGE_INTEGER *frequency)
{
    frequency->QuadPart = (LONGLONG)clock_tsc_khz() * 1000;
    return TRUE;
}

ULONGLONG GetTickCount64(void)
{
    return units(time_ticks(), 1000);
}

DWORD GetTickCount(void)
{
    return (DWORD)GetTickCount64();
}

void GetSystemTimePreciseAsFileTime(LPFILETIME time)
{
    uint64_t now = (start_seconds + UNIX_EPOCH) * 10000000 + units(time_ticks(), 10000000);
    time->dwLowDateTime = (DWORD)now;
    time->dwHighDateTime = (DWORD)(now >> 32);
}

void GetSystemTimeAsFileTime(LPFILETIME time)
{
    GetSystemTimePreciseAsFileTime(time);
}

time_t time(time_t *result)
{
    time_t now = (time_t)(start_seconds + units(time_ticks(), 1));
    if (result != NULL) {
        *result = now;
    }
    return now;
}

clock_t clock(void)
{
    return (clock_t)GetTickCount64();
}

void Sleep(DWORD milliseconds)
{
    uint64_t deadline = time_deadline(milliseconds);
    do {
        cpu_pause();
    } while (!time_is_over(deadline));
}

DWORD SleepEx(DWORD milliseconds, BOOL alertable)
{
    (void)alertable;
    Sleep(milliseconds);
    return 0;
}

BOOL SwitchToThread(void)
{
    cpu_pause();
    return FALSE;
}
