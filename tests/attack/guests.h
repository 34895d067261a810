/* SPDX-License-Identifier: MIT */
/* A guest: a partition with one or two VPs and 2 MiB of RAM, in which random code runs. It moves from CPU to CPU. */
#pragma once

#include "tests/attack/attack.h"

#include "abi/run_page.h"

#define GUEST_RAM (2u << 20)
#define GUEST_VPS 2u
#define GUEST_CODE 0x10000u /* where the random code is; in real mode CS names it */
#define GUEST_CODE_SIZE 0x400u
#define GUEST_TABLES 0x100000u /* page tables: PML4, PDPT, two PDs */
#define GUEST_APIC 0xfee00000u

enum guest_mode { GUEST_REAL, GUEST_PROTECTED, GUEST_PAE, GUEST_LONG, GUEST_MODES };

struct guest {
    uint32_t taken; /* atomic: 1: a CPU works with it */
    struct attacker *a;
    uint64_t partition;
    uint8_t *ram;
    enum guest_mode mode;
    bool apic; /* local APICs in the hypervisor */
    uint32_t vps;
    uint32_t vp; /* the one that the functions below are about */
    struct whb_run_page *runs[GUEST_VPS];
    uint64_t sequences[GUEST_VPS]; /* records that a VP has given */
    uint32_t start_registers;      /* guest_start: so many are to be set */
};

/* Writes random code; with `apic`, much of it is about the local APIC, and the beginning ends an interrupt. */
void guest_write_code(struct random *r, uint8_t *code, uint32_t size, enum guest_mode mode, bool apic);

/* Fresh memory for the guest's mode: code, page tables, and descriptor tables of which some are right. */
void guest_write_memory(struct guest *g);

/* Puts the VP, which exists and is new, into the guest's mode. */
void guest_start(struct guest *g);

/* One register of the VP by hypercall. */
enum whb_status guest_set(struct guest *g, uint32_t name, uint64_t low, uint64_t high);

/* Compares the record with itself and with the registers. */
void guest_check_record(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *record);
/* Which of attacker.exits counts this reason; 0: not a reason that may come. */
uint32_t guest_exit_kind(uint32_t reason);
const char *guest_exit_name(uint32_t kind);
/* How often this kind must have come in so much work. */
uint32_t guest_exit_wanted(uint32_t kind, uint64_t work);
