/* SPDX-License-Identifier: MIT */
/* Threads: each on a CPU of its own, from CreateThread until it has ended. */
#include "root/compat/errhandlingapi.h"
#include "root/compat/errno.h"
#include "root/compat/memoryapi.h"
#include "root/compat/object.h"
#include "root/compat/process.h"
#include "root/compat/stdlib.h"
#include "root/compat/string.h"
#include "root/compat/winerror.h"
#include "root/lib/console.h"
#include "root/lib/cpu.h"
#include "root/lib/smp.h"

#define MSR_GS_BASE 0xc0000101u
#define STACK_BYTES 0x100000u
#define FIRST_ID 4u /* Windows' thread IDs are multiples of 4 */
#define FOREVER UINT64_MAX

static struct thread_state states[ROOT_MAX_CPUS];
static DWORD next_id = FIRST_ID;
static uint64_t tls_used; /* a bit for each index */

static void become(struct thread_state *t)
{
    t->self = t;
    cpu_wrmsr(MSR_GS_BASE, (uintptr_t)t);
}

/* With the lock. */
static bool adopt(struct thread_state *t, uint32_t cpu)
{
    struct object *object = object_create(OBJECT_THREAD);
    if (object == NULL) {
        return false;
    }
    t->cpu = cpu;
    t->id = next_id;
    next_id += FIRST_ID;
    t->last_error = 0;
    t->error_number = 0;
    memset(t->tls, 0, sizeof(t->tls));
    t->object = object;
    object->thread.state = t;
    object->thread.id = t->id;
    object->thread.exit_code = STILL_ACTIVE;
    return true;
}

void thread_init_main(void)
{
    become(&states[0]);
    (void)adopt(&states[0], 0);
}

/* The thread has ended: its CPU is free as soon as nobody is on its stack, which root_wait tells. */
static void end(struct thread_state *t, DWORD code)
{
    object_lock();
    struct object *object = t->object;
    object->thread.exit_code = code;
    object->thread.ended = true;
    object->thread.state = NULL;
    object_abandon_mutexes(t);
    object_release(object);
    t->object = NULL;
    object_unlock();
}

static void call_start(void *thread)
{
    struct thread_state *t = thread;
    end(t, t->start(t->parameter));
}

/* On its CPU. Interrupts are on: a run is then not ended by the root's, as Windows' are not. */
static void enter(void *thread)
{
    struct thread_state *t = thread;
    become(t);
    cpu_sti();
    thread_call_on(call_start, t, (uint8_t *)t->stack + t->stack_size, &t->saved_rsp);
}

static bool give_stack(struct thread_state *t, size_t size)
{
    size = size < STACK_BYTES ? STACK_BYTES : size;
    if (t->stack != NULL && t->stack_size >= size) {
        return true;
    }
    if (t->stack != NULL) {
        (void)VirtualFree(t->stack, 0, MEM_RELEASE);
    }
    t->stack = VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    t->stack_size = size;
    return t->stack != NULL;
}

/* Takes a CPU without a thread, for one. NULL: there is none. */
static struct thread_state *take_cpu(void)
{
    struct thread_state *t = NULL;
    object_lock();
    for (uint32_t i = 1; i < root_cpu_count() && t == NULL; i++) {
        if (states[i].object == NULL) {
            t = &states[i];
            if (!adopt(t, i)) {
                object_unlock();
                return NULL;
            }
        }
    }
    object_unlock();
    if (t == NULL) {
        root_printf("[client] no CPU is left for another thread: each of the %u has one\n", root_cpu_count());
        (void)fail(ERROR_MAX_THRDS_REACHED);
    }
    return t;
}

