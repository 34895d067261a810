/* SPDX-License-Identifier: MIT */
/* A bit of the ESR interrupts as the LVT's error entry says (SDM vol. 3A, 11.5.3). */
#include "tests/guest/checks/check.h"

#define APIC_SVR 0xf0u
#define APIC_ESR 0x280u
#define APIC_ICR 0x300u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_ERROR 0x370u
#define APIC_INITIAL_COUNT 0x380u
#define APIC_RESERVED 0x40u
#define SVR_ENABLED 0x1ffu
#define LVT_MASKED (1u << 16)
#define TO_ITSELF 0x40000u
#define ILLEGAL 5u
#define VECTOR 0x45u
#define ESR_ILLEGAL_VECTOR 0x60u /* sent or received */
#define ESR_ILLEGAL_REGISTER 0x80u

void check_apic_errors(void);

static uint32_t take_errors(void)
{
    *apic_register(APIC_ESR) = 0;
    return *apic_register(APIC_ESR);
}

static void begin(uint32_t lvt)
{
    trap_clear();
    trap_log.interrupts_from_apic = true;
    *apic_register(APIC_SVR) = SVR_ENABLED;
    *apic_register(APIC_LVT_ERROR) = lvt;
    (void)take_errors();
}

static void send_illegal(void)
{
    *apic_register(APIC_ICR) = TO_ITSELF | ILLEGAL;
}

static void timer_illegal(void)
{
    *apic_register(APIC_LVT_TIMER) = ILLEGAL;
    *apic_register(APIC_INITIAL_COUNT) = 1;
    wait_with_interrupts(100000);
    *apic_register(APIC_LVT_TIMER) = LVT_MASKED;
}

static void read_reserved(void)
{
    (void)*apic_register(APIC_RESERVED);
}

static void write_reserved(void)
{
    *apic_register(APIC_RESERVED) = 0;
}

static const struct {
    void (*make)(void);
    uint32_t bits;
    const char *shown, *interrupts, *masked, *illegal;
} sources[] = {
    {send_illegal, ESR_ILLEGAL_VECTOR, "apic-errors/send", "apic-errors/send-interrupts", "apic-errors/send-masked",
     "apic-errors/send-illegal-entry"},
    {timer_illegal, ESR_ILLEGAL_VECTOR, "apic-errors/timer", "apic-errors/timer-interrupts", "apic-errors/timer-masked",
     "apic-errors/timer-illegal-entry"},
    {read_reserved, ESR_ILLEGAL_REGISTER, "apic-errors/read", "apic-errors/read-interrupts", "apic-errors/read-masked",
     "apic-errors/read-illegal-entry"},
    {write_reserved, ESR_ILLEGAL_REGISTER, "apic-errors/write", "apic-errors/write-interrupts",
     "apic-errors/write-masked", "apic-errors/write-illegal-entry"},
};

void check_apic_errors(void)
{
    uint32_t svr = *apic_register(APIC_SVR);
    for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        begin(VECTOR);
        sources[i].make();
        wait_with_interrupts(1000);
        uint32_t errors = take_errors();
        verdict(sources[i].shown, (errors & sources[i].bits) != 0 && (errors & ~sources[i].bits) == 0);
        sources[i].make(); /* armed again by the write of ESR */
        wait_with_interrupts(1000);
        verdict_equal(sources[i].interrupts, 2, trap_log.counts[VECTOR]);
        begin(LVT_MASKED | VECTOR);
        sources[i].make();
        wait_with_interrupts(1000);
        verdict_equal(sources[i].masked, 0, trap_log.counts[VECTOR]);
        begin(ILLEGAL); /* an error that would interrupt by an illegal vector: it ends there */
        sources[i].make();
        wait_with_interrupts(1000);
        verdict(sources[i].illegal, (take_errors() & sources[i].bits) != 0 && trap_log.event_count == 0);
        begin(LVT_MASKED);
    }
    *apic_register(APIC_SVR) = svr;
}
