/* SPDX-License-Identifier: MIT */
/* Waiting for objects. Each thread has its CPU for itself, so a wait looks again and again. */
#include "root/compat/object.h"
#include "root/compat/synchapi.h"
#include "root/lib/cpu.h"

/* With the lock. */
static bool is_signaled(const struct object *object)
{
    switch (object->kind) {
    case OBJECT_EVENT:
        return object->event.set || __atomic_load_n(&object->doorbell.signals, __ATOMIC_ACQUIRE) != object->event.seen;
    case OBJECT_MUTEX:
        return object->mutex.owner == NULL || object->mutex.owner == thread_self();
    case OBJECT_SEMAPHORE:
        return object->semaphore.count > 0;
    default:
        return object->thread.ended;
    }
}

/* With the lock, of one that is signaled. True: a mutex that its last owner had not given back. */
static bool take(struct object *object)
{
    bool abandoned = false;
    switch (object->kind) {
    case OBJECT_EVENT:
        if (!object->event.manual) {
            object->event.set = false;
            object->event.seen = __atomic_load_n(&object->doorbell.signals, __ATOMIC_ACQUIRE);
        }
        break;
    case OBJECT_MUTEX:
        abandoned = object->mutex.abandoned;
        object->mutex.abandoned = false;
        object->mutex.owner = thread_self();
        object->mutex.count++;
        break;
    case OBJECT_SEMAPHORE:
        object->semaphore.count--;
        break;
    default:
        break;
    }
    return abandoned;
}

/* With the lock. WAIT_TIMEOUT: not now. */
static DWORD try_all(DWORD count, struct object **objects)
{
    bool abandoned = false;
    for (DWORD i = 0; i < count; i++) {
        if (!is_signaled(objects[i])) {
            return WAIT_TIMEOUT;
        }
    }
    for (DWORD i = 0; i < count; i++) {
        abandoned = take(objects[i]) || abandoned;
    }
    return abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0;
}

static DWORD try_any(DWORD count, struct object **objects)
{
    for (DWORD i = 0; i < count; i++) {
        if (is_signaled(objects[i])) {
            return i + (take(objects[i]) ? WAIT_ABANDONED_0 : WAIT_OBJECT_0);
        }
    }
    return WAIT_TIMEOUT;
}

/* The objects of the handles, each with one reference more: a handle may be closed while someone waits. */
static bool hold(DWORD count, const HANDLE *handles, struct object **objects)
{
    bool good = count > 0 && count <= MAXIMUM_WAIT_OBJECTS && handles != NULL;
    if (!good) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    object_lock();
    for (DWORD i = 0; i < count && good; i++) {
        objects[i] = object_find(handles[i], OBJECT_ANY);
        good = objects[i] != NULL && (objects[i]->kind != OBJECT_FILE || fail(ERROR_INVALID_HANDLE));
    }
    for (DWORD i = 0; i < count && good; i++) {
        objects[i]->references++;
    }
    object_unlock();
    return good;
}

DWORD WaitForMultipleObjects(DWORD count, const HANDLE *handles, BOOL all, DWORD milliseconds)
{
    struct object *objects[MAXIMUM_WAIT_OBJECTS];
    uint64_t deadline = time_deadline(milliseconds);
    if (!hold(count, handles, objects)) {
        return WAIT_FAILED;
    }
    for (;;) {
        bool over = time_is_over(deadline);
        object_lock();
        DWORD result = all ? try_all(count, objects) : try_any(count, objects);
        if (result != WAIT_TIMEOUT || over) {
            for (DWORD i = 0; i < count; i++) {
                object_release(objects[i]);
            }
            object_unlock();
            return result;
        }
        object_unlock();
        cpu_pause();
    }
}

DWORD WaitForMultipleObjectsEx(DWORD count, const HANDLE *handles, BOOL all, DWORD milliseconds, BOOL alertable)
{
    (void)alertable;
    return WaitForMultipleObjects(count, handles, all, milliseconds);
}

DWORD WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
    return WaitForMultipleObjects(1, &handle, FALSE, milliseconds);
}

DWORD WaitForSingleObjectEx(HANDLE handle, DWORD milliseconds, BOOL alertable)
{
    (void)alertable;
    return WaitForMultipleObjects(1, &handle, FALSE, milliseconds);
}
