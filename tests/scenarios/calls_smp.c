/* SPDX-License-Identifier: MIT */
/* Calls on two partitions by two CPUs at once: what the hypervisor copies for one is not the other's. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/scenario.h"

#define TICKS 4000000000ull
#define TURNS 400u
#define STATE_EVERY 8u
#define STEP 0x100000001ull
#define XMM_OFFSET 160u /* SDM vol. 1, table 10-2 */
#define XMM_BYTES 256u
#define HEADER_OFFSET 512u

static const uint32_t names[] = {
    WHvX64RegisterCr2,   WHvX64RegisterDr0,  WHvX64RegisterDr1,   WHvX64RegisterDr2,   WHvX64RegisterDr3,
    WHvX64RegisterLstar, WHvX64RegisterXmm0, WHvX64RegisterXmm15, WHvX64RegisterCstar, WHvX64RegisterRdx,
};

#define NAMES (sizeof(names) / sizeof(names[0]))

struct client {
    struct guest guest;
    uint64_t tag; /* in the lowest bits of all that this client writes */
    WHV_REGISTER_VALUE in[NAMES], out[NAMES];
    uint8_t block[4096] __attribute__((aligned(64))), image[4096] __attribute__((aligned(64)));
    uint32_t turns; /* atomic */
    bool wrong;
};

static struct client clients[2];

static bool registers(struct client *c, uint64_t value)
{
    uint64_t p = whb_handle(c->guest.partition);
    memset(c->out, 0, sizeof(c->out));
    for (uint32_t i = 0; i < NAMES; i++) {
        c->in[i].Reg128 = (WHV_UINT128){.Low64 = value};
    }
    return whb_call(WHB_CALL_VP_SET_REGISTERS, p, 0, (uintptr_t)names, (uintptr_t)c->in, NAMES, NULL) == WHB_OK &&
           whb_call(WHB_CALL_VP_GET_REGISTERS, p, 0, (uintptr_t)names, (uintptr_t)c->out, NAMES, NULL) == WHB_OK &&
           memcmp(c->in, c->out, sizeof(c->in)) == 0;
}

static bool state(struct client *c, uint64_t value)
{
    const uint64_t type = WHvVirtualProcessorStateTypeXsaveState, x87_and_sse = 3;
    uint64_t p = whb_handle(c->guest.partition), size = 0;
    if (whb_call(WHB_CALL_VP_STATE_GET, p, 0, type, (uintptr_t)c->block, sizeof(c->block), &size) != WHB_OK) {
        return false;
    }
    memset(c->block + XMM_OFFSET, (int)(value & 0xff), XMM_BYTES);
    memcpy(c->block + HEADER_OFFSET, &x87_and_sse, sizeof(x87_and_sse));
    return whb_call(WHB_CALL_VP_STATE_SET, p, 0, type, (uintptr_t)c->block, size, NULL) == WHB_OK &&
           whb_call(WHB_CALL_VP_STATE_GET, p, 0, type, (uintptr_t)c->image, sizeof(c->image), &size) == WHB_OK &&
           memcmp(c->block + XMM_OFFSET, c->image + XMM_OFFSET, XMM_BYTES) == 0;
}

static void work(void *client)
{
    struct client *c = client;
    for (uint64_t n = 1; n <= TURNS && !c->wrong; n++) {
        uint64_t value = n * STEP * 2 + c->tag;
        c->wrong = !registers(c, value) || (n % STATE_EVERY == 0 && !state(c, value));
        for (uint64_t wait = n * 7 % (29 + c->tag); wait != 0; wait--) { /* so that the CPUs do not fall into step */
            cpu_pause();
        }
        __atomic_store_n(&c->turns, (uint32_t)n, __ATOMIC_RELEASE);
    }
}

static void two_cpus(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        clients[i].tag = i;
        guest_create(&clients[i].guest, 1, 0);
    }
    root_run_on(1, work, &clients[1]);
    work(&clients[0]);
    CHECK(__atomic_load_n(&clients[1].turns, __ATOMIC_ACQUIRE) > 0); /* they were at it together */
    CHECK(root_wait(1, TICKS));
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(!clients[i].wrong);
        CHECK_EQ(TURNS, clients[i].turns);
        guest_destroy(&clients[i].guest);
    }
}

const struct scenario scenarios_calls_smp[] = {
    {"calls/two-cpus", 2, two_cpus},
    {0},
};
