/* SPDX-License-Identifier: MIT */
/*
 * The hypercall interface between the root partition and the hypervisor.
 *
 * A hypercall is VMCALL executed by a root VP at CPL 0 in 64-bit mode. Anywhere else (a guest VP, root CPL 3, root code
 * outside 64-bit mode) VMCALL raises #UD, as on a processor without a hypervisor (SDM vol. 3C, 31.3, VMCALL).
 *
 *   in   RAX  bits 15:0 call number (enum whb_call), bits 31:16 ABI major version (WHB_ABI_MAJOR), bits 63:32 zero
 *        RDI, RSI, RDX, RCX, R8   arguments 1 to 5; registers a call does not use are ignored
 *   out  RAX  status (enum whb_status); RDX  the call's value, 0 if it has none or failed
 * All other registers keep their values. RFLAGS keeps its value.
 *
 * Buffers are named by root physical address. They must lie wholly in RAM that the root owns; the hypervisor reads each
 * byte at most once. A status other than WHB_OK means that nothing changed, but for VP_RUN's INTERRUPTED and
 * APIC_ACCESS. docs/hypercalls.md documents each call.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/language.h"
#include "abi/posted_write.h"

#define WHB_ABI_MAJOR 2u
#define WHB_ABI_MINOR 1u

/* Builds RAX of a hypercall. */
#define WHB_CALL(number) (((uint64_t)WHB_ABI_MAJOR << 16) | (uint64_t)(number))

enum whb_call {
    WHB_CALL_VERSION = 0,           /* () -> (major << 16) | minor */
    WHB_CALL_LOG_READ = 1,          /* (position, buffer, size) -> bytes copied; see struct whb_log_read */
    WHB_CALL_STATISTICS = 2,        /* (buffer, size) -> bytes written; struct whb_statistics */
    WHB_CALL_AUDIT_MAPPINGS = 3,    /* (buffer, size) -> bytes written; struct whb_mapping_audit */
    WHB_CALL_GET_CAPABILITY = 4,    /* (code, buffer, size) -> bytes needed or written */
    WHB_CALL_PARTITION_CREATE = 5,  /* () -> partition handle */
    WHB_CALL_PARTITION_SETUP = 6,   /* (partition) */
    WHB_CALL_PARTITION_DELETE = 7,  /* (partition) */
    WHB_CALL_PROPERTY_GET = 8,      /* (partition, code, buffer, size) -> bytes needed or written */
    WHB_CALL_PROPERTY_SET = 9,      /* (partition, code, buffer, size) */
    WHB_CALL_GPA_MAP = 10,          /* (partition, struct whb_extent[], count) -> bytes mapped; see below */
    WHB_CALL_GPA_UNMAP = 11,        /* (partition, gpa, size) */
    WHB_CALL_VP_CREATE = 12,        /* (partition, vp index, run page root physical address) */
    WHB_CALL_VP_DELETE = 13,        /* (partition, vp index) */
    WHB_CALL_VP_RUN = 14,           /* (partition, vp index); the exit record is in the run page */
    WHB_CALL_VP_CANCEL = 15,        /* (partition, vp index) */
    WHB_CALL_VP_GET_REGISTERS = 16, /* (partition, vp index, names, values, count) */
    WHB_CALL_VP_SET_REGISTERS = 17, /* (partition, vp index, names, values, count) */
    WHB_CALL_GPA_PROTECT = 18,      /* (partition, gpa, size, flags) */
    WHB_CALL_GPA_DIRTY = 19,        /* (partition, gpa, size, bitmap, bitmap bytes); reads and clears, see below */
    WHB_CALL_GPA_READ = 20,         /* (partition, gpa, buffer, size) */
    WHB_CALL_GPA_WRITE = 21,        /* (partition, gpa, buffer, size) */
    WHB_CALL_TRANSLATE_GVA = 22,    /* (partition, vp index, gva, WHV_TRANSLATE_GVA_FLAGS, struct whb_translation) */
    WHB_CALL_VP_STATE_GET = 23,     /* (partition, vp index, type, buffer, size) -> bytes needed or written */
    WHB_CALL_VP_STATE_SET = 24,     /* (partition, vp index, type, buffer, size) */
    WHB_CALL_INTERRUPT = 25, /* (partition, first 8 bytes of WHV_INTERRUPT_CONTROL, destination | vector << 32) */
    WHB_CALL_PARTITION_COUNTERS = 26, /* (partition, set, buffer, size) -> bytes needed or written */
    WHB_CALL_VP_COUNTERS = 27,        /* (partition, vp index, set, buffer, size) -> bytes needed or written */
    WHB_CALL_TIME_SUSPEND = 28,       /* (partition) */
    WHB_CALL_TIME_RESUME = 29,        /* (partition) */
    WHB_CALL_PARTITION_RESET = 30,    /* (partition) */
    WHB_CALL_DOORBELL_ADD = 31,       /* (partition, WHV_DOORBELL_MATCH_DATA, struct whb_event) */
    WHB_CALL_DOORBELL_REMOVE = 32,    /* (partition, WHV_DOORBELL_MATCH_DATA) */
    WHB_CALL_CPUID_OUTPUT = 33,       /* (partition, vp index, leaf | subleaf << 32, buffer of 16 bytes) */
    WHB_CALL_FAIL_ALLOCATION = 35,    /* (k) -> allocations since the last such call; only with the option test-calls */
    WHB_CALL_TRACE_SET = 36,          /* (entries); the calling CPU's exit trace: a ring of so many, 0: off */
    WHB_CALL_TRACE_READ = 37,         /* (position, buffer, size) -> bytes written; see struct whb_trace_read */
    WHB_CALL_INSTRUCTION_COUNTS = 38, /* (buffer, size) -> bytes; struct whb_instruction_counts; counter builds only */
    WHB_CALL_POSTED_ADD = 39,         /* (partition, address, size); abi/posted_write.h */
    WHB_CALL_POSTED_REMOVE = 40,      /* (partition, address, size) */
    WHB_CALL_APIC_ACCESS = 41,        /* (partition, vp index, offset, 1: write, value) -> value; see below */
    WHB_CALL_COUNT = 42,
};

