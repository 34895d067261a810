/* SPDX-License-Identifier: MIT */
/* Local APICs of guest VPs, seen from one VP: interrupts, timer, priorities, HLT, traps. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(apic_handler32);
DECLARE_PAYLOAD(apic_nmi32);
DECLARE_PAYLOAD(apic_self32);
DECLARE_PAYLOAD(apic_timer32);
DECLARE_PAYLOAD(apic_priority32);
DECLARE_PAYLOAD(apic_wait32);
DECLARE_PAYLOAD(apic_traps32);
DECLARE_PAYLOAD(apic_handler64);
DECLARE_PAYLOAD(apic_fault64);
DECLARE_PAYLOAD(apic_x2apic64);
DECLARE_PAYLOAD(apic_deliver64);
DECLARE_AT(apic_handler32_ended);
DECLARE_AT(apic_wait32_woken);
DECLARE_AT(apic_traps32_svr);
DECLARE_AT(apic_traps32_lint0);
DECLARE_AT(apic_traps32_lint1);
DECLARE_AT(apic_traps32_ldr);
DECLARE_AT(apic_traps32_dfr);
DECLARE_AT(apic_traps32_smi);
DECLARE_AT(apic_traps32_init);
DECLARE_AT(apic_traps32_sipi);
DECLARE_AT(apic_traps32_or);
DECLARE_AT(apic_traps32_xchg);

#define HANDLER_AT 0x1800u
#define NMI_AT 0x1900u
#define COUNTER 0x2000u

static uint32_t word(const struct guest *g, uint32_t at)
{
    uint32_t value;
    memcpy(&value, g->ram + at, sizeof(value));
    return value;
}

static void put_code(struct guest *g, uint32_t at, const uint8_t *begin, const uint8_t *end)
{
    memcpy(g->ram + at, begin, (size_t)(end - begin));
}

static void start(struct guest *g, uint64_t exits, const uint8_t *begin, const uint8_t *end, unsigned vector)
{
    guest_create_apic(g, 1, exits, WHvX64LocalApicEmulationModeXApic);
    records_start(g, GUEST_PROTECTED, begin, end);
    put_code(g, HANDLER_AT, payload_apic_handler32, payload_apic_handler32_end);
    put_code(g, NMI_AT, payload_apic_nmi32, payload_apic_nmi32_end);
    guest_idt(g, 0, GUEST_PROTECTED, vector, HANDLER_AT);
    guest_idt(g, 0, GUEST_PROTECTED, 2, NMI_AT);
}

static void to_port(struct guest *g, unsigned port)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(port, r.IoPortAccess.PortNumber);
    guest_skip(g, 0, &r);
}

static enum whb_status request(struct guest *g, WHV_INTERRUPT_CONTROL c)
{
    uint64_t words[2];
    memcpy(words, &c, sizeof(words));
    return whb_call(WHB_CALL_INTERRUPT, whb_handle(g->partition), words[0], words[1], 0, 0, NULL);
}

static void self_ipi(void)
{
    struct guest g;
    start(&g, 0, payload_apic_self32, payload_apic_self32_end, 0x41);
    to_port(&g, 0x50);
    CHECK_EQ(1, word(&g, COUNTER));
    to_port(&g, 0x51);
    CHECK_EQ(1, word(&g, COUNTER));
    CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterRbx));
    CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterApicIrr2));
    to_port(&g, 0x52);
    CHECK_EQ(2, word(&g, COUNTER));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterApicIrr2));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterApicIsr2));
    to_port(&g, 0x53);
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterRax));
    CHECK_EQ(0x50014, guest_get(&g, 0, WHvX64RegisterRcx));
    CHECK_EQ(0x1ff, guest_get(&g, 0, WHvX64RegisterRdx));
    guest_destroy(&g);
}

/* HLT waits inside the run for the timer; each mode fires as often as it should. */
static void timer(void)
{
    struct guest g;
    start(&g, 0, payload_apic_timer32, payload_apic_timer32_end, 0x42);
    uint64_t before = guest_get(&g, 0, WHvX64RegisterTsc);
    to_port(&g, 0x50);
    CHECK_EQ(1, word(&g, COUNTER));
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) - before >= 1000000);
    uint64_t count = guest_get(&g, 0, WHvX64RegisterRbx);
    CHECK(count > 0 && count <= 1000000);
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterRcx));
    before = guest_get(&g, 0, WHvX64RegisterTsc);
    to_port(&g, 0x51);
    CHECK_EQ(11, word(&g, COUNTER));
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) - before >= 10 * 400000);
    to_port(&g, 0x52);
    CHECK_EQ(11, word(&g, COUNTER));
    before = guest_get(&g, 0, WHvX64RegisterTsc);
    to_port(&g, 0x53);
    CHECK_EQ(12, word(&g, COUNTER));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterRax)); /* the deadline is spent */
    CHECK(guest_get(&g, 0, WHvX64RegisterTsc) - before >= 500000);
    guest_destroy(&g);
}

