/* SPDX-License-Identifier: MIT */
/*
 * A local APIC as a state machine (SDM vol. 3A, chapter 11): registers, priorities, timer. Pure: no VMX, no other CPU;
 * time is a number that the caller gives. vmm/apic/apic.c connects it to VPs.
 *
 * The registers lie in a 4 KiB page in the layout of the hardware's, 16 bytes apart, which is the VMCS's virtual-APIC
 * page too: the processor keeps the TPR there for MOV CR8.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum apic_register {
    APIC_ID = 0x20,
    APIC_VERSION = 0x30,
    APIC_TPR = 0x80,
    APIC_APR = 0x90,
    APIC_PPR = 0xa0,
    APIC_EOI = 0xb0,
    APIC_REMOTE_READ = 0xc0,
    APIC_LDR = 0xd0,
    APIC_DFR = 0xe0,
    APIC_SVR = 0xf0,
    APIC_ISR = 0x100, /* eight each of ISR, TMR, IRR */
    APIC_TMR = 0x180,
    APIC_IRR = 0x200,
    APIC_ESR = 0x280,
    APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_THERMAL = 0x330,
    APIC_LVT_PERFMON = 0x340,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_INITIAL_COUNT = 0x380,
    APIC_CURRENT_COUNT = 0x390,
    APIC_DIVIDE = 0x3e0,
    APIC_SELF_IPI = 0x3f0, /* x2APIC mode only */
};

enum apic_mode {
    APIC_DISABLED,
    APIC_XAPIC,
    APIC_X2APIC,
};

#define APIC_SVR_ENABLE (1u << 8)
#define APIC_LVT_MASKED (1u << 16)

/* Delivery modes of ICR and LVT entries. */
enum apic_delivery {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_SMI = 2,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_SIPI = 6,
    APIC_EXTINT = 7,
};

/*
 * The two clocks that the timer looks at. Both count ticks of the TSC, but only one can be set: one-shot and periodic
 * timers count by `clock`, a deadline waits for the guest's own TSC.
 */
struct apic_time {
    uint64_t clock;
    uint64_t tsc;
};

struct apic {
    uint32_t *page; /* 1024 words */
    enum apic_mode mode;
    uint32_t id;             /* the VP's index */
    bool counting;           /* outside TSC-deadline mode: the count reaches 0 at `expiry` */
    uint64_t expiry;         /* in `clock` */
    uint64_t tsc_deadline;   /* IA32_TSC_DEADLINE, for TSC-deadline mode; 0: not armed */
    uint32_t pending_errors; /* what the next write of ESR shows */
};

/* What a write leads to besides the register's new value. */
enum apic_effect {
    APIC_NOTHING,
    APIC_REFUSED, /* x2APIC mode: #GP; nothing changed. xAPIC mode: the write is ignored */
    APIC_ENDED,   /* an interrupt's service ended: see `vector` and `level` */
    APIC_SEND,    /* an interprocessor interrupt: see `icr` */
};

struct apic_write {
    enum apic_effect effect;
    uint8_t vector;
    bool level;
    uint64_t icr; /* in x2APIC form: destination in bits 63:32 */
};

/* State after RESET; `x2apic` goes back to xAPIC mode. The timer is disarmed. */
void apic_reset(struct apic *a);

/* WRMSR to IA32_APIC_BASE: the mode it leads to. False: #GP (11.12.5). `has_x2apic`: the VP may use that mode. */
bool apic_mode_change(enum apic_mode now, uint64_t base, bool has_x2apic, enum apic_mode *next);
/* Makes the change; entering x2APIC mode sets ID and LDR. */
void apic_set_mode(struct apic *a, enum apic_mode mode);

/* Reads one register; `offset` is a multiple of 16. False: not a register, or not readable; *value is 0 then. */
bool apic_peek(const struct apic *a, uint32_t offset, struct apic_time now, uint32_t *value);

/* The same for a guest: in xAPIC mode reading a reserved register is an error that the ESR shows. */
bool apic_read(struct apic *a, uint32_t offset, struct apic_time now, uint32_t *value);

/* A guest writes one register. In x2APIC mode `value` has 64 bits for the ICR. */
struct apic_write apic_write(struct apic *a, uint32_t offset, uint64_t value, struct apic_time now);

/* An interrupt arrives. Vectors below 16 are noted as an error and dropped, so is everything while software-disabled.
 */
void apic_accept(struct apic *a, uint8_t vector, bool level);

/*
 * The vector that would be delivered next if the TPR were 0: highest in IRR, above all in service; 0: none. What was
 * requested before the APIC was software-disabled stays for the processor to take (11.4.7.2).
 */
uint8_t apic_pending(const struct apic *a);

/* The VMCS's guest interrupt status (SDM vol. 3C, 25.4.2): highest in service in bits 15:8, highest requested below. */
uint16_t apic_interrupt_status(const struct apic *a);

/* Delivers a vector that apic_pending gave: from IRR to ISR. */
void apic_deliver(struct apic *a, uint8_t vector);

/* Whether the timer may expire some time: false saves the caller from asking for the time. */
static inline bool apic_timer_runs(const struct apic *a)
{
    return a->counting || a->tsc_deadline != 0;
}

/* Ticks until the timer expires; 0: it is due. */
#define APIC_TIMER_NEVER (~0ull)
uint64_t apic_timer_left(const struct apic *a, struct apic_time now);

/* Requests the timer's interrupt if its time has come, and rearms a periodic one. True: it had come. */
bool apic_timer_expire(struct apic *a, struct apic_time now);

/* A guest's RDMSR and WRMSR of IA32_TSC_DEADLINE: 0 and without effect in the timer's other modes (11.5.4.1). */
uint64_t apic_read_deadline(const struct apic *a);
void apic_write_deadline(struct apic *a, uint64_t value, struct apic_time now);

/*
 * State as a block of 1024 words. Up to 400H it has the registers as the hardware's page has them. What these do not
 * show lies in words that the hardware reserves: the TSC deadline, errors that ESR does not show yet, and ticks of the
 * count that has begun; APIC_BLOCK_MORE in the first of them says that they are there.
 */
#define APIC_BLOCK_WORDS 1024u
#define APIC_BLOCK_FLAGS 0x400u
#define APIC_BLOCK_MORE (1u << 0)
#define APIC_BLOCK_NMI (1u << 1) /* the caller's: an NMI waits */
void apic_save(const struct apic *a, uint32_t *words, struct apic_time now);

/*
 * `count` words, at least 256. In a block that has the registers alone, a current count of 0 means that the client does
 * not know it: a timer that is set up as the block says goes on as it does, any other starts from its initial count.
 */
void apic_restore(struct apic *a, const uint32_t *words, uint32_t count, struct apic_time now);

/* Sets one register without what a guest's write would lead to; read-only and unknown ones stay as they are. */
void apic_poke(struct apic *a, uint32_t offset, uint64_t value, struct apic_time now);

/* An ICR value taken apart. */
struct apic_ipi {
    enum apic_delivery delivery;
    uint8_t vector;
    bool logical;
    bool level_assert, level_triggered;
    uint8_t shorthand; /* 0 none, 1 self, 2 all, 3 all but self */
    uint32_t destination;
};
struct apic_ipi apic_decode_icr(uint64_t icr, enum apic_mode mode);

/* What other VPs need to know to address an APIC. */
struct apic_address {
    enum apic_mode mode;
    uint32_t id, ldr, dfr;
};
bool apic_matches(const struct apic_address *target, uint32_t destination, bool logical, enum apic_mode sender);
