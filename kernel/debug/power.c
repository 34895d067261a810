/* SPDX-License-Identifier: MIT */
#include "kernel/debug/power.h"

#include "arch/boot/scrub.h"
#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/percpu.h"
#include "kernel/core/clock.h"
#include "kernel/debug/panic.h"

#define CMOS_INDEX 0x70u
#define CMOS_DATA 0x71u
#define CMOS_SHUTDOWN 0x0fu /* what firmware does after a reset: 0, start the machine */
#define CMOS_NO_NMI 0x80u
#define RESET_WAIT_US 50000u
#define NMI_WAIT_US 1000u

static bool resetting;
static uint64_t image_base, heap_base, heap_size;

void power_set_image(uint64_t base)
{
    image_base = base;
}

void power_set_heap(uint64_t base, uint64_t size)
{
    heap_base = base;
    heap_size = size;
}

static _Noreturn void reset(void)
{
    uint64_t khz = kernel_tsc_khz != 0 ? kernel_tsc_khz : 5000000;
    scrub_and_reset(heap_base, heap_size, image_base, khz * RESET_WAIT_US / 1000);
}

void power_nmi(void)
{
    if (resetting) {
        reset();
    }
}

void power_reset(void)
{
    panic_stop_others();
    outb(CMOS_INDEX, CMOS_NO_NMI | CMOS_SHUTDOWN);
    outb(CMOS_DATA, 0);
    resetting = true;
    if (apic_ready() && cpu_count != 0) {
        apic_send_nmi(this_cpu()->apic_id); /* goes on in its handler, where no NMI can come between */
        clock_delay_us(NMI_WAIT_US);
    }
    reset();
}
