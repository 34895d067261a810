/* SPDX-License-Identifier: MIT */
#include "kernel/power.h"

#include "arch/cpu.h"
#include "kernel/clock.h"

#define RESET_CONTROL 0xcf9u /* the chipset's reset register, where there is one */
#define RESET_CONTROL_FULL 0x0eu
#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_RESET 0xfeu
#define RESET_WAIT_US 50000u

void power_reset(void)
{
    outb(RESET_CONTROL, RESET_CONTROL_FULL);
    clock_delay_us(RESET_WAIT_US);
    outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
    clock_delay_us(RESET_WAIT_US);
    /* Neither is there: an exception without a descriptor table shuts the processor down, which resets a PC. */
    static const uint8_t no_table[10];
    __asm__ volatile("lidt %0; int3" : : "m"(no_table));
    cpu_halt_forever();
}