HANDLE CreateThread(LPSECURITY_ATTRIBUTES security, SIZE_T stack, LPTHREAD_START_ROUTINE start, LPVOID parameter,
                    DWORD flags, LPDWORD id)
{
    (void)security;
    if (start == NULL || (flags & ~(DWORD)(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION)) != 0) {
        (void)fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    struct thread_state *t = take_cpu();
    if (t == NULL) {
        return NULL;
    }
    struct object *object = t->object;
    (void)root_wait(t->cpu, FOREVER); /* the thread before may still be on its way out, on the stack */
    t->start = start;
    t->parameter = parameter;
    object->references++; /* the thread's and the handle's */
    object->thread.suspended = (flags & CREATE_SUSPENDED) != 0;
    if (!give_stack(t, stack)) {
        end(t, 0);
        (void)CloseHandle(object);
        (void)fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (id != NULL) {
        *id = t->id;
    }
    if ((flags & CREATE_SUSPENDED) == 0) {
        root_run_on(t->cpu, enter, t);
    }
    return object;
}

DWORD ResumeThread(HANDLE thread)
{
    object_lock();
    struct object *object = object_find(thread, OBJECT_THREAD);
    bool resume = object != NULL && object->thread.suspended;
    struct thread_state *t = resume ? object->thread.state : NULL;
    if (resume) {
        object->thread.suspended = false;
    }
    object_unlock();
    if (resume) {
        root_run_on(t->cpu, enter, t);
    }
    return object == NULL ? (DWORD)-1 : resume;
}

/* Whether a thread other than the calling one lives. */
static bool others_live(void)
{
    bool some = false;
    for (uint32_t i = 0; i < ROOT_MAX_CPUS; i++) {
        some = some || (&states[i] != thread_self() && __atomic_load_n(&states[i].object, __ATOMIC_ACQUIRE) != NULL);
    }
    return some;
}

/* The first thread's CPU has nothing to return to: it waits for the others, with whose end the program ends. */
void ExitThread(DWORD code)
{
    struct thread_state *t = thread_self();
    if (t->cpu != 0) {
        end(t, code);
        thread_leave(t->saved_rsp);
    }
    while (others_live()) {
        cpu_pause();
    }
    exit((int)code);
}

BOOL GetExitCodeThread(HANDLE thread, LPDWORD code)
{
    object_lock();
    const struct object *object = object_find(thread, OBJECT_THREAD);
    if (object != NULL) {
        *code = object->thread.exit_code;
    }
    object_unlock();
    return object != NULL;
}

DWORD GetThreadId(HANDLE thread)
{
    object_lock();
    const struct object *object = object_find(thread, OBJECT_THREAD);
    DWORD id = object == NULL ? 0 : object->thread.id;
    object_unlock();
    return id;
}

DWORD SuspendThread(HANDLE thread)
{
    (void)thread;
    (void)fail(ERROR_NOT_SUPPORTED);
    return (DWORD)-1;
}

BOOL TerminateThread(HANDLE thread, DWORD code)
{
    (void)thread;
    (void)code;
    return fail(ERROR_NOT_SUPPORTED);
}

HANDLE GetCurrentThread(void)
{
    return (HANDLE)(INT_PTR)-2; /* Windows' own pseudo handle */
}

DWORD GetCurrentThreadId(void)
{
    return thread_self()->id;
}

DWORD GetCurrentProcessorNumber(void)
{
    return thread_self()->cpu;
}

DWORD TlsAlloc(void)
{
    for (DWORD i = 0; i < TLS_MINIMUM_AVAILABLE; i++) {
        if ((__atomic_fetch_or(&tls_used, 1ull << i, __ATOMIC_ACQ_REL) & 1ull << i) == 0) {
            return i;
        }
    }
    (void)fail(ERROR_NO_SYSTEM_RESOURCES);
    return TLS_OUT_OF_INDEXES;
}

/* The next to have the index finds null in every thread. */
BOOL TlsFree(DWORD index)
{
    if (index >= TLS_MINIMUM_AVAILABLE || (__atomic_load_n(&tls_used, __ATOMIC_ACQUIRE) & 1ull << index) == 0) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    for (uint32_t i = 0; i < ROOT_MAX_CPUS; i++) {
        states[i].tls[index] = NULL;
    }
    __atomic_fetch_and(&tls_used, ~(1ull << index), __ATOMIC_ACQ_REL);
    return TRUE;
}

LPVOID TlsGetValue(DWORD index)
{
    if (index >= TLS_MINIMUM_AVAILABLE) {
        (void)fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    (void)fail(ERROR_SUCCESS);
    return thread_self()->tls[index];
}

BOOL TlsSetValue(DWORD index, LPVOID value)
{
    if (index >= TLS_MINIMUM_AVAILABLE) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    thread_self()->tls[index] = value;
    return TRUE;
}

uintptr_t _beginthreadex(void *security, unsigned stack, unsigned (*start)(void *), void *parameter, unsigned flags,
                         unsigned *id)
{
    HANDLE thread = CreateThread(security, stack, start, parameter, flags, id);
    if (thread == NULL) {
        errno = GetLastError() == ERROR_INVALID_PARAMETER ? EINVAL : EAGAIN;
    }
    return (uintptr_t)thread;
}

struct plain_start {
    void (*start)(void *);
    void *parameter;
};

static DWORD call_plain(LPVOID parameter)
{
    struct plain_start s = *(struct plain_start *)parameter;
    free(parameter);
    s.start(s.parameter);
    return 0;
}

uintptr_t _beginthread(void (*start)(void *), unsigned stack, void *parameter)
{
    struct plain_start *s = malloc(sizeof(*s));
    if (s == NULL) {
        errno = ENOMEM;
        return (uintptr_t)-1;
    }
    *s = (struct plain_start){start, parameter};
    HANDLE thread = CreateThread(NULL, stack, call_plain, s, 0, NULL);
    if (thread == NULL) {
        free(s);
        errno = EAGAIN;
        return (uintptr_t)-1;
    }
    (void)CloseHandle(thread);
    return (uintptr_t)thread;
}

void _endthreadex(unsigned code)
{
    ExitThread(code);
}

void _endthread(void)
{
    ExitThread(0);
}
