/* SPDX-License-Identifier: MIT */
/*
 * Hardware task switches of 32- and 16-bit TSSs (SDM vol. 3A, 8.2, 8.3). The processor has checked gate, selector and
 * TSS descriptor before it reports one (vol. 3C, 26.4.2). Pure: registers are a struct, memory comes by callbacks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "root/libwhv/WinHvPlatform.h"

enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE };

enum { TASK_ES, TASK_CS, TASK_SS, TASK_DS, TASK_FS, TASK_GS, TASK_SEGMENTS };

struct task_registers {
    uint32_t gpr[8]; /* EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI */
    uint32_t eip, eflags;
    uint64_t cr0, cr3, dr7;
    uint64_t gdt_base;
    uint32_t gdt_limit;
    WHV_X64_SEGMENT_REGISTER segment[TASK_SEGMENTS], ldtr, tr;
};

struct task_event {
    enum task_source source;
    uint16_t selector; /* of the new TSS */
    uint32_t next_eip; /* what the old task goes on with */
    bool has_error;    /* an exception's error code is pushed on the new stack */
    uint32_t error;
    bool external; /* EXT of the error codes of faults: no instruction of the guest's asked for the switch */
};

/* Linear addresses, as the processor's own accesses: without regard to CPL. False: #PF; `*error` is its code. */
struct task_memory {
    void *context;
    bool (*read)(void *context, uint64_t linear, void *to, uint32_t size, uint32_t *error);
    bool (*write)(void *context, uint64_t linear, const void *from, uint32_t size, uint32_t *error);
    void (*set_cr3)(void *context, uint64_t cr3); /* accesses go by the new page tables from here on */
};

struct task_fault {
    bool raised;
    bool is_page_fault;
    uint8_t vector;
    uint32_t error;
    uint64_t address; /* #PF */
};

/*
 * Switches. A fault before the new task is there leaves `r` and memory alone, and is the old task's; a later one finds
 * `r` in the new task. False: the former. `*trap`: the new TSS's T bit asks for #DB with DR6.BT.
 */
bool task_switch(struct task_registers *r, const struct task_event *event, const struct task_memory *memory,
                 struct task_fault *fault, bool *trap);