static void priority(void)
{
    struct guest g;
    start(&g, 0, payload_apic_priority32, payload_apic_priority32_end, 0x45);
    to_port(&g, 0x50);
    CHECK_EQ(0, word(&g, COUNTER));
    CHECK_EQ(5, guest_get(&g, 0, WHvX64RegisterCr8));
    to_port(&g, 0x51);
    CHECK_EQ(0x50, guest_get(&g, 0, WHvX64RegisterRbx));
    CHECK_EQ(1, word(&g, COUNTER));
    CHECK_EQ(3, guest_get(&g, 0, WHvX64RegisterCr8));
    guest_destroy(&g);
}

/* A level-triggered interrupt's end is the root's to know, an edge's is not. */
static void requests(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_INTERRUPT_CONTROL c = {.Type = WHvX64InterruptTypeFixed, .Vector = 0x46};
    start(&g, 0, payload_apic_wait32, payload_apic_wait32_end, 0x46);
    guest_set(&g, 0, WHvX64RegisterApicSpurious, 0x1ff);
    CHECK_EQ(WHB_OK, request(&g, c));
    to_port(&g, 0x50);
    CHECK_EQ(1, word(&g, COUNTER));
    c.TriggerMode = WHvX64InterruptTriggerModeLevel;
    CHECK_EQ(WHB_OK, request(&g, c));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64ApicEoi);
    CHECK_EQ(0x46, r.ApicEoi.InterruptVector);
    records_check_context(&g, &r, HANDLER_AT + (uint64_t)(at_apic_handler32_ended - payload_apic_handler32), 0, 0, 0);
    check_zero_tail(&r, 48 + 4);
    to_port(&g, 0x50);
    CHECK_EQ(2, word(&g, COUNTER));
    c.Type = WHvX64InterruptTypeNmi;
    c.TriggerMode = WHvX64InterruptTriggerModeEdge;
    CHECK_EQ(WHB_OK, request(&g, c));
    to_port(&g, 0x5f);
    CHECK_EQ(1, word(&g, COUNTER + 4));
    guest_set(&g, 0, WHvX64RegisterApicLvtLint1, 0x400);
    c.Type = WHvX64InterruptTypeLocalInt1;
    CHECK_EQ(WHB_OK, request(&g, c));
    to_port(&g, 0x5f);
    CHECK_EQ(2, word(&g, COUNTER + 4));
    c.Type = (uint64_t)WHvX64InterruptTypeFixed & 0xff;
    c.Vector = 15;
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, request(&g, c));
    c.Vector = 256;
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, request(&g, c));
    c.Vector = 0x46;
    c.Type = 2;
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, request(&g, c));
    c.Type = 0;
    c.Reserved = 1;
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, request(&g, c));
    guest_destroy(&g);
    guest_create(&g, 1, 0);
    c.Reserved = 0;
    CHECK_EQ(WHB_ERROR_NOT_SUPPORTED, request(&g, c)); /* no local APICs there */
    guest_destroy(&g);
}

static void expect_trap(struct guest *g, const uint8_t *at, uint32_t type, uint64_t value)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(g, 0, &r, WHvRunVpExitReasonX64ApicWriteTrap);
    CHECK_EQ(type, r.ApicWrite.Type);
    CHECK_EQ(value, r.ApicWrite.WriteValue);
    records_check_context(g, &r, PAYLOAD_AT + (uint64_t)(at - payload_apic_traps32), 0, 0, 0);
    check_zero_tail(&r, 48 + 16);
}

