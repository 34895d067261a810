/* SPDX-License-Identifier: MIT */
/* Events, mutexes and semaphores. */
#include "root/compat/object.h"
#include "root/compat/synchapi.h"

static HANDLE create_event(bool manual, bool set)
{
    object_lock();
    struct object *object = object_create(OBJECT_EVENT);
    if (object != NULL) {
        object->event.manual = manual;
        object->event.set = set;
    }
    object_unlock();
    return object;
}

HANDLE CreateEventA(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL initial, LPCSTR name)
{
    (void)security;
    (void)name;
    return create_event(manual, initial);
}

HANDLE CreateEventW(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL initial, LPCWSTR name)
{
    (void)security;
    (void)name;
    return create_event(manual, initial);
}

HANDLE CreateEventExA(LPSECURITY_ATTRIBUTES security, LPCSTR name, DWORD flags, DWORD access)
{
    (void)security;
    (void)name;
    (void)access;
    return create_event((flags & CREATE_EVENT_MANUAL_RESET) != 0, (flags & CREATE_EVENT_INITIAL_SET) != 0);
}

HANDLE CreateEventExW(LPSECURITY_ATTRIBUTES security, LPCWSTR name, DWORD flags, DWORD access)
{
    (void)name;
    return CreateEventExA(security, NULL, flags, access);
}

static BOOL change_event(HANDLE event, bool set)
{
    object_lock();
    struct object *object = object_find(event, OBJECT_EVENT);
    if (object != NULL) {
        object->event.set = set;
        object->event.seen = set ? object->event.seen : __atomic_load_n(&object->doorbell.signals, __ATOMIC_ACQUIRE);
    }
    object_unlock();
    return object != NULL;
}

BOOL SetEvent(HANDLE event)
{
    return change_event(event, true);
}

BOOL ResetEvent(HANDLE event)
{
    return change_event(event, false);
}

HANDLE CreateMutexA(LPSECURITY_ATTRIBUTES security, BOOL owned, LPCSTR name)
{
    (void)security;
    (void)name;
    object_lock();
    struct object *object = object_create(OBJECT_MUTEX);
    if (object != NULL && owned) {
        object->mutex.owner = thread_self();
        object->mutex.count = 1;
    }
    object_unlock();
    return object;
}

HANDLE CreateMutexW(LPSECURITY_ATTRIBUTES security, BOOL owned, LPCWSTR name)
{
    (void)name;
    return CreateMutexA(security, owned, NULL);
}

BOOL ReleaseMutex(HANDLE mutex)
{
    object_lock();
    struct object *object = object_find(mutex, OBJECT_MUTEX);
    BOOL good = object != NULL && (object->mutex.owner == thread_self() || fail(ERROR_NOT_OWNER));
    if (good && --object->mutex.count == 0) {
        object->mutex.owner = NULL;
    }
    object_unlock();
    return good;
}

HANDLE CreateSemaphoreA(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCSTR name)
{
    (void)security;
    (void)name;
    if (initial < 0 || maximum <= 0 || initial > maximum) {
        (void)fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    object_lock();
    struct object *object = object_create(OBJECT_SEMAPHORE);
    if (object != NULL) {
        object->semaphore.count = initial;
        object->semaphore.maximum = maximum;
    }
    object_unlock();
    return object;
}

HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCWSTR name)
{
    (void)name;
    return CreateSemaphoreA(security, initial, maximum, NULL);
}

BOOL ReleaseSemaphore(HANDLE semaphore, LONG count, LPLONG previous)
{
    if (count <= 0) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    object_lock();
    struct object *object = object_find(semaphore, OBJECT_SEMAPHORE);
    BOOL good =
        object != NULL && (count <= object->semaphore.maximum - object->semaphore.count || fail(ERROR_TOO_MANY_POSTS));
    if (good) {
        if (previous != NULL) {
            *previous = object->semaphore.count;
        }
        object->semaphore.count += count;
    }
    object_unlock();
    return good;
}

DWORD SignalObjectAndWait(HANDLE signal, HANDLE wait, DWORD milliseconds, BOOL alertable)
{
    (void)alertable;
    object_lock();
    const struct object *object = object_find(signal, OBJECT_ANY);
    enum object_kind kind = object == NULL ? OBJECT_FREE : object->kind;
    object_unlock();
    BOOL good = kind == OBJECT_EVENT       ? SetEvent(signal)
                : kind == OBJECT_MUTEX     ? ReleaseMutex(signal)
                : kind == OBJECT_SEMAPHORE ? ReleaseSemaphore(signal, 1, NULL)
                                           : fail(ERROR_INVALID_HANDLE);
    return good ? WaitForSingleObject(wait, milliseconds) : WAIT_FAILED;
}