enum whb_status {
    WHB_OK = 0,
    WHB_ERROR_UNKNOWN_CALL = 1,        /* no such call number, or reserved bits of RAX set */
    WHB_ERROR_VERSION = 2,             /* RAX names another ABI major version */
    WHB_ERROR_INVALID_ARGUMENT = 3,    /* an argument is malformed: alignment, range, flags, count, reserved bits */
    WHB_ERROR_ACCESS_DENIED = 4,       /* memory that the root does not own, or is not RAM where RAM is needed */
    WHB_ERROR_OUT_OF_MEMORY = 5,       /* the hypervisor's heap or a fixed table is full */
    WHB_ERROR_INVALID_HANDLE = 6,      /* no such partition (never created, or deleted) */
    WHB_ERROR_INVALID_STATE = 7,       /* partition not set up yet, or set up already */
    WHB_ERROR_BUSY = 8,                /* the object is in use on another CPU: running, or in another call */
    WHB_ERROR_VP_EXISTS = 9,           /* a VP with this index exists */
    WHB_ERROR_VP_ABSENT = 10,          /* no VP with this index */
    WHB_ERROR_GPA_NOT_MAPPED = 11,     /* part of the range is not mapped */
    WHB_ERROR_UNKNOWN_PROPERTY = 12,   /* property code not known */
    WHB_ERROR_UNKNOWN_CAPABILITY = 13, /* capability code not known */
    WHB_ERROR_BUFFER_TOO_SMALL = 14,   /* RDX has the number of bytes needed */
    WHB_ERROR_UNKNOWN_REGISTER = 15,   /* a register name is not known; nothing read or written */
    WHB_ERROR_INVALID_REGISTER = 16,   /* a register value can never be valid; nothing written */
    WHB_ERROR_INVALID_CONFIG = 17,     /* PARTITION_SETUP: a mandatory property is missing */
    WHB_ERROR_INTERRUPTED = 18,        /* VP_RUN with RFLAGS.IF = 0: a physical interrupt is pending; run again after
                                          taking it. There is no exit record. */
    WHB_ERROR_NOT_SUPPORTED = 19,      /* known, but not available for this object or on this machine */
    WHB_ERROR_NOT_FOUND = 20,          /* DOORBELL_REMOVE, POSTED_REMOVE: there is no such doorbell or range */
    WHB_ERROR_APIC_ACCESS = 21,        /* VP_RUN: the VP accesses its local APIC's page by an instruction that the
                                          hypervisor does not decode. The run page has a MemoryAccess record of it: the
                                          root emulates the instruction, with APIC_ACCESS for that page, and runs the
                                          VP again. libwhv does so inside WHvRunVirtualProcessor. */
};

