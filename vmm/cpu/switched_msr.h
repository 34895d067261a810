/* SPDX-License-Identifier: MIT */
/* MSRs that the VMCS does not switch and whose writes always exit, so that their values are known (vmm/vp/switch.c). */
#pragma once

enum switched_msr {
    SWITCHED_STAR,
    SWITCHED_LSTAR,
    SWITCHED_CSTAR,
    SWITCHED_FMASK,
    SWITCHED_TSC_AUX,
    SWITCHED_COUNT,
};
