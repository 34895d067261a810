/* SPDX-License-Identifier: MIT */
/* The machine's devices and the wires between them. */
#pragma once

#include "root/monitor/machine.h"

/* All devices on their buses, as after power-on. NULL or a sentence. */
const char *machine_wire(struct machine *m);
/* What firmware finds by fw_cfg; for guests that start with firmware. */
const char *machine_fill_fw_cfg(struct machine *m);
/* What the ACPI tables tell of. */
struct acpi_machine machine_acpi(const struct machine *m);
