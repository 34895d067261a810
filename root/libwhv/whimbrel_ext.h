/* SPDX-License-Identifier: MIT */
/* What libwhv offers beyond the Windows Hypervisor Platform. */
#pragma once

#include <stdbool.h>

#include "abi/hypercall.h"
#include "abi/language.h"
#include "abi/run_page.h"
#include "root/libwhv/WinHvEmulation.h"
#include "root/libwhv/WinHvPlatform.h"
#include "root/libwhv/entry_check/codes.h"

WHB_BEGIN_C

/* HRESULT_FROM_WIN32(ERROR_RETRY): WHB_ERROR_INTERRUPTED. The VP did not exit; take the interrupt and run again. */
#define WHB_HR_INTERRUPTED ((HRESULT)0x800704d5)

/*
 * Properties beyond those of WHP, for WHvGetPartitionProperty and WHvSetPartitionProperty: a UINT64 each. At its bound
 * a partition's calls that need memory of the hypervisor give E_OUTOFMEMORY (abi/hypercall.h).
 */
#define WhbPartitionPropertyCodeHeapBound ((WHV_PARTITION_PROPERTY_CODE)WHB_PROPERTY_HEAP_BOUND)
#define WhbPartitionPropertyCodeHeapUsed ((WHV_PARTITION_PROPERTY_CODE)WHB_PROPERTY_HEAP_USED)

/*
 * New rights for a range that is mapped, in one step: no VP sees part of it. `flags` as in WHvMapGpaRange.
 * WHV_E_GPA_RANGE_NOT_FOUND: part of the range is not mapped, nothing changed.
 */
HRESULT whb_protect_gpa_range(WHV_PARTITION_HANDLE partition, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size,
                              WHV_MAP_GPA_RANGE_FLAGS flags);

/*
 * Posted writes (docs/posted-writes.md): from now on plain writes of the partition's guest to this range (bytes, or
 * ports with WHB_POSTED_PORT in `address`) do not end a run but wait until they are taken. E_INVALIDARG: a range that
 * cannot be, or part of one that was added; E_OUTOFMEMORY: also WHB_MAX_POSTED_RANGES; WHB_HR_INVALID_STATE: no setup
 * yet.
 */
HRESULT whb_add_posted_range(WHV_PARTITION_HANDLE partition, UINT64 address, UINT64 size);

/* A range as it was added, else WHB_HR_NOT_FOUND. What waits stays; nothing comes after the return. */
HRESULT whb_remove_posted_range(WHV_PARTITION_HANDLE partition, UINT64 address, UINT64 size);

/* How many writes of the VP wait: after a run, those that came before its exit. 0 also if there is no such VP. */
UINT32 whb_posted_waiting(WHV_PARTITION_HANDLE partition, UINT32 vp_index);

/*
 * Takes the oldest writes of a VP, at most `room`, in their order; `*taken` is how many. From any CPU, also while the
 * VP runs, but on one CPU at a time. E_POINTER, and the errors of a handle or an index that names no VP.
 */
HRESULT whb_take_posted_writes(WHV_PARTITION_HANDLE partition, UINT32 vp_index, struct whb_posted_write *writes,
                               UINT32 room, UINT32 *taken);

/* The VP's run page (abi/run_page.h); NULL if there is no such partition or VP. */
struct whb_run_page *whb_run_page(WHV_PARTITION_HANDLE partition, UINT32 vp_index);

/* The partition's handle in hypercalls. */
uint64_t whb_handle(WHV_PARTITION_HANDLE partition);

/* The HRESULT for a hypercall's status. */
HRESULT whb_hresult(enum whb_status status);

/* One step on the way to a triple fault. */
struct whb_exception_step {
    uint8_t vector;
    uint8_t type; /* of the interruption information: 3 hardware exception, 4 INT n, 6 INT3 or INTO, ... */
    uint8_t has_error_code;
    uint8_t escalation; /* 1: it and the step before it made a double fault; 2: raised in the double fault's delivery */
    uint32_t error_code;
    uint64_t parameter; /* #PF: the linear address; #DB: bits for DR6; otherwise 0 */
    uint64_t rip;       /* of the instruction or event delivery that raised it */
};

#define WHB_MAX_EXCEPTION_STEPS 4u

/* Why the VP's last record was UnrecoverableException or InvalidVpRegisterValue; all zero for other records. */
struct whb_vp_diagnostics {
    uint64_t sequence;    /* of the record that this explains, as in the run page */
    uint32_t exit_reason; /* WHV_RUN_VP_EXIT_REASON of that record */
    uint32_t step_count;  /* valid members of `steps`, oldest first; 0: not known */
    struct whb_exception_step steps[WHB_MAX_EXCEPTION_STEPS];
    uint32_t check;         /* enum whb_entry_check: the first check that fails; 0: none found */
    uint32_t register_name; /* WHV_REGISTER_NAME of the register it is about */
    uint64_t value[2];      /* that register's value, as WHvGetVirtualProcessorRegisters gives it */
};

