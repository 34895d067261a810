/* SPDX-License-Identifier: MIT */
/* X64IoPortAccess in every size, form and mode. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(io16);
DECLARE_PAYLOAD(io32);
DECLARE_PAYLOAD(io64);
DECLARE_AT(io16_out8);
DECLARE_AT(io16_out16);
DECLARE_AT(io16_out32);
DECLARE_AT(io16_in8);
DECLARE_AT(io16_in16);
DECLARE_AT(io16_in32);
DECLARE_AT(io16_outsb);
DECLARE_AT(io16_rep_outsw);
DECLARE_AT(io16_insl);
DECLARE_AT(io16_rep_insb);
DECLARE_AT(io16_es_outsb);
DECLARE_AT(io32_out8);
DECLARE_AT(io32_in32);
DECLARE_AT(io32_rep_outsl);
DECLARE_AT(io64_out16);
DECLARE_AT(io64_in8);
DECLARE_AT(io64_rep_insl);

#define RAX_PATTERN 0x1122334455667788ull
#define RCX_PATTERN 3u
#define RSI_PATTERN 0x2100u
#define RDI_PATTERN 0x2200u
#define DX_PORT 0x3f0u
#define WRITE 1u
#define SIZE(n) ((n) << 1)
#define STRING 0x10u
#define REP 0x20u
#define UNION_OFFSET 48u

struct expectation {
    const uint8_t *at;
    unsigned length;
    uint16_t port;
    uint32_t info;
};

static void check_string_fields(struct guest *g, const WHV_X64_IO_PORT_ACCESS_CONTEXT *p, const struct expectation *e)
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterDs, WHvX64RegisterEs};
    WHV_REGISTER_VALUE is[2];
    CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g->partition, 0, names, 2, is));
    CHECK_EQ(RCX_PATTERN, p->Rcx);
    CHECK_EQ(RSI_PATTERN, p->Rsi);
    CHECK_EQ(RDI_PATTERN, p->Rdi);
    CHECK_EQ(0, memcmp(&is[0], &p->Ds, sizeof(p->Ds)));
    CHECK_EQ(0, memcmp(&is[1], &p->Es, sizeof(p->Es)));
    CHECK_EQ(16, p->InstructionByteCount);
    CHECK_EQ(0, memcmp(p->InstructionBytes, e->at, e->length));
}

static void check_simple_fields(const WHV_X64_IO_PORT_ACCESS_CONTEXT *p)
{
    const WHV_X64_IO_PORT_ACCESS_CONTEXT zero = {0};
    CHECK_EQ(0, p->InstructionByteCount);
    CHECK_EQ(0, memcmp(p->InstructionBytes, zero.InstructionBytes, 16));
    CHECK_EQ(0, p->Rcx | p->Rsi | p->Rdi);
    CHECK_EQ(0, memcmp(&p->Ds, &zero.Ds, sizeof(p->Ds)));
    CHECK_EQ(0, memcmp(&p->Es, &zero.Es, sizeof(p->Es)));
}

static void run_list(enum guest_mode mode, const uint8_t *begin, const uint8_t *end, const struct expectation *list,
                     unsigned count)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    records_start(&g, mode, begin, end);
    guest_set(&g, 0, WHvX64RegisterRax, RAX_PATTERN);
    guest_set(&g, 0, WHvX64RegisterRcx, RCX_PATTERN);
    guest_set(&g, 0, WHvX64RegisterRsi, RSI_PATTERN);
    guest_set(&g, 0, WHvX64RegisterRdi, RDI_PATTERN);
    guest_set(&g, 0, WHvX64RegisterRdx, DX_PORT);
    for (unsigned i = 0; i < count; i++) {
        const struct expectation *e = &list[i];
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        records_check_context(&g, &r, PAYLOAD_AT + (uint64_t)(e->at - begin), e->length, 0, 0);
        CHECK_EQ(e->port, r.IoPortAccess.PortNumber);
        CHECK_EQ(e->info, r.IoPortAccess.AccessInfo.AsUINT32);
        CHECK_EQ(RAX_PATTERN, r.IoPortAccess.Rax);
        CHECK_EQ(0, r.IoPortAccess.Reserved2[0] | r.IoPortAccess.Reserved2[1] | r.IoPortAccess.Reserved2[2]);
        if ((e->info & STRING) != 0) {
            check_string_fields(&g, &r.IoPortAccess, e);
        } else {
            check_simple_fields(&r.IoPortAccess);
        }
        check_zero_tail(&r, UNION_OFFSET + sizeof(r.IoPortAccess));
        guest_skip(&g, 0, &r);
    }
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

static void io_real_mode(void)
{
    const struct expectation list[] = {
        {at_io16_out8, 2, 0x10, WRITE | SIZE(1)},
        {at_io16_out16, 2, 0x12, WRITE | SIZE(2)},
        {at_io16_out32, 3, 0x14, WRITE | SIZE(4)},
        {at_io16_in8, 1, DX_PORT, SIZE(1)},
        {at_io16_in16, 1, DX_PORT, SIZE(2)},
        {at_io16_in32, 2, DX_PORT, SIZE(4)},
        {at_io16_outsb, 1, DX_PORT, WRITE | SIZE(1) | STRING},
        {at_io16_rep_outsw, 2, DX_PORT, WRITE | SIZE(2) | STRING | REP},
        {at_io16_insl, 2, DX_PORT, SIZE(4) | STRING},
        {at_io16_rep_insb, 2, DX_PORT, SIZE(1) | STRING | REP},
        {at_io16_es_outsb, 2, DX_PORT, WRITE | SIZE(1) | STRING},
    };
    run_list(GUEST_REAL, payload_io16, payload_io16_end, list, sizeof(list) / sizeof(list[0]));
}

static const struct expectation list32[] = {
    {at_io32_out8, 2, 0x20, WRITE | SIZE(1)},
    {at_io32_in32, 1, DX_PORT, SIZE(4)},
    {at_io32_rep_outsl, 2, DX_PORT, WRITE | SIZE(4) | STRING | REP},
};

static void io_protected_mode(void)
{
    run_list(GUEST_PROTECTED, payload_io32, payload_io32_end, list32, 3);
}

static void io_pae_mode(void)
{
    run_list(GUEST_PAE, payload_io32, payload_io32_end, list32, 3);
}

static void io_long_mode(void)
{
    const struct expectation list[] = {
        {at_io64_out16, 3, 0x30, WRITE | SIZE(2)},
        {at_io64_in8, 1, DX_PORT, SIZE(1)},
        {at_io64_rep_insl, 2, DX_PORT, SIZE(4) | STRING | REP},
    };
    run_list(GUEST_LONG, payload_io64, payload_io64_end, list, 3);
}

const struct scenario scenarios_records_io[] = {
    {"record/io-real", 1, io_real_mode},
    {"record/io-protected", 1, io_protected_mode},
    {"record/io-pae", 1, io_pae_mode},
    {"record/io-long", 1, io_long_mode},
    {0},
};