static void traps(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    start(&g, 0x33d0, payload_apic_traps32, payload_apic_traps32_end, 0x41);
    expect_trap(&g, at_apic_traps32_svr, WHvX64ApicWriteTypeSvr, 0x1ff);
    CHECK_EQ(0x1ff, guest_get(&g, 0, WHvX64RegisterApicSpurious)); /* done already */
    expect_trap(&g, at_apic_traps32_lint0, WHvX64ApicWriteTypeLint0, 0x8700);
    CHECK_EQ(0x8700, guest_get(&g, 0, WHvX64RegisterApicLvtLint0));
    expect_trap(&g, at_apic_traps32_lint1, WHvX64ApicWriteTypeLint1, 0x400);
    expect_trap(&g, at_apic_traps32_ldr, WHvX64ApicWriteTypeLdr, 0x02000000);
    CHECK_EQ(0x02000000, guest_get(&g, 0, WHvX64RegisterApicLdr));
    expect_trap(&g, at_apic_traps32_dfr, WHvX64ApicWriteTypeDfr, 0x0fffffff);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64ApicSmiTrap);
    CHECK_EQ(0x200, r.ApicSmi.ApicIcr);
    CHECK_EQ(RIP_OF(apic_traps32, apic_traps32_smi), r.VpContext.Rip);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64ApicInitSipiTrap);
    CHECK_EQ(1ull << 32 | 0x4500, r.ApicInitSipi.ApicIcr);
    CHECK_EQ(RIP_OF(apic_traps32, apic_traps32_init), r.VpContext.Rip);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64ApicInitSipiTrap);
    CHECK_EQ(1ull << 32 | 0x4699, r.ApicInitSipi.ApicIcr);
    check_zero_tail(&r, 48 + 8);
    expect_trap(&g, at_apic_traps32_or, WHvX64ApicWriteTypeSvr, 0x1ff); /* the 16-bit write did nothing */
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64ApicInitSipiTrap);
    CHECK_EQ(1ull << 32 | 0x4647, r.ApicInitSipi.ApicIcr);
    CHECK_EQ(RIP_OF(apic_traps32, apic_traps32_xchg), r.VpContext.Rip);
    CHECK_EQ(r.VpContext.Rip, guest_get(&g, 0, WHvX64RegisterRip));
    CHECK_EQ(0x4699, guest_get(&g, 0, WHvX64RegisterRbx));
    /* What the emulator does not know: nothing happened. */
    guest_run(&g, 0, &r, WHvRunVpExitReasonUnsupportedFeature);
    CHECK_EQ(WHvUnsupportedFeatureIntercept, r.UnsupportedFeature.FeatureCode);
    CHECK_EQ(44, r.UnsupportedFeature.FeatureParameter);
    CHECK_EQ(RIP_OF(apic_traps32, apic_traps32_xchg), r.VpContext.Rip);
    CHECK_EQ(0x1ff, guest_get(&g, 0, WHvX64RegisterApicSpurious));
    guest_destroy(&g);
}

static enum whb_status access_register(struct guest *g, uint64_t offset, uint64_t write, uint64_t value,
                                       uint64_t *answer)
{
    return whb_call(WHB_CALL_APIC_ACCESS, whb_handle(g->partition), 0, offset, write, value, answer);
}

/* The hypercall that emulation stands on. */
static void access_call(void)
{
    struct guest g;
    uint64_t answer = 0;
    guest_create_apic(&g, 1, 0, WHvX64LocalApicEmulationModeXApic);
    CHECK_EQ(WHB_OK, access_register(&g, 0xf0, 1, 0x1ff, &answer));
    CHECK_EQ(0, answer);
    CHECK_EQ(WHB_OK, access_register(&g, 0xf0, 0, 0, &answer));
    CHECK_EQ(0x1ff, answer);
    CHECK_EQ(WHB_OK, access_register(&g, 0x3f0, 0, 0, &answer)); /* no such register */
    CHECK_EQ(0, answer);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, access_register(&g, 0xf4, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, access_register(&g, 0x1000, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, access_register(&g, 0xf0, 2, 0, NULL));
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, access_register(&g, 0xf0, 1, 1ull << 32, NULL));
    CHECK_EQ(WHB_ERROR_VP_ABSENT, whb_call(WHB_CALL_APIC_ACCESS, whb_handle(g.partition), 1, 0xf0, 0, 0, NULL));
    guest_destroy(&g);
    guest_create(&g, 1, 0);
    CHECK_EQ(WHB_ERROR_INVALID_STATE, access_register(&g, 0xf0, 0, 0, NULL));
    guest_destroy(&g);
}

static void x2apic(void)
{
    struct guest g;
    guest_create_apic(&g, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    records_start(&g, GUEST_LONG, payload_apic_x2apic64, payload_apic_x2apic64_end);
    put_code(&g, HANDLER_AT, payload_apic_handler64, payload_apic_handler64_end);
    put_code(&g, NMI_AT, payload_apic_fault64, payload_apic_fault64_end);
    guest_idt(&g, 0, GUEST_LONG, 0x41, HANDLER_AT);
    guest_idt(&g, 0, GUEST_LONG, 13, NMI_AT);
    to_port(&g, 0x50);
    CHECK_EQ(0xfee00900, guest_get(&g, 0, WHvX64RegisterR8));
    CHECK_EQ(0xfee00d00, guest_get(&g, 0, WHvX64RegisterR9));
    CHECK_EQ(0xfee00d00, guest_get(&g, 0, WHvX64RegisterApicBase));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterR10));
    CHECK_EQ(1, guest_get(&g, 0, WHvX64RegisterR11));
    CHECK_EQ(0x90, guest_get(&g, 0, WHvX64RegisterR12));
    CHECK_EQ(2, word(&g, COUNTER));
    CHECK_EQ(4, word(&g, COUNTER + 4));
    guest_destroy(&g);
}