/*
 * Flags of WHB_CALL_GPA_MAP and WHB_CALL_GPA_PROTECT: the bits of WHV_MAP_GPA_RANGE_FLAGS. Without Read, the others are
 * refused.
 *
 * GPA_MAP maps a list of extents, ascending by gpa and not overlapping, as if they were one: all or nothing. A list of
 * more than WHB_MAP_EXTENTS extents, or that takes more than WHB_MAP_LEAVES page table entries, is not done at once:
 * the value, the bytes mapped, then says how far it came, which is somewhere in the list, also inside an extent; the
 * caller goes on from there. It is never 0 with WHB_OK.
 *
 * GPA_DIRTY answers for pages with TrackDirty alone: bit i % 64 of word i / 64 of the bitmap is set if page i
 * of the range was written since the last query, or since it was mapped. Bitmap 0: the pages only become clean.
 */
struct whb_extent {
    uint64_t gpa;   /* these three are multiples of 4096 bytes */
    uint64_t pa;    /* root physical address */
    uint64_t size;  /* not 0 */
    uint64_t flags; /* WHB_MAP_ */
};

#define WHB_MAP_EXTENTS 512u
#define WHB_MAP_LEAVES 1024u
#define WHB_MAP_READ 1u
#define WHB_MAP_WRITE 2u
#define WHB_MAP_EXECUTE 4u
#define WHB_MAP_TRACK_DIRTY 8u

/*
 * APIC_ACCESS reads or writes a register in the xAPIC page of a VP at rest, 32 bits at `offset`, a multiple of 16 below
 * 4096. The value of a read is the register's, 0 where there is none. That of a write is WHB_APIC_RECORD if the write
 * made an exit record (X64ApicEoi, X64ApicWriteTrap and the like), which is in the run page then, with the VP's
 * registers of the moment; else 0. INVALID_STATE: the VP has no such page now.
 */
#define WHB_APIC_PAGE 0xfee00000u
#define WHB_APIC_RECORD 1u

/* Most bytes one GPA_READ or GPA_WRITE moves. */
#define WHB_MAX_GPA_ACCESS 16u

/* Most names one VP_GET_REGISTERS or VP_SET_REGISTERS may carry. */
#define WHB_MAX_REGISTERS 256u
/* VP indices run from 0 to this minus one. */
#define WHB_MAX_VPS 64u
/* Partitions alive at once. */
#define WHB_MAX_PARTITIONS 256u
/* A handle is never 0, and no two partitions alive have the same of these. */
#define WHB_HANDLE_SLOT(handle) ((uint32_t)(handle) % WHB_MAX_PARTITIONS)

/* What LOG_READ puts before the bytes. The log is a stream that began at boot; the ring keeps its last 64 KiB. */
struct whb_log_read {
    uint64_t position; /* of the first byte copied, in bytes since boot: later than asked if that is overwritten */
};

