/* SPDX-License-Identifier: MIT */
/* A guest: a partition with one VP and 2 MiB of RAM, in which random code runs. It moves from CPU to CPU. */
#pragma once

#include "tests/attack/attack.h"

#include "abi/run_page.h"

#define GUEST_RAM (2u << 20)
#define GUEST_CODE 0x10000u /* where the random code is; in real mode CS names it */
#define GUEST_CODE_SIZE 0x400u
#define GUEST_TABLES 0x100000u /* page tables: PML4, PDPT, PD */

enum guest_mode { GUEST_REAL, GUEST_PROTECTED, GUEST_PAE, GUEST_LONG, GUEST_MODES };

struct guest {
    uint32_t taken; /* atomic: 1: a CPU works with it */
    struct attacker *a;
    uint64_t partition;
    uint8_t *ram;
    struct whb_run_page *run;
    enum guest_mode mode;
    uint64_t sequence; /* records that the VP has given */
};

/* Writes random code, and descriptor tables of which some are right. */
void guest_write_code(struct random *r, uint8_t *code, uint32_t size, enum guest_mode mode);

/* Puts the VP into a random mode, with fresh memory. The VP exists. */
void guest_start(struct guest *g);

/* One register by hypercall. */
enum whb_status guest_set(struct guest *g, uint32_t name, uint64_t low, uint64_t high);

/* Compares the record with itself and with the registers. */
void guest_check_record(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *record);
/* Which of attacker.exits counts this reason; 0: not a reason that may come. */
uint32_t guest_exit_kind(uint32_t reason);
const char *guest_exit_name(uint32_t kind);
