/* SPDX-License-Identifier: MIT */
/* Guests as the modules' command lines describe them (docs/guests.md). */
#pragma once

#include <stdbool.h>

#include "root/monitor/boot_state.h"

#define GUEST_MAX 8u
#define GUEST_MAX_DISKS 4u
#define GUEST_MAX_MODULES 8u
#define GUEST_NAME 32u
#define GUEST_CONFIG_PROBLEM 200u
#define GUEST_TEXT_MAX 511u /* the boot loader's hand-off cuts what is longer */

enum guest_kind {
    GUEST_NONE,
    GUEST_LINUX,
    GUEST_PVH,
    GUEST_MULTIBOOT,
    GUEST_FIRMWARE,
    GUEST_BOOTSECTOR,
};

struct guest_disk {
    struct boot_file file;
    bool readonly;
};

struct guest_config {
    char name[GUEST_NAME];
    enum guest_kind kind;
    struct boot_file main;
    const char *command_line; /* what stands behind " -- ", or "" */
    struct boot_file initrd;  /* data NULL: none */
    struct boot_file modules[GUEST_MAX_MODULES];
    uint32_t module_count;
    struct guest_disk disks[GUEST_MAX_DISKS];
    uint32_t disk_count;
    uint32_t cpus;       /* 1 to 64 */
    uint64_t memory;     /* bytes, at least 1 MiB, whole pages of 4 KiB */
    bool x2apic;         /* local APICs have x2APIC mode */
    bool kvm_signature;  /* CPUID says KVM */
    bool virtio_console; /* the terminal's keys go to the virtio console */
    bool boot_menu;      /* firmware shows its boot menu */
};

struct guest_configs {
    uint32_t count;
    struct guest_config guests[GUEST_MAX];
};

/*
 * GRUB puts a word with blanks between quotation marks, and a backslash before each quotation mark, apostrophe and
 * backslash (grub-core/lib/cmdline.c). This gives the text as it stood in grub.cfg; `to` has room for the text's length
 * and a zero. A text that may have been cut stays as it is, so that guest_config_parse() still sees it.
 */
void guest_config_unquote(const char *text, char *to);

/*
 * True: all descriptions are right. Else `problem` is an English sentence without its full stop, and `out` is not to be
 * used. `files` and their texts stay in use.
 */
bool guest_config_parse(const struct boot_file *files, uint32_t count, struct guest_configs *out, char *problem,
                        size_t problem_size);

/* "Linux", "multiboot" ... */
const char *guest_kind_name(enum guest_kind kind);
