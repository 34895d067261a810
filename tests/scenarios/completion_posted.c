/* SPDX-License-Identifier: MIT */
/* Writes that the hypervisor finishes without the client: what is due behind them is the same. */
#include "tests/scenarios/completion.h"

DECLARE_PAYLOAD(ends64);
DECLARE_AT(ends64_out);
DECLARE_AT(ends64_out_end);
DECLARE_AT(ends64_store);
DECLARE_AT(ends64_store_end);

#define CR4_DE 8u
#define PORT 0x40u
#define STORED_AT (DEVICE_AT + 2)
#define DR7_EXECUTE0 0x402ull
#define DR7_PORT0 0x20402ull
#define DR7_WRITE0 0xd0402ull

static const struct posted {
    const uint8_t *at, *end;
    uint64_t range, watched, dr7;
} posted[] = {
    {at_ends64_out, at_ends64_out_end, WHB_POSTED_PORT | PORT, PORT, DR7_PORT0},
    {at_ends64_store, at_ends64_store_end, STORED_AT, DEVICE_AT, DR7_WRITE0},
};

static uint64_t rip_of(const uint8_t *at)
{
    return PAYLOAD_AT + (uint64_t)(at - payload_ends64);
}

static void create(struct guest *g)
{
    CREATE(g, ends64);
    guest_set(g, 0, WHvX64RegisterCr4, guest_get(g, 0, WHvX64RegisterCr4) | CR4_DE);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(S_OK, whb_add_posted_range(g->partition, posted[i].range, 1));
    }
}

static void go_to(struct guest *g, const struct posted *p, uint64_t rflags)
{
    guest_set(g, 0, WHvX64RegisterRip, rip_of(p->at));
    guest_set(g, 0, WHvX64RegisterRflags, rflags);
}

/* The trap is behind it, and the write waits for the client. */
static void check_posted(struct guest *g)
{
    struct whb_posted_write write;
    UINT32 taken = 0;
    CHECK_EQ(S_OK, whb_take_posted_writes(g->partition, 0, &write, 1, &taken));
    CHECK_EQ(1, taken);
}

static void watched(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    create(&g);
    for (unsigned i = 0; i < 4; i++) {
        const struct posted *p = &posted[i / 2];
        bool met = i % 2 == 0;
        guest_set(&g, 0, WHvX64RegisterDr0, met ? p->watched : p->watched + 8);
        guest_set(&g, 0, WHvX64RegisterDr7, p->dr7);
        go_to(&g, p, RFLAGS_NONE);
        if (met) {
            completion_check_trap(&g, rip_of(p->end), DEBUG_B0);
        }
        guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
        check_posted(&g);
    }
    guest_destroy(&g);
}

static void stepped(void)
{
    struct guest g;
    create(&g);
    for (unsigned i = 0; i < 2; i++) {
        go_to(&g, &posted[i], RFLAGS_NONE | RFLAGS_TF);
        completion_check_trap(&g, rip_of(posted[i].end), DEBUG_BS);
        check_posted(&g);
        guest_set(&g, 0, WHvX64RegisterDr0, rip_of(posted[i].end));
        guest_set(&g, 0, WHvX64RegisterDr7, DR7_EXECUTE0);
        go_to(&g, &posted[i], RFLAGS_NONE | RFLAGS_RF);
        completion_check_trap(&g, rip_of(posted[i].end), DEBUG_B0);
        check_posted(&g);
        guest_set(&g, 0, WHvX64RegisterDr7, 0x400);
    }
    guest_destroy(&g);
}

const struct scenario scenarios_completion_posted[] = {
    {"completion/posted-watched", 1, watched},
    {"completion/posted-stepped", 1, stepped},
    {0},
};
