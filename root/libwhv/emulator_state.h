/* SPDX-License-Identifier: MIT */
/*
 * One attempt at one instruction. It works on a copy of the guest's registers; the guest gets them all at the end, or
 * not at all. Every function that can fail returns false with the reason in `status`, or in `exception` if it is the
 * guest's own.
 */
#pragma once

#include "root/libwhv/WinHvEmulation.h"
#include "root/libwhv/emulator_decode.h"
#include "root/libwhv/whimbrel_ext.h"

#define EMULATOR_GPRS 16u
#define EMULATOR_SEGMENTS 6u
#define EMULATOR_PAGE 4096u
#define EMULATOR_RSP 4u
#define EMULATOR_TRANSLATIONS 4u /* an instruction touches at most two operands over two pages each */
#define EMULATOR_MMX 8u
#define EMULATOR_OTHERS (EMULATOR_MMX + 4u)

struct emulator {
    WHV_EMULATOR_CALLBACKS callbacks;
    struct emulator_decoder *decoder;
    bool by_elements;                  /* an attempt at a repeated string instruction does one element */
    bool by_library;                   /* emulator_move.c decodes nothing: for tests, which compare the two decoders */
    enum emulator_mode mode;           /* of the last attempt */
    struct whb_emulator_report report; /* of it; the text is made when it is asked for */
};

struct emulator_translation {
    uint64_t gva, gpa; /* of pages */
    uint32_t rights;   /* WHV_TRANSLATE_GVA_FLAGS that were checked */
};

enum emulator_vector {
    EXCEPTION_DE = 0,
    EXCEPTION_UD = 6,
    EXCEPTION_NM = 7,
    EXCEPTION_DF = 8,
    EXCEPTION_TS = 10,
    EXCEPTION_NP = 11,
    EXCEPTION_SS = 12,
    EXCEPTION_GP = 13,
    EXCEPTION_PF = 14,
    EXCEPTION_AC = 17,
};

/* What the instruction raises: it is the guest's at the end of the attempt. */
struct emulator_exception {
    bool due;
    enum emulator_vector vector;
    uint32_t error_code;
    uint64_t address; /* linear, of the access; 0: none */
};

struct emulation {
    struct emulator *emulator;
    void *context;
    const WHV_VP_EXIT_CONTEXT *vp;
    WHV_EMULATOR_STATUS status;
    struct emulator_exception exception;
    enum emulator_mode mode;

    uint64_t rip, rflags;
    uint16_t gpr_changed; /* bit n: register n */
    uint8_t vector_number;
    bool vector_read, vector_changed;
    bool mmx_read;

    uint64_t dr7; /* 0: no breakpoint is on */
    bool watches_ports;
    uint8_t hits;       /* bit n: an access met breakpoint n */
    bool goes_on;       /* a repetition between two of its elements */
    bool begins_shadow; /* it loaded SS */

    unsigned others;       /* entries of other_name and other */
    unsigned translations; /* made so far; the last ones are in translation */

    /* From here on nothing is cleared at the beginning of an attempt, but insn.operation. */
    struct emulator_instruction insn;
    uint64_t gpr[EMULATOR_GPRS];
    WHV_X64_SEGMENT_REGISTER segment[EMULATOR_SEGMENTS]; /* those that insn can need */
    WHV_UINT128 vector;                                  /* if vector_read: the one XMM register that insn names */
    uint64_t cr0, cr4;                                   /* with vector or MMX registers alone */
    uint64_t dr[4];                                      /* if dr7 is not 0 */
    struct emulator_translation translation[EMULATOR_TRANSLATIONS];
    WHV_REGISTER_NAME other_name[EMULATOR_OTHERS]; /* other registers that change */
    WHV_REGISTER_VALUE other[EMULATOR_OTHERS];
    WHV_REGISTER_VALUE mmx[EMULATOR_MMX], fp_control; /* if mmx_read: as FXSAVE has them */
};

/* emulator.c: each element of a repeated string instruction is an attempt of its own. */
void emulator_by_elements(WHV_EMULATOR_HANDLE handle);

/* emulator_registers.c */

/* The mode and what else VpContext says. */
void emulator_begin(struct emulation *e);
/* Reads what e->insn can need. */
bool emulator_load_registers(struct emulation *e);
/* Gives the guest all that changed, RIP and RFLAGS among it, in one callback. */
bool emulator_store_registers(struct emulation *e);
/* The same where the instruction ends in an exception: RIP stays. */
bool emulator_store_fault(struct emulation *e, const WHV_X64_PENDING_EXCEPTION_EVENT *event);
uint64_t emulator_gpr(const struct emulation *e, unsigned number, unsigned size);
/* As the processor does: 4 bytes clear the upper half, 1 and 2 bytes keep the rest. */
void emulator_set_gpr(struct emulation *e, unsigned number, unsigned size, uint64_t value);
/* RIP = `rip` cut to what the mode has. */
void emulator_set_rip(struct emulation *e, uint64_t rip);
/* Reads registers that emulator_load_registers has not. */
bool emulator_get(struct emulation *e, const WHV_REGISTER_NAME *names, unsigned count, WHV_REGISTER_VALUE *values);
bool emulator_get_one(struct emulation *e, unsigned name, WHV_REGISTER_VALUE *value);
/* Another register that goes to the guest at the end, at most EMULATOR_OTHERS. */
void emulator_set_other(struct emulation *e, unsigned name, WHV_REGISTER_VALUE value);

