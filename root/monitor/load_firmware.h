/* SPDX-License-Identifier: MIT */
/* Guests that begin as a PC does: a firmware image at the reset vector, or a boot sector as firmware would start it. */
#pragma once

#include "root/monitor/boot_state.h"

#define FIRMWARE_MIN 0x10000u
#define FIRMWARE_MAX 0x1000000u
/*
 * How much of the image's end is also below 1 MiB. A chipset shows 128 KiB there until firmware copies the rest; that
 * copy goes by the chipset's PCI registers, which this machine has not, and SeaBIOS's 256 KiB need it all.
 */
#define FIRMWARE_SHADOW_MAX 0x40000u

/* Where an image is in the guest's address space. */
struct firmware_layout {
    uint64_t base, size;          /* up to 4 GiB: for the caller to map, not writable */
    uint64_t shadow, shadow_size; /* up to 1 MiB: RAM, filled from the image's end */
};

/*
 * Takes an image of FIRMWARE_MIN to FIRMWARE_MAX bytes, a multiple of 4 KiB. Writes the copy below 1 MiB, and says in
 * `out` what is to be mapped where and in `state` how the first VP starts. Returns NULL, or a sentence about what is
 * wrong; then nothing was written.
 */
const char *load_firmware(const struct guest_memory *memory, const struct boot_file *file, struct firmware_layout *out,
                          struct boot_state *state);

/* Puts a sector of 512 bytes with its signature at 0x7c00, to start with the first disk's number in DL. As above. */
const char *load_boot_sector(const struct guest_memory *memory, const struct boot_file *file, struct boot_state *state);