/*
 * Delivery, priorities and the end of service in x2APIC mode, where the processor does it by itself if it can (and with
 * apicv=off on the hypervisor's command line does not).
 */
static void x2apic_delivery(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_INTERRUPT_CONTROL c = {.Type = WHvX64InterruptTypeFixed, .Vector = 0x41};
    guest_create_apic(&g, 1, 0, WHvX64LocalApicEmulationModeX2Apic);
    records_start(&g, GUEST_LONG, payload_apic_deliver64, payload_apic_deliver64_end);
    put_code(&g, HANDLER_AT, payload_apic_handler64, payload_apic_handler64_end);
    guest_idt(&g, 0, GUEST_LONG, 0x41, HANDLER_AT);
    guest_set(&g, 0, WHvX64RegisterApicBase, 0xfee00d00);
    guest_set(&g, 0, WHvX64RegisterApicSpurious, 0x1ff);
    CHECK_EQ(WHB_OK, request(&g, c));
    to_port(&g, 0x50);
    CHECK_EQ(1, word(&g, COUNTER));
    to_port(&g, 0x51);
    CHECK_EQ(1, guest_get(&g, 0, WHvX64RegisterRbx)); /* held back by the TPR */
    CHECK_EQ(6, guest_get(&g, 0, WHvX64RegisterCr8));
    CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterApicIrr2));
    to_port(&g, 0x52);
    CHECK_EQ(2, guest_get(&g, 0, WHvX64RegisterRbx));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterRax)); /* PPR */
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterApicIsr2));
    c.TriggerMode = WHvX64InterruptTriggerModeLevel;
    CHECK_EQ(WHB_OK, request(&g, c));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64ApicEoi);
    CHECK_EQ(0x41, r.ApicEoi.InterruptVector);
    CHECK_EQ(3, word(&g, COUNTER));
    CHECK_EQ(0, guest_get(&g, 0, WHvX64RegisterApicIsr2)); /* ended */
    records_check_context(&g, &r, guest_get(&g, 0, WHvX64RegisterRip), 0, 0, 0);
    CHECK(r.VpContext.Rip > HANDLER_AT && r.VpContext.Rip < HANDLER_AT + 0x40);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(g.partition, 0, 0));
    guest_run(&g, 0, &r, WHvRunVpExitReasonCanceled);
    guest_destroy(&g);
}

/* The register page as a block; what is restored goes on as it was. */
static void state_block(void)
{
    static uint8_t page[4096] __attribute__((aligned(4096)));
    struct guest g;
    uint64_t size, type = WHvVirtualProcessorStateTypeInterruptControllerState2;
    start(&g, 0, payload_apic_self32, payload_apic_self32_end, 0x41);
    uint64_t handle = whb_handle(g.partition);
    to_port(&g, 0x50);
    to_port(&g, 0x51); /* 0x41 waits in IRR */
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_VP_STATE_GET, handle, 0, type, (uintptr_t)page, sizeof(page), &size));
    CHECK_EQ(4096, size);
    CHECK_EQ(2, page[0x220]);
    CHECK_EQ(0xff, page[0xf0]);
    page[0x220] = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_VP_STATE_SET, handle, 0, type, (uintptr_t)page, sizeof(page), NULL));
    to_port(&g, 0x52);
    CHECK_EQ(1, word(&g, COUNTER)); /* not delivered */
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT,
             whb_call(WHB_CALL_VP_STATE_SET, handle, 0, type, (uintptr_t)page, 0x3ff, NULL));
    guest_destroy(&g);
}

static void no_memory_at_the_page(void)
{
    struct guest g;
    start(&g, 0, payload_apic_self32, payload_apic_self32_end, 0x41);
    CHECK_EQ(E_ACCESSDENIED, WHvMapGpaRange(g.partition, g.ram, 0xfee00000, 0x1000, WHvMapGpaRangeFlagRead));
    CHECK_EQ(E_ACCESSDENIED, WHvMapGpaRange(g.partition, g.ram, 0xfedff000, 0x2000, WHvMapGpaRangeFlagRead));
    CHECK_EQ(S_OK, WHvMapGpaRange(g.partition, g.ram, 0xfee01000, 0x1000, WHvMapGpaRangeFlagRead));
    guest_destroy(&g);
}

const struct scenario scenarios_apic_guest[] = {
    {"apic/self-ipi", 1, self_ipi},
    {"apic/timer", 1, timer},
    {"apic/priority", 1, priority},
    {"apic/requests", 1, requests},
    {"apic/traps", 1, traps},
    {"apic/access-call", 1, access_call},
    {"apic/x2apic", 1, x2apic},
    {"apic/x2apic-delivery", 1, x2apic_delivery},
    {"apic/state", 1, state_block},
    {"apic/page-is-no-memory", 1, no_memory_at_the_page},
    {0},
};
