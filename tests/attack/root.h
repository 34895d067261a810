/* SPDX-License-Identifier: MIT */
/*
 * The root attacks by what it executes itself: a step is a few random privileged instructions on its own root VP, after
 * which the CPU is put in order again. Faults are the CPU's own to take, through its IDT.
 */
#pragma once

#include "tests/attack/attack.h"

#define STEP_CODE 64u /* bytes of a step's code at most, with its end */

enum step_register { STEP_RAX, STEP_RCX, STEP_RDX, STEP_RBX, STEP_RSI, STEP_RDI, STEP_REGISTERS };

/* root_steps.S knows the layout of the first members. */
struct step_cpu {
    uint64_t rsp; /* not 0: a step is under way, and an exception ends it there */
    uint64_t code;
    uint64_t rflags;
    uint64_t registers[STEP_REGISTERS]; /* before the step, and after one that ended by itself */
    bool faulted;                       /* the step ended by an exception */
    uint64_t vector;                    /* which */
    uint32_t single_steps;              /* #DB taken in the step */
    struct attacker *a;
    uint8_t *page;  /* of the step's code */
    uint8_t *modes; /* below 1 MiB: root_modes.S */
    uint64_t partition;
    struct whb_run_page *run;
    uint64_t cr0, cr3, cr4, xcr0; /* as they are between steps */
    bool waits;                   /* atomic: sent INIT to itself, and wants to be restarted */
    bool done;                    /* atomic */
};

extern struct step_cpu step_cpus[ROOT_MAX_CPUS];

/* Runs the code at `code` with the registers; returns when it returns or faults. */
void step_run(struct step_cpu *s);
extern const uint8_t step_left[];

/* Bytes of a step, and its end. */
struct step_code {
    uint8_t *bytes;
    uint32_t size;
};
void step_put(struct step_code *c, const uint8_t *bytes, uint32_t count);

/* Kinds of steps. Each makes one and runs it. */
struct step_kind {
    const char *name;
    void (*step)(struct step_cpu *s);
    uint8_t weight;
};
extern const struct step_kind step_kinds[];
extern const uint32_t step_kind_count;

/* Executes these bytes, now and then under RFLAGS.TF or behind a MOV SS; true: without an exception but #DB. */
bool step_execute(struct step_cpu *s, const uint8_t *bytes, uint32_t count);
/* The local APIC is on, and nothing in service keeps the timer's interrupt back. */
void step_end_interrupts(void);
/* For a while in which another CPU must neither restart this one nor send it NMIs. */
void step_lock(void);
void step_unlock(void);

/* An excursion out of 64-bit mode and back (root_modes.c). */
void step_modes(struct step_cpu *s);
void modes_prepare(struct step_cpu *s, uint32_t cpu);

/* Memory, ports and interrupts (root_touch.c). */
void step_memory(struct step_cpu *s);
void step_port(struct step_cpu *s);
void step_icr(struct step_cpu *s);
void step_init_self(struct step_cpu *s);
void touch_prepare(struct step_cpu *s, const struct whb_handoff *machine);
