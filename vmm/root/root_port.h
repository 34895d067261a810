/* SPDX-License-Identifier: MIT */
/*
 * Ports by which the root could leave the hypervisor behind: those that put the machine to sleep or reset it. All other
 * ports are the root's without exits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/vmx/vmx.h"
#include "kernel/boot/acpi_power.h"

struct vp;

#define ROOT_PORT_BITMAP_BYTES (2 * VMX_IO_BITMAP_BYTES)

/* Pure: sets the bits of the intercepted ports in a zeroed bitmap. */
void root_port_bitmap(uint8_t bitmap[ROOT_PORT_BITMAP_BYTES], const struct acpi_power *power);

enum root_port_action {
    ROOT_PORT_PASS,   /* nothing of the kind */
    ROOT_PORT_REFUSE, /* a sleep state other than S5: the write is dropped */
    ROOT_PORT_RESET,  /* the machine resets */
};

/*
 * Pure: what OUT of `size` bytes (1, 2 or 4) at `port` does. `output_port`: the keyboard controller's last command was
 * D1H, so that the next byte at port 60H is its output port, whose bit 0 is the reset line.
 */
enum root_port_action root_port_decode(const struct acpi_power *power, bool output_port, uint16_t port, unsigned size,
                                       uint32_t value);

/* Exit for IN, OUT, INS or OUTS of the root VP, its VMCS current. */
void root_port_exit(struct vp *root);

/* One of ACPI's sleep and reset registers is in memory, and in this range. Its page is not the root's to touch. */
bool root_port_in_range(const struct acpi_power *power, uint64_t base, uint64_t size);
