/* SPDX-License-Identifier: MIT */
/* Errors of local APICs: each bit of the ESR interrupts as the LVT's error entry says (SDM vol. 3A, 11.5.3). */
#include "tests/scenarios/apic_steps.h"

#define ESR_SEND_ILLEGAL 0x20u
#define ESR_RECEIVE_ILLEGAL 0x40u
#define ESR_REGISTER_ILLEGAL 0x80u
#define TO_ITSELF 0x40000u
#define RESERVED 0x40u /* no register */

static uint32_t take_errors(struct steps *s)
{
    steps_store(s, APIC_ESR, 0);
    return steps_load(s, APIC_ESR);
}

static void send_illegal(struct steps *s)
{
    steps_store(s, APIC_ICR, TO_ITSELF | 5);
}

static void send_illegal_to_self(struct steps *s)
{
    steps_store(s, APIC_SELF_IPI, 0);
}

static void timer_illegal(struct steps *s)
{
    steps_store(s, APIC_LVT_TIMER, 15);
    steps_store(s, APIC_INITIAL_COUNT, 1);
    steps_wait(s, 10000);
}

static void read_reserved(struct steps *s)
{
    CHECK_EQ(0, steps_load(s, RESERVED));
}

static void write_reserved(struct steps *s)
{
    steps_store(s, RESERVED, 0x10000);
}

/* `vector`: what the error entry has. */
static void try_source(struct steps *s, void (*make)(struct steps *s), uint32_t bits)
{
    steps_store(s, APIC_LVT_ERROR, STEPS_VECTOR);
    for (unsigned i = 0; i < 2; i++) {
        make(s);
        steps_wait(s, 100);
        CHECK_EQ(1, steps_interrupts(s));
        CHECK_EQ(bits, take_errors(s));
        CHECK_EQ(0, take_errors(s));
    }
    make(s);
    make(s); /* the write of ESR arms it again, not the error's end */
    steps_wait(s, 100);
    CHECK_EQ(1, steps_interrupts(s));
    (void)take_errors(s);
    steps_store(s, APIC_LVT_ERROR, LVT_MASKED | STEPS_VECTOR);
    make(s);
    steps_wait(s, 100);
    CHECK_EQ(0, steps_interrupts(s));
    CHECK_EQ(bits, take_errors(s));
    steps_store(s, APIC_LVT_ERROR, 2); /* illegal itself */
    make(s);
    steps_wait(s, 100);
    CHECK_EQ(0, steps_interrupts(s));
    CHECK_EQ(bits | ESR_RECEIVE_ILLEGAL, take_errors(s));
    CHECK_EQ(0, take_errors(s));
    steps_store(s, APIC_LVT_ERROR, LVT_MASKED);
}

static void xapic(void)
{
    struct steps s;
    steps_start(&s, 1, false);
    try_source(&s, send_illegal, ESR_SEND_ILLEGAL);
    try_source(&s, timer_illegal, ESR_RECEIVE_ILLEGAL);
    try_source(&s, read_reserved, ESR_REGISTER_ILLEGAL);
    try_source(&s, write_reserved, ESR_REGISTER_ILLEGAL);
    guest_destroy(&s.g);
}

static void x2apic(void)
{
    struct steps s;
    steps_start(&s, 1, true);
    try_source(&s, send_illegal, ESR_SEND_ILLEGAL);
    try_source(&s, send_illegal_to_self, ESR_SEND_ILLEGAL);
    try_source(&s, timer_illegal, ESR_RECEIVE_ILLEGAL);
    CHECK_EQ(0, steps_faults(&s));
    (void)steps_load(&s, RESERVED); /* faults, and is no error */
    steps_store(&s, RESERVED, 0);
    steps_store(&s, APIC_ICR, 1u << 12 | STEPS_VECTOR);
    steps_store(&s, APIC_LVT_ERROR, 1u << 14 | STEPS_VECTOR);
    steps_store(&s, APIC_ESR, 1);
    CHECK_EQ(5, steps_faults(&s));
    CHECK_EQ(0, take_errors(&s));
    guest_destroy(&s.g);
}

/* Errors that ESR does not show yet are state too. */
static void state(void)
{
    static uint8_t block[4096] __attribute__((aligned(4096)));
    const WHV_PARTITION_HANDLE *partition;
    UINT32 size = 0;
    struct steps s;
    steps_start(&s, 1, false);
    partition = &s.g.partition;
    send_illegal(&s);
    CHECK_EQ(S_OK, WHvGetVirtualProcessorInterruptControllerState2(*partition, 0, block, sizeof(block), &size));
    CHECK_EQ(ESR_SEND_ILLEGAL, take_errors(&s));
    CHECK_EQ(S_OK, WHvSetVirtualProcessorInterruptControllerState2(*partition, 0, block, size));
    CHECK_EQ(ESR_SEND_ILLEGAL, take_errors(&s));
    guest_destroy(&s.g);
}

const struct scenario scenarios_apic_errors[] = {
    {"apic/errors", 1, xapic},
    {"apic/errors-x2apic", 1, x2apic},
    {"apic/errors-state", 1, state},
    {0},
};
