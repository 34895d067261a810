/* SPDX-License-Identifier: MIT */
/*
 * One guest: a partition, its memory, its devices, and its VPs' exit loops. All devices are under the machine's lock.
 * A machine is made once and may be run again after a reset; it is not taken apart, since the root ends after its
 * guests.
 */
#pragma once

#include "root/devices/acpi_pm.h"
#include "root/devices/bus.h"
#include "root/devices/ferr.h"
#include "root/devices/guest_memory.h"
#include "root/devices/ioapic.h"
#include "root/devices/keyboard.h"
#include "root/devices/misc_ports.h"
#include "root/devices/pic.h"
#include "root/devices/pit.h"
#include "root/devices/platform.h"
#include "root/devices/rtc.h"
#include "root/devices/uart.h"
#include "root/devices/virtio_blk.h"
#include "root/devices/virtio_console.h"
#include "root/libwhv/whimbrel_ext.h"
#include "root/monitor/boot_state.h"
#include "root/monitor/console.h"
#include "root/monitor/firmware_config.h"
#include "root/monitor/guest_config.h"
#include "root/monitor/load_firmware.h"
#include "root/monitor/statistics.h"

#define MACHINE_MAX_VPS 64u
#define MACHINE_FIRMWARE_LINE 128u
#define MACHINE_MAX_DISKS PLATFORM_VIRTIO_SLOTS

/* How a machine came to its end, or what is asked of it. */
enum machine_end {
    MACHINE_RUNS,
    MACHINE_POWERED_OFF, /* the guest switched it off */
    MACHINE_EXITED,      /* by the exit port, with a status */
    MACHINE_HALTED,      /* all VPs are in HLT with interrupts off: nothing but an NMI would wake it */
    MACHINE_CRASHED,     /* a record that nothing can be done about; the report is on the console */
    MACHINE_STOPPED,     /* by the person at the console */
    MACHINE_RESETS,      /* starts again as soon as all VPs have stopped */
};

struct machine;
struct machine_vp;

#define ROM_STEP_PAGES 4u

/* One instruction, or the delivery of one event, for which pages of ROM can be written (root/monitor/vp_rom.c). */
struct rom_step {
    struct machine_vp *vp; /* NULL: none is on */
    bool traps;            /* it is stepped by TF */
    bool had_tf;           /* TF is the guest's own too */
    bool pops_flags;       /* TF behind the instruction is what that made it */
    uint32_t count;
    uint64_t pages[ROM_STEP_PAGES]; /* guest-physical */
    uint8_t *copies;                /* ROM_STEP_PAGES pages */
};

struct machine_vp {
    struct machine *machine;
    uint32_t index;
    WHV_EMULATOR_HANDLE emulator;
    struct vp_statistics statistics;
    WHV_RUN_VP_EXIT_CONTEXT record; /* the last one */
    bool window_asked;              /* an InterruptWindow record is to come */
    bool pic_given;                 /* an interrupt of the 8259 pair was given to it, and may not be taken yet */
    bool dead;                      /* at its last look: in HLT with interrupts off, or never started */
    uint32_t stopped;               /* atomic: 1 while the loop waits for a reset or has ended */
};

struct machine {
    const struct guest_config *config;
    WHV_PARTITION_HANDLE partition;
    struct guest_memory memory;
    struct firmware_layout firmware;
    struct rom_step rom_step;
    uint8_t *rom;  /* the firmware's own pages; NULL: none */
    uint32_t lock; /* atomic */
    uint32_t end;  /* atomic, enum machine_end */
    uint32_t exit_status;
    uint32_t generation; /* atomic: resets so far */
    uint64_t tsc_begin;  /* guest time 0 */
    uint64_t alarm;      /* ns: what VP 0's CPU waits for */
    bool pic_rose;       /* INTR of the 8259 pair has risen since VP 0 looked */

    struct bus ports, mmio;
    struct pic pic;
    struct ioapic ioapic;
    struct pit pit;
    struct rtc rtc;
    struct acpi_pm pm;
    struct uart uart;
    struct keyboard keyboard;
    struct misc_ports misc;
    struct ferr ferr;
    struct firmware_config firmware_config;
    struct virtio_blk disks[MACHINE_MAX_DISKS];
    struct virtio_console virtio_console;
    struct device_clock clock;
    struct console console;
    char firmware_line[MACHINE_FIRMWARE_LINE]; /* of the firmware's debug port, so far */
    uint32_t firmware_used;
    struct machine_vp vps[MACHINE_MAX_VPS];
};

/* Makes the partition, memory and devices. NULL, or an English sentence of what went wrong. */
const char *machine_create(struct machine *m, const struct guest_config *config);

/* Loads the guest's files and sets VP 0's registers. NULL or a sentence. */
const char *machine_load(struct machine *m);

/* Runs a VP until the machine ends; once on each of its VPs' CPUs, with interrupts on. */
void machine_run_vp(struct machine_vp *vp);

/* From any CPU, also from an interrupt handler. The first end stays. */
void machine_end(struct machine *m, enum machine_end how);
enum machine_end machine_state(const struct machine *m);
void machine_send_nmi(struct machine *m);
/* Keys from the console. Any CPU, not from an interrupt handler. */
void machine_input(struct machine *m, const uint8_t *bytes, size_t size);
/* Whether typed bytes wait and the guest has room for some; a hint, without the lock. machine_input gives them. */
bool machine_takes_input(const struct machine *m);

void machine_lock(struct machine *m);
void machine_unlock(struct machine *m);
/* Guest time in ns, and the TSC at a guest time. */
uint64_t machine_now(void *machine);
uint64_t machine_tsc_at(const struct machine *m, uint64_t ns);
/* Where the firmware's byte at `gpa` is; NULL if any of it is no firmware. */
const uint8_t *machine_rom_at(const struct machine *m, uint64_t gpa, uint64_t size);

/* Between the VPs' stop and their next run: all as at power-on, the guest's files loaded again. NULL or a sentence. */
const char *machine_restart(struct machine *m);

/* Lines of the monitor about a guest: "[name] ...". Lines at debug level show with `debug` on the root's command line.
 */
void machine_say(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void machine_debug(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
