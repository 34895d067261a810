/* SPDX-License-Identifier: MIT */
/*
 * A build for tests (HARDWARE_MODEL=1, docs/testing.md): on Bochs, guests see a machine that is in some ways more like
 * hardware than Bochs is. In every other build these hooks are nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef HARDWARE_MODEL

/* First of all after an exit of a guest, with its whole exit reason; its VMCS is current. */
void hardware_model_exit(uint32_t reason);

/* What a guest's primary processor-based controls have besides what the hypervisor wants. */
uint32_t hardware_model_controls(void);

/*
 * After an exit by the VMX preemption timer: no interrupt waits for the root, so that on hardware this exit would not
 * have come.
 */
bool hardware_model_quiet(void);

#else

static inline void hardware_model_exit(uint32_t reason)
{
    (void)reason;
}

static inline uint32_t hardware_model_controls(void)
{
    return 0;
}

static inline bool hardware_model_quiet(void)
{
    return false;
}

#endif
