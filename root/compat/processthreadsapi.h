/* SPDX-License-Identifier: MIT */
/*
 * A thread has a CPU of the root for itself, from CreateThread until it has ended: there are as many threads, main's
 * among them, as CPUs. Threads that wait or sleep poll.
 */
#pragma once

#include "root/compat/fileapi.h"
#include "root/compat/winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CREATE_SUSPENDED 0x4
#define STACK_SIZE_PARAM_IS_A_RESERVATION 0x10000
#define STILL_ACTIVE STATUS_PENDING
#define THREAD_PRIORITY_NORMAL 0
#define THREAD_PRIORITY_ABOVE_NORMAL 1
#define THREAD_PRIORITY_HIGHEST THREAD_BASE_PRIORITY_MAX
#define THREAD_PRIORITY_TIME_CRITICAL THREAD_BASE_PRIORITY_LOWRT
#define NORMAL_PRIORITY_CLASS 0x20
#define HIGH_PRIORITY_CLASS 0x80
#define REALTIME_PRIORITY_CLASS 0x100
#define TLS_OUT_OF_INDEXES ((DWORD)0xffffffff)

typedef DWORD (*PTHREAD_START_ROUTINE)(LPVOID parameter);
typedef PTHREAD_START_ROUTINE LPTHREAD_START_ROUTINE;

/*
 * `stack` bytes, at least 1 MiB; the stack has no guard page. Null: ERROR_MAX_THRDS_REACHED, and a line on the console:
 * every CPU has a thread. CREATE_SUSPENDED keeps the CPU until ResumeThread.
 */
HANDLE CreateThread(LPSECURITY_ATTRIBUTES security, SIZE_T stack, LPTHREAD_START_ROUTINE start, LPVOID parameter,
                    DWORD flags, LPDWORD id);
DECLSPEC_NORETURN void ExitThread(DWORD code);
BOOL GetExitCodeThread(HANDLE thread, LPDWORD code);
/* Only for a thread that CREATE_SUSPENDED made; gives 1, and 0 for one that runs. */
DWORD ResumeThread(HANDLE thread);
/* ERROR_NOT_SUPPORTED: a CPU cannot be stopped in the midst of what it does. */
DWORD SuspendThread(HANDLE thread);
BOOL TerminateThread(HANDLE thread, DWORD code);
HANDLE GetCurrentThread(void);
DWORD GetCurrentThreadId(void);
DWORD GetThreadId(HANDLE thread);
BOOL SwitchToThread(void);

/* Nothing to decide with a CPU for each thread: taken, and without effect. */
BOOL SetThreadPriority(HANDLE thread, int priority);
int GetThreadPriority(HANDLE thread);
DWORD_PTR SetThreadAffinityMask(HANDLE thread, DWORD_PTR mask);
HRESULT SetThreadDescription(HANDLE thread, PCWSTR description);
BOOL SetPriorityClass(HANDLE process, DWORD priority);

/* The CPU's index in the root. */
DWORD GetCurrentProcessorNumber(void);

HANDLE GetCurrentProcess(void);
DWORD GetCurrentProcessId(void);
/* Ends the program, whatever the other threads do, and switches the machine off. */
DECLSPEC_NORETURN void ExitProcess(UINT code);
/* Of GetCurrentProcess. */
BOOL TerminateProcess(HANDLE process, UINT code);

/* 64 indices. */
DWORD TlsAlloc(void);
BOOL TlsFree(DWORD index);
LPVOID TlsGetValue(DWORD index);
BOOL TlsSetValue(DWORD index, LPVOID value);

#ifdef __cplusplus
}
#endif
