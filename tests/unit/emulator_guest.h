/* SPDX-License-Identifier: MIT */
/* A guest for the emulator's unit tests: registers, 1 MiB of memory, pages that can be moved or missing, and a log. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define GUEST_MEMORY 0x100000u
#define LOG_ENTRIES 64u
#define GDT_ENTRIES 16u

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 };

struct access_log {
    uint64_t gpa, data;
    uint8_t direction, size;
};

struct emulated_guest {
    WHV_EMULATOR_HANDLE emulator;
    uint64_t gpr[16], rip, rflags;
    uint64_t cr0, cr4, efer, dr[4], dr7, interrupt_state, pending_debug;
    uint64_t gdt, fpu_status; /* the GDT has GDT_ENTRIES descriptors */
    uint64_t mmx[8];
    WHV_X64_SEGMENT_REGISTER segment[6];
    WHV_X64_PENDING_EXCEPTION_EVENT event; /* what the emulator gave the guest */
    WHV_X64_VP_EXECUTION_STATE state;
    uint8_t memory[GUEST_MEMORY];

    uint64_t moved_from, moved_to; /* page addresses: this GVA has that GPA; others are equal */
    uint64_t missing;              /* a page without translation; 0: none */
    WHV_TRANSLATE_GVA_RESULT_CODE missing_code;
    bool missing_leaves_gpa;                                             /* the translation gives no address for it */
    unsigned fail_get, fail_set, fail_memory, fail_translate, fail_port; /* the nth call fails; 0: none */
    uint64_t misalign;                                                   /* added to translations */

    unsigned gets, sets, memories, translates, ports;
    uint32_t last_flags; /* of the last translation */
    struct access_log log[LOG_ENTRIES], port_log[LOG_ENTRIES];
    uint32_t port_value; /* what reads of ports give, 1 more each time */

    WHV_VP_EXIT_CONTEXT vp;
    WHV_MEMORY_ACCESS_CONTEXT access;
    WHV_X64_IO_PORT_ACCESS_CONTEXT io;
    WHV_EMULATOR_STATUS status;
    struct whb_emulator_report report;
};

/* Status bits. */
#define DONE 0x1u
#define INTERNAL 0x2u
#define PORT_FAILED 0x4u
#define MEMORY_FAILED 0x8u
#define TRANSLATE_FAILED 0x10u
#define NOT_ALIGNED 0x20u
#define GET_FAILED 0x40u
#define SET_FAILED 0x80u
#define INTERRUPTED 0x100u
#define FAULTS 0x200u

/* The one guest, in a new state: flat segments, or real mode's with bases 0x10000 (ES), 0 (CS), 0x20000 (SS, DS...). */
struct emulated_guest *new_guest(enum emulator_mode mode);

/* Puts the code at RIP and emulates it with its bytes in the exit; returns the status. */
uint32_t emulate_memory(struct emulated_guest *g, const uint8_t *begin, const uint8_t *end);
/* With what is in `access`, `io`: the caller filled them. */
uint32_t emulate_exit(struct emulated_guest *g);
uint32_t emulate_port(struct emulated_guest *g, const uint8_t *begin, const uint8_t *end);

/* The attempt succeeded and gave the guest this exception, with RIP and registers as they were. */
void assert_exception(const struct emulated_guest *g, unsigned vector, uint32_t error_code, uint64_t cr2);

/* A piece of guest code, in the assembler's syntax. */
#define CODE(name, bits, text)                                                                                         \
    __asm__(".pushsection .rodata\n.code" #bits "\ncode_" #name ": " text "\ncode_" #name                              \
            "_end:\n.code64\n.popsection");                                                                            \
    extern const uint8_t code_##name[], code_##name##_end[]
#define EMULATE(g, name) emulate_memory(g, code_##name, code_##name##_end)
#define EMULATE_PORT(g, name) emulate_port(g, code_##name, code_##name##_end)
#define LENGTH(name) ((uint64_t)(code_##name##_end - code_##name))
