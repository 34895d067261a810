/* SPDX-License-Identifier: MIT */
/* Only in a build with HARDWARE_MODEL=1, which makes PAUSE an exit that the hypervisor does not know. */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(unknown_exit64);
DECLARE_AT(unknown_exit64_pause);
DECLARE_AT(unknown_exit64_after);

#define UNION_OFFSET 48u
#define EXIT_PAUSE 40u

/* The record names the reason; the VP is at the instruction, and goes on where the client puts it. */
static void unknown_exit(void)
{
    struct guest g;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&g, 1, 0);
    START(&g, GUEST_LONG, unknown_exit64);
    for (unsigned i = 0; i < 3; i++) {
        guest_run(&g, 0, &r, WHvRunVpExitReasonUnsupportedFeature);
        records_check_context(&g, &r, RIP_OF(unknown_exit64, unknown_exit64_pause), 0, 0, 0);
        CHECK_EQ(WHvUnsupportedFeatureIntercept, r.UnsupportedFeature.FeatureCode);
        CHECK_EQ(EXIT_PAUSE, r.UnsupportedFeature.FeatureParameter);
        check_zero_tail(&r, UNION_OFFSET + sizeof(r.UnsupportedFeature));
    }
    guest_set(&g, 0, WHvX64RegisterRip, RIP_OF(unknown_exit64, unknown_exit64_after));
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64Halt);
    guest_destroy(&g);
}

const struct scenario scenarios_hardware_model[] = {
    {"hardware-model/unknown-exit", 1, unknown_exit},
    {0},
};
