/* SPDX-License-Identifier: MIT */
/* Starting the other CPUs. */
#pragma once

#include <stdint.h>

struct acpi_cpus;
struct boot_info;
struct cpu;

/*
 * A struct cpu with its tables and stacks for the CPU with this APIC ID, numbered cpu_count but not yet entered in
 * cpus[]. NULL: out of memory.
 */
struct cpu *smp_create_cpu(uint32_t apic_id);

/* Enters it in cpus[] as the next CPU. */
void smp_add_cpu(struct cpu *cpu);

/*
 * Starts every CPU of `list` but the calling one, up to `max_cpus` in all, and returns when each runs or has been given
 * up with a warning that names it. cpus[] and cpu_count are final then. All started CPUs call `entry` on their own
 * stacks once the start-up pages below 1 MiB are unmapped again; they run concurrently with the caller's return.
 */
void smp_start_all(const struct acpi_cpus *list, const struct boot_info *info, uint32_t max_cpus,
                   void (*entry)(struct cpu *cpu));
