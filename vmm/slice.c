/* SPDX-License-Identifier: MIT */
#include "vmm/slice.h"

#include "arch/cpu.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "vmm/vmm_state.h"

#define BOCHS_DEBUG_PORT 0xe9u /* reads back its own number where its device is there: Bochs, and QEMU's debugcon */
#define SLICE_MS 1u
#define MISC_TIMER_RATE 0x1fu /* IA32_VMX_MISC: the timer counts when this bit of the TSC changes */

void slice_init(void)
{
    bool offered = ((uint32_t)(vmm.caps.pin >> 32) & PIN_PREEMPTION_TIMER) != 0;
    if (!offered || kernel_tsc_khz == 0 || inb(BOCHS_DEBUG_PORT) != BOCHS_DEBUG_PORT) {
        return;
    }
    vmm.slice = (kernel_tsc_khz * SLICE_MS) >> (vmm.caps.misc & MISC_TIMER_RATE);
    if (vmm.slice != 0) {
        vmm.guest_controls.pin |= PIN_PREEMPTION_TIMER;
        log_debug("guests leave after %u ms at the latest: this emulator can miss interrupts.", SLICE_MS);
    }
}
