/* SPDX-License-Identifier: MIT */
#include "root/lib/power.h"

#include "root/lib/console.h"
#include "root/lib/cpu.h"

#define BOCHS_SHUTDOWN_PORT 0x8900u
#define QEMU_DEBUG_EXIT_PORT 0xf4u
#define QEMU_Q35_PM_CONTROL 0x604u
#define QEMU_PIIX_PM_CONTROL 0xb004u
#define PM_SLEEP_S5 0x2000u

void root_power_off(unsigned code)
{
    static const char word[] = "Shutdown";
    console_drain();
    for (unsigned i = 0; i < sizeof(word) - 1; i++) {
        cpu_outb(BOCHS_SHUTDOWN_PORT, (uint8_t)word[i]);
    }
    cpu_outb(QEMU_DEBUG_EXIT_PORT, (uint8_t)code);
    cpu_outw(QEMU_Q35_PM_CONTROL, PM_SLEEP_S5);
    cpu_outw(QEMU_PIIX_PM_CONTROL, PM_SLEEP_S5);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}
