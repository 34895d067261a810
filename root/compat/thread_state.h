/* SPDX-License-Identifier: MIT */
/* What root/compat keeps of a thread. Inside root/compat only. */
#pragma once

#include <stdbool.h>

#include "root/compat/processthreadsapi.h"

struct object;

struct thread_state {
    struct thread_state *self; /* GS's base is here: GS:0 is the address */
    uint32_t cpu;              /* its index */
    DWORD id;
    DWORD last_error;
    int error_number;
    void *tls[TLS_MINIMUM_AVAILABLE];
    struct object *object; /* what its handles name; NULL: the CPU is free */
    LPTHREAD_START_ROUTINE start;
    void *parameter;
    void *stack; /* kept for the CPU's next thread */
    size_t stack_size;
    uint64_t saved_rsp; /* of thread_call_on, for thread_leave */
};

static inline struct thread_state *thread_self(void)
{
    struct thread_state *self;
    __asm__("movq %%gs:0, %0" : "=r"(self));
    return self;
}

/* On the first CPU, before main: its thread. */
void thread_init_main(void);

/* Sets the thread's error and gives FALSE. */
static inline BOOL fail(DWORD error)
{
    thread_self()->last_error = error;
    return FALSE;
}

/* stack.S: calls fn(arg) on another stack; returns when fn does, or thread_leave is called with what it saved. */
void thread_call_on(void (*fn)(void *), void *arg, void *stack_top, uint64_t *saved_rsp);
__attribute__((noreturn)) void thread_leave(uint64_t saved_rsp);

/* Since the start of the program; and the TSC at which so many milliseconds are over. */
uint64_t time_ticks(void);
uint64_t time_deadline(DWORD milliseconds);
bool time_is_over(uint64_t deadline);
void time_init(uint32_t tsc_khz);

/* The files: the hand-off's modules. */
struct whb_handoff;
void modules_init(const struct whb_handoff *handoff);
