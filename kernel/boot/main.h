/* SPDX-License-Identifier: MIT */
/* What the start of the machine leaves for everyone. Constant once the other CPUs run. */
#pragma once

#include "kernel/boot/acpi_power.h"
#include "kernel/boot/multiboot2.h"
#include "kernel/boot/options.h"

extern struct boot_info boot_info;
extern struct boot_options boot_options;
extern struct acpi_power acpi_power;
