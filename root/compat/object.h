/* SPDX-License-Identifier: MIT */
/* What handles name: a fixed table, so that a handle can be told from any other pointer. Inside root/compat only. */
#pragma once

#include "abi/handoff.h"
#include "abi/hypercall.h"
#include "root/compat/thread_state.h"

#define OBJECTS 1024u

enum object_kind {
    OBJECT_FREE,
    OBJECT_EVENT,
    OBJECT_MUTEX,
    OBJECT_SEMAPHORE,
    OBJECT_THREAD,
    OBJECT_FILE,
    OBJECT_ANY, /* of object_find */
};

struct object {
    struct whb_event doorbell; /* first: the handle is its address, to which the hypervisor adds */
    enum object_kind kind;
    uint32_t references; /* handles, and the thread itself */
    __extension__ union {
        struct {
            uint64_t seen; /* of the doorbell's signals, those that were waited for */
            bool manual, set;
        } event;
        struct {
            struct thread_state *owner; /* NULL: free */
            uint32_t count;
            bool abandoned; /* its last owner ended with it */
        } mutex;
        struct {
            LONG count, maximum;
        } semaphore;
        struct {
            struct thread_state *state; /* while it lives */
            DWORD id, exit_code;
            bool suspended, ended;
        } thread;
        struct {
            const struct whb_module *module;
            uint64_t position;
        } file;
    };
};

/* One lock for the table and all that is in it. Held for a few instructions. */
void object_lock(void);
void object_unlock(void);

/* With the lock. A new object with one reference; NULL, ERROR_NO_SYSTEM_RESOURCES: the table is full. */
struct object *object_create(enum object_kind kind);
/* With the lock. NULL, ERROR_INVALID_HANDLE: the handle names none of this kind. */
struct object *object_find(HANDLE handle, enum object_kind kind);
/* With the lock. */
void object_release(struct object *object);
/* With the lock: the thread has ended. Its mutexes are abandoned. */
void object_abandon_mutexes(const struct thread_state *owner);
