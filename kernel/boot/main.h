/* SPDX-License-Identifier: MIT */
/* The start of the machine, and what it leaves for everyone: constant once the other CPUs run. */
#pragma once

#include "kernel/boot/acpi_power.h"
#include "kernel/boot/multiboot2.h"
#include "kernel/boot/options.h"

struct cpu;

/* What the host is started for. */
struct boot_client {
    /* Once, on the boot CPU, with memory, console and descriptor tables up and before the other CPUs are started. */
    void (*boot)(const struct boot_info *info, const struct boot_options *options);
    /* On every CPU, the boot CPU last; does not return. */
    void (*start)(struct cpu *cpu);
};

extern struct boot_info boot_info;
extern struct boot_options boot_options;
extern struct acpi_power acpi_power;

/* First of all; the machine is as arch/boot/boot.h says. `mbi_pa` is the loader's information, `load_base` the image.
 */
_Noreturn void boot_main(uint32_t mbi_pa, uint64_t load_base, const struct boot_client *client);