/*
 * Properties of PROPERTY_GET and PROPERTY_SET besides those of WHP; 8 bytes each. HEAP_BOUND is how many bytes of the
 * hypervisor's heap the partition may have, a multiple of 4096, 0 for no bound, and may be changed at any time: what it
 * has stays, and a call that needs more is answered OUT_OF_MEMORY. HEAP_USED, read only, is how many it has.
 */
#define WHB_PROPERTY_HEAP_BOUND 0x57480000u
#define WHB_PROPERTY_HEAP_USED 0x57480001u

/*
 * Registers of VP_GET_REGISTERS and VP_SET_REGISTERS besides those of WHP. EXCEPTION_EXITS, 0 at first: bit n says that
 * exception n of this VP ends its run with an Exception record, whatever its partition's properties say. UNDELIVERED,
 * read only: the event that was injected and whose delivery ended in the VP's last triple fault, in the form of
 * PendingInterruption; 0: there was none.
 */
#define WHB_REGISTER_EXCEPTION_EXITS 0x57480000u
#define WHB_REGISTER_UNDELIVERED 0x57480001u
/* The exceptions that there are; a machine check is the machine's. */
#define WHB_EXCEPTION_EXITS_ALL 0x2b7dfbu

/*
 * A capability of GET_CAPABILITY besides those of WHP: what VM entry on this machine goes by, from the VMX capability
 * MSRs of the same names (SDM vol. 3D, appendix A). `linear_bits`: 48, or 57 if the processor has LA57.
 */
#define WHB_CAPABILITY_VMX 0x57480000u
struct whb_vmx_capabilities {
    uint64_t basic, misc, cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
    uint32_t physical_bits, linear_bits;
};

/* Heap accounting, in bytes; the parts add up to total. */
struct whb_statistics {
    uint64_t heap_total;       /* reserved at boot */
    uint64_t heap_free;        /* not allocated */
    uint64_t heap_page_tables; /* hypervisor's own page tables, stacks and per-CPU data */
    uint64_t heap_ept;         /* EPT paging structures of guests */
    uint64_t heap_partition;   /* partition objects */
    uint64_t heap_vp;          /* VP objects: VMCS, virtual-APIC page, extended state, bookkeeping */
    uint64_t heap_failed;      /* allocations refused for lack of memory, or by a bound, since boot (a count) */
    uint32_t cpus;             /* CPUs in VMX operation */
    uint32_t partitions;       /* guest partitions alive */
    uint32_t image_bytes;      /* size of the hypervisor's image in memory */
    uint32_t tsc_khz;          /* TSC frequency in kHz, 0 if not known */
    uint64_t heap_root_map;    /* EPT paging structures of the root, and what is kept for more of them */
    uint64_t heap_trace;       /* rings of exit traces */
};

/* What a walk of the calling CPU's live page tables (from CR3) found, in 4 KiB pages, and registers it runs with. */
struct whb_mapping_audit {
    uint64_t pages;               /* present leaf mappings */
    uint64_t writable;            /* writable ones */
    uint64_t executable;          /* executable ones */
    uint64_t writable_executable; /* both: must be 0 */
    uint64_t user;                /* accessible from CPL 3: must be 0 */
    uint64_t guard_gaps;          /* stacks whose lowest neighbour page is absent */
    uint64_t stacks;              /* stacks that exist */
    uint32_t cr0_wp;              /* 1: CR0.WP set */
    uint32_t efer_nxe;            /* 1: EFER.NXE set */
    uint32_t cr4_smep;            /* 1: on, 0: off */
    uint32_t cr4_smap;
    uint32_t cr4_umip;
    uint32_t cpu_features; /* bit 0 CPU has SMEP, bit 1 SMAP, bit 2 UMIP */
    uint32_t cr0_cd;       /* 1: CR0.CD or NW set: must be 0, whatever the root's are */
    uint32_t boot_mtrrs;   /* 1: this CPU's MTRRs are what the boot CPU's were at the start */
};

