/* SPDX-License-Identifier: MIT */
/*
 * Whole-machine scenarios: each makes its partition, runs its guest payload and checks every field it gets. They run
 * one after another in the test root program, each printing `PASS name` or `FAIL name: what, expected X, came Y`.
 */
#pragma once

#include "root/lib/root.h"
#include "root/libwhv/WinHvPlatform.h"
#include "root/libwhv/whimbrel_ext.h"

struct scenario {
    const char *name;
    uint32_t cpus; /* root CPUs it needs at least */
    void (*run)(void);
};

/* A list ends with a scenario without name. Each topic's file defines one; main.c names them all. */
typedef const struct scenario scenario_list[];

/* First difference fails the scenario; later checks of the same scenario are still made, but not printed. */
void check_equal(const char *what, uint64_t expected, uint64_t came);
#define CHECK_EQ(expected, came) check_equal(#came, (uint64_t)(expected), (uint64_t)(came))
#define CHECK(condition) check_equal(#condition, 1, (condition) ? 1 : 0)

/* The hand-off, for scenarios that look at the machine. */
extern const struct whb_handoff *scenario_machine;
/* Whether it is QEMU with KVM, which the tests run in a Linux in Bochs. */
bool scenario_is_nested(void);

/* A guest: partition, `vps` VPs, GUEST_RAM bytes of RAM at GPA 0 (read, write, execute), VP 0.. in the reset state. */
#define GUEST_RAM 0x200000u
struct guest {
    WHV_PARTITION_HANDLE partition;
    uint8_t *ram;
    uint32_t vps;
};

/* `exits`: WHV_EXTENDED_VM_EXITS. Failure ends the scenario's program: the hypervisor is broken then. */
void guest_create(struct guest *g, uint32_t vps, uint64_t exits);
/* The same with local APICs in the hypervisor. */
void guest_create_apic(struct guest *g, uint32_t vps, uint64_t exits, WHV_X64_LOCAL_APIC_EMULATION_MODE mode);
/* Deletes VPs and partition; checks that this succeeds. The RAM block is kept for the next guest. */
void guest_destroy(struct guest *g);

/* Copies a payload to GPA `at` and makes the VP start there in real mode: CS base 0, IP = at (below 64 KiB). */
void guest_load(struct guest *g, uint32_t vp, const void *begin, const void *end, uint32_t at);

/*
 * Puts the VP in a flat mode with page tables in guest RAM from 0x100000 that map GVA 0.. identically (first 1 GiB, 2
 * MiB pages) and, for the paged modes, GVA 0x40000000..0x40200000 to GPA 0x0: a GVA that differs from its GPA. RSP =
 * 0x8000, GDT at 0x7000 (see guest.c for the selectors), IDT limit 0 unless guest_idt is called.
 */
enum guest_mode { GUEST_REAL, GUEST_PROTECTED, GUEST_PAE, GUEST_LONG };
void guest_enter_mode(struct guest *g, uint32_t vp, enum guest_mode mode, uint64_t rip);

/* Installs a gate in the guest's IDT at 0x6000 for its mode, pointing at `handler`, and sets IDTR. */
void guest_idt(struct guest *g, uint32_t vp, enum guest_mode mode, unsigned vector, uint64_t handler);

uint64_t guest_get(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name);
void guest_set(struct guest *g, uint32_t vp, WHV_REGISTER_NAME name, uint64_t value);

/*
 * Runs until the next exit and checks that it is `reason`; takes interrupts of the root's own meanwhile if they are on,
 * else runs again on WHB_HR_INTERRUPTED after opening the interrupt window for a moment.
 */
void guest_run(struct guest *g, uint32_t vp, WHV_RUN_VP_EXIT_CONTEXT *record, WHV_RUN_VP_EXIT_REASON reason);

/* whb_vp_diagnostics, which ends like a run for an interrupt of the root's own. */
void guest_diagnostics(struct guest *g, uint32_t vp, struct whb_vp_diagnostics *d);

/* RIP past the instruction of the record (InstructionLength), or past `length` bytes. */
void guest_skip(struct guest *g, uint32_t vp, const WHV_RUN_VP_EXIT_CONTEXT *record);
void guest_advance(struct guest *g, uint32_t vp, uint64_t length);

/* Checks that every byte of the 224-byte record from `from` on is zero: what lies outside the reason's own context. */
void check_zero_tail(const WHV_RUN_VP_EXIT_CONTEXT *record, uint32_t from);
