/* SPDX-License-Identifier: MIT */
/*
 * Registers by the run page from two CPUs. Each call is done as a whole or refused as it is when the hypervisor has the
 * VP; what was done is neither lost nor torn, whatever the other CPU does meanwhile.
 */
#include "abi/run_page.h"
#include "tests/scenarios/records.h"

#define TICKS 2000000000ull
#define TURNS 1500u
#define STEP 0x100000001ull

DECLARE_PAYLOAD(tell);

static struct guest guest;
static volatile uint32_t finish, done, refused, wrong; /* atomic, but for `wrong`, which one CPU has */

static HRESULT get(const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *v)
{
    HRESULT hr;
    while ((hr = WHvGetVirtualProcessorRegisters(guest.partition, 0, names, count, v)) == WHV_E_INVALID_VP_STATE) {
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    }
    return hr;
}

static HRESULT set(const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *v)
{
    HRESULT hr;
    while ((hr = WHvSetVirtualProcessorRegisters(guest.partition, 0, names, count, v)) == WHV_E_INVALID_VP_STATE) {
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    }
    return hr;
}

/* Sets two registers that the guest leaves alone, in the page or with a third by a hypercall, and looks at them. */
static void other_cpu(void *arg)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterR8, WHvX64RegisterR9, WHvX64RegisterCr8};
    WHV_REGISTER_VALUE in[3] = {0}, out[3];
    (void)arg;
    for (uint64_t n = 1; __atomic_load_n(&finish, __ATOMIC_SEQ_CST) == 0; n++) {
        const uint32_t to_set = n % 16 == 0 ? 3 : 2, to_get = n % 16 == 8 ? 3 : 2;
        in[0].Reg64 = in[1].Reg64 = n * STEP;
        bool good = set(names, to_set, in) == S_OK && get(names, to_get, out) == S_OK;
        if (!good || out[0].Reg64 != n * STEP || out[1].Reg64 != n * STEP) {
            wrong++;
            return;
        }
        __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
        for (uint64_t wait = n * 7 % 31; wait != 0; wait--) { /* so that the CPUs do not fall into step */
            cpu_pause();
        }
    }
}

static HRESULT run(WHV_RUN_VP_EXIT_CONTEXT *r)
{
    for (;;) {
        HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, r, sizeof(*r));
        if (hr == WHB_HR_INTERRUPTED) {
            __asm__ volatile("sti; nop; cli" : : : "memory");
        } else if (hr != WHV_E_INVALID_VP_STATE) {
            return hr;
        }
    }
}

/* One CPU runs the VP past its port writes, the other sets registers of the same VP: each finds its own. */
static void two_cpus(void)
{
    static const WHV_REGISTER_NAME rip = WHvX64RegisterRip, rcx = WHvX64RegisterRcx;
    WHV_RUN_VP_EXIT_CONTEXT r;
    WHV_REGISTER_VALUE v = {0};
    finish = done = refused = wrong = 0;
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_tell, payload_tell_end, PAYLOAD_AT);
    root_run_on(1, other_cpu, NULL);
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        CHECK_EQ(S_OK, run(&r));
        CHECK_EQ(WHvRunVpExitReasonX64IoPortAccess, r.ExitReason);
        v.Reg64 = r.VpContext.Rip + 2;
        CHECK_EQ(S_OK, set(&rip, 1, &v));
        CHECK_EQ(S_OK, get(&rcx, 1, &v));
        CHECK_EQ(turn, v.Reg64);
    }
    __atomic_store_n(&finish, 1, __ATOMIC_SEQ_CST);
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(0, wrong);
    CHECK(done > 0);
    CHECK(refused > 0);
    CHECK_EQ(0, whb_run_page(guest.partition, 0)->root_own);
    guest_destroy(&guest);
}

const struct scenario scenarios_run_page_smp[] = {
    {"run-page/two-cpus", 2, two_cpus},
    {0},
};
