/* SPDX-License-Identifier: MIT */
/* Where the devices of the machine are: one place for the bus, the ACPI tables and the loaders. */
#pragma once

#define PLATFORM_IOAPIC 0xfec00000u /* 4 KiB */
#define PLATFORM_IOAPIC_PINS 24u
#define PLATFORM_LOCAL_APIC 0xfee00000u

/* The PIT's interrupt 0 is the I/O APIC's pin 2; the others have their own numbers. */
#define PLATFORM_IRQ_PIT 0u
#define PLATFORM_PIN_PIT 2u
#define PLATFORM_IRQ_KEYBOARD 1u
#define PLATFORM_IRQ_COM1 4u
#define PLATFORM_IRQ_RTC 8u
#define PLATFORM_IRQ_COPROCESSOR 13u
#define PLATFORM_IRQ_SCI 9u /* level-triggered, active high */

#define PLATFORM_COM1 0x3f8u
#define PLATFORM_PM_BASE 0x600u /* PM1a event block 0x600, PM1a control 0x604, PM timer 0x608 */
#define PLATFORM_PM_EVENT 0x600u
#define PLATFORM_PM_CONTROL 0x604u
#define PLATFORM_PM_TIMER 0x608u
#define PLATFORM_SLP_TYP_S5 5u /* what the DSDT's \_S5 says and PM1a control takes */
#define PLATFORM_FW_CFG 0x510u /* selector 0x510, data 0x511, DMA 0x514 */
#define PLATFORM_COPROCESSOR 0xf0u
#define PLATFORM_EXIT_PORT 0xf4u
#define PLATFORM_DEBUG_PORT 0xe9u
#define PLATFORM_BIOS_DEBUG_PORT 0x402u

/* Slot n: registers at BASE + n * STRIDE, interrupt PLATFORM_VIRTIO_IRQS[n], level-triggered, active high. */
#define PLATFORM_VIRTIO_BASE 0xfeb00000u
#define PLATFORM_VIRTIO_STRIDE 0x1000u
#define PLATFORM_VIRTIO_SLOTS 4u
#define PLATFORM_VIRTIO_IRQS                                                                                           \
    {                                                                                                                  \
        10u, 11u, 5u, 7u                                                                                               \
    }
