/* SPDX-License-Identifier: MIT */
#include "root/compat/object.h"

#include "root/compat/handleapi.h"
#include "root/compat/winerror.h"
#include "root/lib/cpu.h"

static struct object objects[OBJECTS];
static uint32_t objects_lock;

void object_lock(void)
{
    while (__atomic_exchange_n(&objects_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
}

void object_unlock(void)
{
    __atomic_store_n(&objects_lock, 0, __ATOMIC_RELEASE);
}

struct object *object_create(enum object_kind kind)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (objects[i].kind == OBJECT_FREE) {
            objects[i] = (struct object){.kind = kind, .references = 1};
            return &objects[i];
        }
    }
    (void)fail(ERROR_NO_SYSTEM_RESOURCES);
    return NULL;
}

struct object *object_find(HANDLE handle, enum object_kind kind)
{
    uintptr_t offset = (uintptr_t)handle - (uintptr_t)objects;
    struct object *object = handle;
    if (handle == GetCurrentThread()) {
        object = thread_self()->object;
        offset = 0;
    }
    if (offset >= sizeof(objects) || offset % sizeof(objects[0]) != 0 || object->kind == OBJECT_FREE ||
        (kind != OBJECT_ANY && object->kind != kind)) {
        (void)fail(ERROR_INVALID_HANDLE);
        return NULL;
    }
    return object;
}

void object_release(struct object *object)
{
    if (--object->references == 0) {
        object->kind = OBJECT_FREE;
    }
}

void object_abandon_mutexes(const struct thread_state *owner)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (objects[i].kind == OBJECT_MUTEX && objects[i].mutex.owner == owner) {
            objects[i].mutex.owner = NULL;
            objects[i].mutex.count = 0;
            objects[i].mutex.abandoned = true;
        }
    }
}

BOOL CloseHandle(HANDLE handle)
{
    if (handle == GetCurrentThread() || handle == GetCurrentProcess()) {
        return TRUE; /* pseudo handles, as on Windows */
    }
    object_lock();
    struct object *object = object_find(handle, OBJECT_ANY);
    if (object != NULL) {
        object_release(object);
    }
    object_unlock();
    return object != NULL;
}

BOOL DuplicateHandle(HANDLE source_process, HANDLE source, HANDLE target_process, LPHANDLE target, DWORD access,
                     BOOL inherit, DWORD options)
{
    (void)access;
    (void)inherit;
    if (source_process != GetCurrentProcess() || target_process != GetCurrentProcess() || target == NULL) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    object_lock();
    struct object *object = object_find(source, OBJECT_ANY);
    if (object != NULL) {
        object->references += (options & DUPLICATE_CLOSE_SOURCE) == 0;
        *target = object;
    }
    object_unlock();
    return object != NULL;
}
