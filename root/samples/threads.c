/* SPDX-License-Identifier: MIT */
/*
 * A client whose virtual processor runs in a thread of its own: the main thread waits for events, cancels the run, and
 * the two share a queue under each of Windows' locks. The same source is a Windows program and a Whimbrel root program
 * (docs/clients.md).
 */
#include <WinHvPlatform.h>
#include <Windows.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_RAM_SIZE 0x10000
#define GUEST_START 0x1000
#define DOORBELL 0xe000
#define ROUNDS 1000

/* Rings the doorbell, and then runs on for ever. */
static const UINT8 GuestCode[] = {
    0xc6, 0x06, 0x00, 0xe0, 0x01, /* mov byte [e000h], 1 */
    0xeb, 0xfe,                   /* jmp to itself */
};

struct Machine {
    WHV_PARTITION_HANDLE Partition;
    UINT8 *Ram;
    HANDLE Doorbell, Running;
    UINT32 Canceled;
};

static int Failures;

static BOOL Check(BOOL good, const char *what)
{
    printf("%-34s %s\n", what, good ? "good" : "BAD");
    Failures += !good;
    return good;
}

/* What two threads do to one number, under each kind of lock. */
struct Shared {
    CRITICAL_SECTION Section;
    SRWLOCK Lock;
    CONDITION_VARIABLE Changed;
    HANDLE Mutex, Semaphore;
    volatile LONG Atomic;
    UINT32 InSection, InMutex, InLock, Queue, Taken;
};

static DWORD WINAPI Count(LPVOID parameter)
{
    struct Shared *s = parameter;
    for (UINT32 i = 0; i < ROUNDS; i++) {
        InterlockedIncrement(&s->Atomic);
        EnterCriticalSection(&s->Section);
        s->InSection++;
        LeaveCriticalSection(&s->Section);
        AcquireSRWLockExclusive(&s->Lock);
        s->InLock++;
        ReleaseSRWLockExclusive(&s->Lock);
        if (i % 10 == 0) {
            WaitForSingleObject(s->Mutex, INFINITE);
            s->InMutex++;
            ReleaseMutex(s->Mutex);
        }
    }
    return 42;
}

static unsigned __stdcall Produce(void *parameter)
{
    struct Shared *s = parameter;
    for (UINT32 i = 0; i < ROUNDS / 10; i++) {
        AcquireSRWLockExclusive(&s->Lock);
        s->Queue++;
        ReleaseSRWLockExclusive(&s->Lock);
        WakeConditionVariable(&s->Changed);
        ReleaseSemaphore(s->Semaphore, 1, NULL);
    }
    _endthreadex(7);
    return 0;
}

static void Consume(struct Shared *s)
{
    AcquireSRWLockExclusive(&s->Lock);
    while (s->Taken < ROUNDS / 10) {
        while (s->Queue == 0) {
            SleepConditionVariableSRW(&s->Changed, &s->Lock, INFINITE, 0);
        }
        s->Queue--;
        s->Taken++;
    }
    ReleaseSRWLockExclusive(&s->Lock);
}

static void TestLocks(void)
{
    static struct Shared shared;
    struct Shared *s = &shared;
    DWORD code = 0, id = 0;
    InitializeCriticalSection(&s->Section);
    InitializeSRWLock(&s->Lock);
    InitializeConditionVariable(&s->Changed);
    s->Mutex = CreateMutex(NULL, FALSE, NULL);
    s->Semaphore = CreateSemaphore(NULL, 0, ROUNDS, NULL);
    HANDLE thread = CreateThread(NULL, 0, Count, s, 0, &id);
    if (!Check(thread != NULL && id != 0 && id != GetCurrentThreadId(), "CreateThread")) {
        printf("CreateThread failed: %lu\n", GetLastError());
        return;
    }
    Count(s);
    Check(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0, "waiting for a thread");
    Check(GetExitCodeThread(thread, &code) && code == 42, "its exit code");
    CloseHandle(thread);
    Check(s->Atomic == 2 * ROUNDS && s->InSection == 2 * ROUNDS && s->InLock == 2 * ROUNDS &&
              s->InMutex == 2 * ROUNDS / 10,
          "counts under locks");
    thread = (HANDLE)_beginthreadex(NULL, 0, Produce, s, 0, NULL);
    Consume(s);
    Check(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code) && code == 7,
          "_beginthreadex and _endthreadex");
    Check(s->Taken == ROUNDS / 10 && s->Queue == 0, "condition variable");
    for (code = 0; WaitForSingleObject(s->Semaphore, 0) == WAIT_OBJECT_0; code++) {
    }
    Check(code == ROUNDS / 10, "semaphore");
    CloseHandle(thread);
    CloseHandle(s->Mutex);
    CloseHandle(s->Semaphore);
    DeleteCriticalSection(&s->Section);
}

