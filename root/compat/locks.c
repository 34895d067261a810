/* SPDX-License-Identifier: MIT */
/* Critical sections, SRW locks, condition variables, one-time initialization. All zero is the state before the first
 * use. */
#include "root/compat/interlockedapi.h"
#include "root/compat/object.h"
#include "root/compat/string.h"
#include "root/compat/synchapi.h"
#include "root/lib/cpu.h"

void InitializeCriticalSection(LPCRITICAL_SECTION section)
{
    memset(section, 0, sizeof(*section));
}

BOOL InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION section, DWORD spins)
{
    InitializeCriticalSection(section);
    section->SpinCount = spins;
    return TRUE;
}

BOOL InitializeCriticalSectionEx(LPCRITICAL_SECTION section, DWORD spins, DWORD flags)
{
    (void)flags;
    return InitializeCriticalSectionAndSpinCount(section, spins);
}

void DeleteCriticalSection(LPCRITICAL_SECTION section)
{
    InitializeCriticalSection(section);
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION section)
{
    PVOID owner = InterlockedCompareExchangePointer(&section->OwningThread, thread_self(), NULL);
    if (owner != NULL && owner != thread_self()) {
        return FALSE;
    }
    section->RecursionCount++;
    return TRUE;
}

void EnterCriticalSection(LPCRITICAL_SECTION section)
{
    while (!TryEnterCriticalSection(section)) {
        cpu_pause();
    }
}

/* Of a section that the thread has. */
void LeaveCriticalSection(LPCRITICAL_SECTION section)
{
    if (--section->RecursionCount == 0) {
        InterlockedExchangePointer(&section->OwningThread, NULL);
    }
}

/* An SRW lock's word: how many share it, times 4, or EXCLUSIVE; and WAITING: one that wants it alone comes next. */
#define EXCLUSIVE ((uintptr_t)1)
#define WAITING ((uintptr_t)2)
#define SHARED ((uintptr_t)4)

static uintptr_t word(PSRWLOCK lock)
{
    return (uintptr_t)__atomic_load_n(&lock->Ptr, __ATOMIC_ACQUIRE);
}

static bool change(PSRWLOCK lock, uintptr_t from, uintptr_t to)
{
    return InterlockedCompareExchangePointer(&lock->Ptr, (PVOID)to, (PVOID)from) == (PVOID)from;
}

void InitializeSRWLock(PSRWLOCK lock)
{
    lock->Ptr = NULL;
}

BOOLEAN TryAcquireSRWLockExclusive(PSRWLOCK lock)
{
    uintptr_t old = word(lock);
    return (old & ~WAITING) == 0 && change(lock, old, EXCLUSIVE);
}

void AcquireSRWLockExclusive(PSRWLOCK lock)
{
    while (!TryAcquireSRWLockExclusive(lock)) {
        uintptr_t old = word(lock);
        if ((old & WAITING) == 0 && old != 0) {
            (void)change(lock, old, old | WAITING);
        }
        cpu_pause();
    }
}

/* Another that waits to have it alone says so again. */
void ReleaseSRWLockExclusive(PSRWLOCK lock)
{
    InterlockedExchangePointer(&lock->Ptr, NULL);
}

BOOLEAN TryAcquireSRWLockShared(PSRWLOCK lock)
{
    uintptr_t old = word(lock);
    return (old & (EXCLUSIVE | WAITING)) == 0 && change(lock, old, old + SHARED);
}

void AcquireSRWLockShared(PSRWLOCK lock)
{
    while (!TryAcquireSRWLockShared(lock)) {
        cpu_pause();
    }
}

void ReleaseSRWLockShared(PSRWLOCK lock)
{
    uintptr_t old;
    do {
        old = word(lock);
    } while (!change(lock, old, old - SHARED));
}

/* A condition variable's word counts wakings; who sleeps waits for the next. */
void InitializeConditionVariable(PCONDITION_VARIABLE condition)
{
    condition->Ptr = NULL;
}

void WakeAllConditionVariable(PCONDITION_VARIABLE condition)
{
    (void)InterlockedIncrement64((volatile LONG64 *)(void *)&condition->Ptr);
}

void WakeConditionVariable(PCONDITION_VARIABLE condition)
{
    WakeAllConditionVariable(condition);
}

static PVOID wakings(PCONDITION_VARIABLE condition)
{
    return __atomic_load_n(&condition->Ptr, __ATOMIC_ACQUIRE);
}

static BOOL sleep_until_woken(PCONDITION_VARIABLE condition, PVOID before, DWORD milliseconds)
{
    uint64_t deadline = time_deadline(milliseconds);
    while (wakings(condition) == before) {
        if (time_is_over(deadline)) {
            return fail(ERROR_TIMEOUT);
        }
        cpu_pause();
    }
    return TRUE;
}

BOOL SleepConditionVariableCS(PCONDITION_VARIABLE condition, PCRITICAL_SECTION section, DWORD milliseconds)
{
    PVOID before = wakings(condition);
    LeaveCriticalSection(section);
    BOOL woken = sleep_until_woken(condition, before, milliseconds);
    EnterCriticalSection(section);
    return woken;
}

BOOL SleepConditionVariableSRW(PCONDITION_VARIABLE condition, PSRWLOCK lock, DWORD milliseconds, ULONG flags)
{
    bool shared = (flags & CONDITION_VARIABLE_LOCKMODE_SHARED) != 0;
    PVOID before = wakings(condition);
    if (shared) {
        ReleaseSRWLockShared(lock);
    } else {
        ReleaseSRWLockExclusive(lock);
    }
    BOOL woken = sleep_until_woken(condition, before, milliseconds);
    if (shared) {
        AcquireSRWLockShared(lock);
    } else {
        AcquireSRWLockExclusive(lock);
    }
    return woken;
}

/* The word of a one-time initialization: 0, 1 while it is under way, else the context and DONE in its low bit. */
#define RUNNING ((PVOID)1)
#define DONE ((uintptr_t)2)

BOOL InitOnceExecuteOnce(PINIT_ONCE once, PINIT_ONCE_FN init, PVOID parameter, LPVOID *context)
{
    for (;;) {
        PVOID state = InterlockedCompareExchangePointer(&once->Ptr, RUNNING, NULL), made = NULL;
        if (state == NULL) {
            BOOL good = init(once, parameter, &made);
            InterlockedExchangePointer(&once->Ptr, good ? (PVOID)((uintptr_t)made | DONE) : NULL);
            if (!good) {
                return FALSE;
            }
        } else if (((uintptr_t)state & DONE) != 0) {
            if (context != NULL) {
                *context = (PVOID)((uintptr_t)state & ~(uintptr_t)3);
            }
            return TRUE;
        }
        cpu_pause();
    }
}

BOOL WaitOnAddress(volatile void *address, PVOID compare, SIZE_T size, DWORD milliseconds)
{
    uint64_t deadline = time_deadline(milliseconds);
    if (size != 1 && size != 2 && size != 4 && size != 8) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    for (;;) {
        bool same = true;
        for (SIZE_T i = 0; i < size; i++) {
            same = same && ((const volatile uint8_t *)address)[i] == ((const uint8_t *)compare)[i];
        }
        if (!same) {
            return TRUE;
        }
        if (time_is_over(deadline)) {
            return fail(ERROR_TIMEOUT);
        }
        cpu_pause();
    }
}

void WakeByAddressSingle(PVOID address)
{
    (void)address;
}

void WakeByAddressAll(PVOID address)
{
    (void)address;
}
