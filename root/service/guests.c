/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>

#include "root/service/guests.h"

#define PAYLOAD(name) extern const uint8_t payload_##name[], payload_##name##_end[]
#define AT(name) extern const uint8_t at_##name[]

PAYLOAD(hello);
PAYLOAD(ports);
PAYLOAD(memory);
PAYLOAD(ids);
PAYLOAD(modes);
PAYLOAD(triple);
PAYLOAD(spin);
PAYLOAD(invalid);
AT(hello_out);
AT(hello_hlt);
AT(out8);
AT(in16);
AT(out32);
AT(rep_outsb);
AT(ports_hlt);
AT(mem_read);
AT(mem_write);
AT(mem_hlt);
AT(ids_cpuid);
AT(ids_rdmsr);
AT(ids_wrmsr);
AT(ids_hlt);
AT(modes_real);
AT(modes_protected);
AT(modes_pae);
AT(modes_long);
AT(modes_hlt);
AT(triple_ud);
AT(invalid_start);

#define IO WHvRunVpExitReasonX64IoPortAccess
#define MEMORY WHvRunVpExitReasonMemoryAccess
#define MSR WHvRunVpExitReasonX64MsrAccess
#define HALT WHvRunVpExitReasonX64Halt
#define IO_WRITE(size) (1u | ((size) << 1))
#define IO_READ(size) ((size) << 1)
#define IO_STRING_REP 0x30u
#define MEMORY_UNMAPPED_VALID 0xcu /* GpaUnmapped, GvaValid */
#define MEMORY_WRITE 1u

static const struct step hello_steps[] = {
    {IO, at_hello_out, 0x3f8, IO_WRITE(1u), 0}, {HALT, at_hello_hlt + 1, 0, 0, 0}, {0}};
static const struct step ports_steps[] = {
    {IO, at_out8, 0x80, IO_WRITE(1u), 0},   {IO, at_in16, 0x82, IO_READ(2u), 0},
    {IO, at_out32, 0x1f0, IO_WRITE(4u), 0}, {IO, at_rep_outsb, 0x1f0, IO_WRITE(1u) | IO_STRING_REP, 0},
    {HALT, at_ports_hlt + 1, 0, 0, 0},      {0},
};
static const struct step memory_steps[] = {
    {MEMORY, at_mem_read, 0xf0123, MEMORY_UNMAPPED_VALID, 4},
    {MEMORY, at_mem_write, 0xf0456, MEMORY_UNMAPPED_VALID | MEMORY_WRITE, 5},
    {HALT, at_mem_hlt + 1, 0, 0, 0},
    {0},
};
static const struct step ids_steps[] = {
    {WHvRunVpExitReasonX64Cpuid, at_ids_cpuid, 0x40000000, 0, 0},
    {MSR, at_ids_rdmsr, 0x611, 0, 0},
    {MSR, at_ids_wrmsr, 0x611, 1, 0},
    {HALT, at_ids_hlt + 1, 0, 0, 0},
    {0},
};
static const struct step modes_steps[] = {
    {IO, at_modes_real, 0x90, IO_WRITE(1u), 0}, {IO, at_modes_protected, 0x91, IO_WRITE(1u), 0},
    {IO, at_modes_pae, 0x92, IO_WRITE(1u), 0},  {IO, at_modes_long, 0x93, IO_WRITE(1u), 0},
    {HALT, at_modes_hlt + 1, 0, 0, 0},          {0},
};
static const struct step triple_steps[] = {
    {WHvRunVpExitReasonUnrecoverableException, at_triple_ud, 0, 0, 0},
    {0},
};
static const struct step spin_steps[] = {
    {WHvRunVpExitReasonCanceled, NULL, 0, 0, 0},
    {0},
};
static const struct step invalid_steps[] = {
    {WHvRunVpExitReasonInvalidVpRegisterValue, at_invalid_start, 0, 0, 0},
    {HALT, at_invalid_start + 1, 0, 0, 0},
    {0},
};

#define KIND(name, what, ...)                                                                                          \
    {                                                                                                                  \
#name, what, payload_##name, payload_##name##_end, name##_steps, __VA_ARGS__                                   \
    }

const struct guest_kind guest_kinds[] = {
    KIND(hello, "writes a line to its serial port", true, false, false),
    KIND(ports, "port I/O of all sizes, and REP OUTSB", false, false, false),
    KIND(memory, "reads and writes where nothing is mapped", false, false, false),
    KIND(ids, "CPUID, RDMSR, WRMSR", false, false, false),
    KIND(modes, "goes from real to protected, PAE and long mode", false, false, false),
    KIND(triple, "triple fault", false, false, false),
    KIND(spin, "an endless loop, cancelled", false, true, false),
    KIND(invalid, "starts with a broken RFLAGS, then mended", false, false, true),
};
const uint32_t guest_kind_count = sizeof(guest_kinds) / sizeof(guest_kinds[0]);
