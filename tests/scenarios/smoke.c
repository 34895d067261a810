/* SPDX-License-Identifier: MIT */
/* The shortest complete life of a guest. */
#include "tests/scenarios/scenario.h"

extern const uint8_t payload_smoke[], payload_smoke_end[];

static void smoke(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    guest_load(&g, 0, payload_smoke, payload_smoke_end, 0x1000);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(0x80, r.IoPortAccess.PortNumber);
    CHECK_EQ(0x1234, r.IoPortAccess.Rax);
    CHECK_EQ(0x1003, r.VpContext.Rip);
    CHECK_EQ(2, r.VpContext.InstructionLength);
    guest_skip(&g, 0, &r);
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1006, r.VpContext.Rip);
    guest_destroy(&g);
}

const struct scenario scenarios_smoke[] = {
    {"smoke", 1, smoke},
    {0},
};