static void TestWaits(void)
{
    HANDLE events[2] = {CreateEvent(NULL, FALSE, FALSE, NULL), CreateEvent(NULL, TRUE, FALSE, NULL)};
    ULONGLONG began = GetTickCount64();
    Check(WaitForMultipleObjects(2, events, FALSE, 20) == WAIT_TIMEOUT && GetTickCount64() - began >= 10, "a timeout");
    SetEvent(events[1]);
    Check(WaitForMultipleObjects(2, events, FALSE, INFINITE) == WAIT_OBJECT_0 + 1, "any of two events");
    Check(WaitForMultipleObjects(2, events, TRUE, 0) == WAIT_TIMEOUT, "not all of them");
    SetEvent(events[0]);
    Check(WaitForMultipleObjects(2, events, TRUE, INFINITE) == WAIT_OBJECT_0, "all of them");
    Check(WaitForSingleObject(events[0], 0) == WAIT_TIMEOUT, "one resets itself");
    Check(WaitForSingleObject(events[1], 0) == WAIT_OBJECT_0 && ResetEvent(events[1]) &&
              WaitForSingleObject(events[1], 0) == WAIT_TIMEOUT,
          "one is reset");
    CloseHandle(events[0]);
    CloseHandle(events[1]);
    Check(WaitForSingleObject(NULL, 0) == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE, "no handle");
}

/* The VP's thread: runs it until it is cancelled. */
static DWORD WINAPI RunVp(LPVOID parameter)
{
    struct Machine *m = parameter;
    WHV_RUN_VP_EXIT_CONTEXT exit;
    SetEvent(m->Running);
    if (FAILED(WHvRunVirtualProcessor(m->Partition, 0, &exit, sizeof(exit)))) {
        return 1;
    }
    m->Canceled = exit.ExitReason == WHvRunVpExitReasonCanceled;
    return exit.ExitReason;
}

static BOOL CreateMachine(struct Machine *m)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterCs, WHvX64RegisterRip, WHvX64RegisterRflags};
    WHV_REGISTER_VALUE values[3];
    WHV_PARTITION_PROPERTY property;
    memset(values, 0, sizeof(values));
    memset(&property, 0, sizeof(property));
    property.ProcessorCount = 1;
    values[0].Segment.Limit = 0xffff;
    values[0].Segment.Attributes = 0x9b;
    values[1].Reg64 = GUEST_START;
    values[2].Reg64 = 2;
    m->Ram = VirtualAlloc(NULL, GUEST_RAM_SIZE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (m->Ram == NULL) {
        return FALSE;
    }
    memcpy(m->Ram + GUEST_START, GuestCode, sizeof(GuestCode));
    return SUCCEEDED(WHvCreatePartition(&m->Partition)) &&
           SUCCEEDED(WHvSetPartitionProperty(m->Partition, WHvPartitionPropertyCodeProcessorCount, &property,
                                             sizeof(property.ProcessorCount))) &&
           SUCCEEDED(WHvSetupPartition(m->Partition)) &&
           SUCCEEDED(WHvMapGpaRange(m->Partition, m->Ram, 0, DOORBELL,
                                    WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute)) &&
           SUCCEEDED(WHvCreateVirtualProcessor(m->Partition, 0, 0)) &&
           SUCCEEDED(WHvSetVirtualProcessorRegisters(m->Partition, 0, names, 3, values));
}

/* The guest's write sets the event; then the VP runs on until this thread cancels it. */
static void TestVp(void)
{
    static struct Machine machine;
    struct Machine *m = &machine;
    WHV_DOORBELL_MATCH_DATA match;
    memset(&match, 0, sizeof(match));
    match.GuestAddress = DOORBELL;
    m->Doorbell = CreateEvent(NULL, FALSE, FALSE, NULL);
    m->Running = CreateEvent(NULL, TRUE, FALSE, NULL);
    if (!Check(CreateMachine(m), "the machine") ||
        !Check(SUCCEEDED(WHvRegisterPartitionDoorbellEvent(m->Partition, &match, m->Doorbell)), "the doorbell")) {
        return;
    }
    HANDLE thread = CreateThread(NULL, 0, RunVp, m, 0, NULL);
    if (thread == NULL) {
        return;
    }
    Check(WaitForSingleObject(m->Running, INFINITE) == WAIT_OBJECT_0, "the VP's thread");
    Check(WaitForSingleObject(m->Doorbell, INFINITE) == WAIT_OBJECT_0, "the guest rings");
    Check(WaitForSingleObject(m->Doorbell, 10) == WAIT_TIMEOUT, "once");
    Check(WaitForSingleObject(thread, 0) == WAIT_TIMEOUT, "and runs on");
    Check(SUCCEEDED(WHvCancelRunVirtualProcessor(m->Partition, 0, 0)), "WHvCancelRunVirtualProcessor");
    Check(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 && m->Canceled, "the run ends");
    CloseHandle(thread);
    WHvDeletePartition(m->Partition);
    VirtualFree(m->Ram, 0, MEM_RELEASE);
    CloseHandle(m->Doorbell);
    CloseHandle(m->Running);
}

int main(void)
{
    TestWaits();
    TestLocks();
    TestVp();
    printf("threads: %s\n", Failures == 0 ? "good" : "bad");
    return Failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