/*
 * Why the VP's last record was UnrecoverableException or InvalidVpRegisterValue; all zero if it was another one. The
 * second is explained by the registers as they are when this is called: call it before you change one. E_POINTER, and
 * the errors of a handle or an index that names no VP.
 */
HRESULT whb_vp_diagnostics(WHV_PARTITION_HANDLE partition, UINT32 vp_index, struct whb_vp_diagnostics *diagnostics);

/* What `check` of struct whb_vp_diagnostics means, in English: "EFER.LMA without CR4.PAE". Never null. */
const char *whb_entry_check_text(uint32_t check);

/*
 * The calling CPU's exit trace (docs/exit-trace.md): a ring of so many entries, a power of two from
 * WHB_TRACE_MIN_ENTRIES to WHB_TRACE_MAX_ENTRIES; 0 turns it off and frees the ring. E_INVALIDARG, E_OUTOFMEMORY, and
 * the HRESULT of WHB_ERROR_INVALID_STATE if a trace is on already.
 */
HRESULT whb_trace_set(UINT32 entries);

/*
 * Reads the calling CPU's trace: a struct whb_trace_read and, from `position` on, as many entries as there are, as fit
 * in `size` bytes, at most WHB_TRACE_MAX_READ. `written` (bytes) may be null. E_POINTER, WHV_E_INSUFFICIENT_BUFFER, and
 * the HRESULT of WHB_ERROR_INVALID_STATE if the trace is off.
 */
HRESULT whb_trace_read(UINT64 position, VOID *buffer, UINT32 size, UINT32 *written);

/* What an emulator handle knows of its last attempt, for the cases where the status alone says little. */
struct whb_emulator_report {
    char instruction[96];  /* its text, Intel syntax, lower case; "" if it could not be decoded */
    uint8_t bytes[15];     /* its code bytes as far as they were read, longer if it could not be decoded */
    uint8_t byte_count;    /* valid ones of `bytes` */
    uint8_t fault_pending; /* 1: the instruction raised this exception, which the guest has got */
    uint8_t fault_vector;
    uint8_t reserved[2];
    uint32_t fault_error;   /* its error code, 0 if it has none */
    uint64_t fault_address; /* linear address of the access, bytes: #PF, #AC, and after GuestCannotBeFaulted */
};

/* E_POINTER: a null pointer. */
HRESULT whb_emulator_report(WHV_EMULATOR_HANDLE emulator, struct whb_emulator_report *report);

/*
 * How an instruction ended that a client carried out for a guest (docs/completion.md). whb_plain_completion makes the
 * usual one of an exit with an InstructionLength; what else it was is changed in it.
 */
struct whb_completion {
    UINT64 rip;    /* where the guest goes on: behind it, or its target */
    UINT64 rflags; /* as the instruction left them; RF is not looked at */
    /* The registers of these names as they are now; they count only if whb_completion_is_special says so. */
    UINT64 interrupt_state, pending_debug;
    UINT8 hits;          /* bits 0 to 3: breakpoints that its accesses met (abi/breakpoints.h) */
    UINT8 goes_on;       /* 1: a repetition between two of its elements, and `rip` is its own */
    UINT8 begins_shadow; /* 1: it loaded SS, or it was an STI that set IF */
};

#define WHB_COMPLETION_REGISTERS 4u

struct whb_completion whb_plain_completion(const WHV_VP_EXIT_CONTEXT *exit);

/* Whether it changes WHvRegisterInterruptState or WHvX64RegisterPendingDebugException, which must have been read then.
 */
bool whb_completion_is_special(const WHV_VP_EXIT_CONTEXT *exit, const struct whb_completion *how);

/*
 * The registers that finish the instruction of `exit` as the processor would have: RIP, and where it takes them RFLAGS,
 * the interrupt shadow and pending debug exceptions. How many they are; the client sets them in one call together with
 * what else the instruction changed. `how`: NULL is the plain one. Calls nothing.
 */
UINT32 whb_complete_instruction(const WHV_VP_EXIT_CONTEXT *exit, const struct whb_completion *how,
                                WHV_REGISTER_NAME names[WHB_COMPLETION_REGISTERS],
                                WHV_REGISTER_VALUE values[WHB_COMPLETION_REGISTERS]);

WHB_END_C