/*
 * What TRANSLATE_GVA answers. The call's status is WHB_OK also when the walk fails. `gpa`, with the offset in the page,
 * is there with Success, and with GpaUnmapped, GpaNoReadAccess and GpaNoWriteAccess if they are about the page itself:
 * the guest's tables allow the access, its memory does not. If they are about one of the tables it is WHB_NO_GPA; with
 * other codes 0.
 */
struct whb_translation {
    uint32_t code; /* WHV_TRANSLATE_GVA_RESULT_CODE */
    uint32_t reserved;
    uint64_t gpa;
};
#define WHB_NO_GPA (~0ull)

/* Doorbells of a partition. */
#define WHB_MAX_DOORBELLS 64u
/* In a doorbell's GuestAddress: bits 15:0 are an I/O port, not a guest-physical address; bits 62:16 are zero. */
#define WHB_DOORBELL_PORT (1ull << 63)

/*
 * What a doorbell signals: 8 bytes of root memory, aligned to 8. The hypervisor adds 1, atomically, for each write of a
 * guest that matches.
 */
struct whb_event {
    uint64_t signals;
};

/* What TRACE_SET takes: a power of two in this range. */
#define WHB_TRACE_MIN_ENTRIES 64u
#define WHB_TRACE_MAX_ENTRIES 65536u
/* Most entries that one TRACE_READ copies. */
#define WHB_TRACE_MAX_READ 1024u

/* What TRACE_READ puts before the entries. An entry's position is the number of those before it since TRACE_SET. */
struct whb_trace_read {
    uint64_t position; /* of the first entry copied: later than asked if that is overwritten */
    uint64_t written;  /* entries since TRACE_SET */
    uint64_t lost;     /* of these, the overwritten ones */
};

/* One exit of a guest VP. All times are TSC ticks of the CPU that it ran on. */
struct whb_trace_entry {
    uint64_t tsc; /* of the host, when the exit arrived */
    uint64_t vp;  /* WHB_TRACE_PARTITION, WHB_TRACE_VP */
    uint64_t qualification;
    uint64_t hypervisor_ticks; /* from the exit to the next entry of a guest on this CPU, less root_ticks */
    uint64_t root_ticks;       /* in the root until its next VP_RUN; 0: the root did not see the exit, or is at it */
    uint32_t reason;           /* basic exit reason (SDM vol. 3D, appendix C), or WHB_TRACE_NO_EXIT */
    uint32_t reserved;
};

#define WHB_TRACE_PARTITION(vp) ((vp) >> 16) /* its handle */
#define WHB_TRACE_VP(vp) ((uint32_t)(vp)&0xffffu)
/* A VP_RUN, or a turn of it, that entered no guest: a cancel, a kick, a window that was open, a state refused. */
#define WHB_TRACE_NO_EXIT 0x10000u

/* What the hypervisor has executed on the calling CPU since boot, in a counter build (docs/bench.md). */
struct whb_instruction_counts {
    uint64_t vmread, vmwrite, vmptrld, vmclear;
    uint64_t rdmsr, wrmsr;
    uint64_t xsave;       /* XSAVE, XRSTOR, FXSAVE, FXRSTOR */
    uint64_t xsetbv;      /* XSETBV */
    uint64_t serialising; /* CPUID, MOV to CR and DR, INVEPT, INVVPID, INVLPG, WBINVD */
};

WHB_STATIC_ASSERT(sizeof(struct whb_instruction_counts) == 72, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_trace_read) == 24, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_trace_entry) == 48, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_translation) == 16, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_vmx_capabilities) == 56, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_statistics) == 88, "ABI");
WHB_STATIC_ASSERT(sizeof(struct whb_mapping_audit) == 88, "ABI");