/* emulator_memory.c */

enum emulator_access { EMULATOR_READ = 1, EMULATOR_WRITE = 2, EMULATOR_READ_WRITE = 3 };

/* Linear address of `size` bytes at segment:offset (offset cut to address size already), checked as a processor does.
 */
bool emulator_linear(struct emulation *e, enum emulator_segment segment, uint64_t offset, unsigned size,
                     enum emulator_access access, uint64_t *linear);
/* Translates all pages of an access, so that a later part cannot fail after an earlier one was made. */
bool emulator_prepare(struct emulation *e, uint64_t linear, unsigned size, enum emulator_access access);
/* `size` bytes at a linear address, 1 to 16, through the memory callback in pieces of 1, 2, 4, 8 bytes in one page. */
bool emulator_read(struct emulation *e, uint64_t linear, void *data, unsigned size);
bool emulator_write(struct emulation *e, uint64_t linear, const void *data, unsigned size);
/* The same for the processor's own accesses to descriptor tables, whatever the CPL (SDM vol. 3A, 4.6). */
bool emulator_read_system(struct emulation *e, uint64_t linear, void *data, unsigned size);
bool emulator_write_system(struct emulation *e, uint64_t linear, void *data, unsigned size);
/* Code bytes at CS:RIP + skip; returns how many came, at most `size`. None: status says why. */
unsigned emulator_fetch(struct emulation *e, unsigned skip, uint8_t *bytes, unsigned size);
/* What is known from the exit itself. */
void emulator_know_page(struct emulation *e, uint64_t gva, uint64_t gpa, enum emulator_access access);

/* emulator_fault.c */

/* The instruction raises this exception, unless `status` has another reason for its end. Returns false. */
bool emulator_fault(struct emulation *e, enum emulator_vector vector, uint32_t error_code, uint64_t address);
/* What a walk of the guest's tables that failed means to the guest. `rights`: WHV_TRANSLATE_GVA_FLAGS. Returns false.
 */
bool emulator_translation_fault(struct emulation *e, uint64_t gva, uint32_t rights, WHV_TRANSLATE_GVA_RESULT_CODE code);
/* Of 48 bits, or of 57 with CR4.LA57. False also if that could not be read, with `status`. */
bool emulator_canonical(struct emulation *e, uint64_t address);
/* #AC for an access of `size` bytes. */
bool emulator_check_alignment(struct emulation *e, uint64_t linear, unsigned size);
/* Gives the guest `exception`, in one callback. */
bool emulator_inject(struct emulation *e);

/* emulator_completion.c */

/* Reads the breakpoints, if any is on. */
bool emulator_load_breakpoints(struct emulation *e);
/* The instruction makes this access. */
void emulator_watch(struct emulation *e, uint64_t linear, unsigned size, bool write);
void emulator_watch_port(struct emulation *e, uint16_t port, unsigned size);
/* Whether a trap is due behind what was done so far: a repetition stops there. */
bool emulator_traps(const struct emulation *e);
/* The registers that finish the instruction, as many as `count` says, at most WHB_COMPLETION_REGISTERS. */
bool emulator_complete(struct emulation *e, WHV_REGISTER_NAME *names, WHV_REGISTER_VALUE *values, uint32_t *count);

/* emulator_execute.c, emulator_bits.c, emulator_string.c: one family each. They leave RIP behind the instruction. */

bool emulator_execute(struct emulation *e);
bool emulator_execute_bit_test(struct emulation *e);
bool emulator_execute_double_shift(struct emulation *e);
bool emulator_execute_bit_scan(struct emulation *e);
bool emulator_execute_multiply(struct emulation *e);
bool emulator_execute_divide(struct emulation *e);
bool emulator_execute_machine_status(struct emulation *e);
/* Into a segment register, and far branches. */
bool emulator_execute_segment(struct emulation *e);
/* The value of a segment register becomes `selector`'s, with all checks. Not CS. */
bool emulator_load_segment(struct emulation *e, enum emulator_segment segment, uint16_t selector);
bool emulator_branch_far(struct emulation *e);
/* Whether that many bytes fit below the stack pointer after `skip` others; pushes. */
bool emulator_prepare_push(struct emulation *e, unsigned skip, unsigned size);
bool emulator_push(struct emulation *e, uint64_t value, unsigned size);
bool emulator_execute_string(struct emulation *e);
bool emulator_execute_vector(struct emulation *e);
bool emulator_execute_stack(struct emulation *e);
bool emulator_execute_port(struct emulation *e);
bool emulator_port(struct emulation *e, bool write, uint16_t port, unsigned size, uint32_t *data);

/* Operands of e->insn. The address of a memory operand, with `extra` bytes added to its offset. */
bool emulator_operand_address(struct emulation *e, const struct emulator_operand *o, int64_t extra, unsigned size,
                              enum emulator_access access, uint64_t *linear);
/* All that reading or writing it can raise; nothing of a register. `linear` is that of memory. */
bool emulator_prepare_operand(struct emulation *e, unsigned which, enum emulator_access access, uint64_t *linear);
bool emulator_read_operand(struct emulation *e, unsigned which, enum emulator_access access, uint64_t *value);
bool emulator_write_operand(struct emulation *e, unsigned which, uint64_t value);
