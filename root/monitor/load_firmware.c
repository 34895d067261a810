/* SPDX-License-Identifier: MIT */
#include "root/monitor/load_firmware.h"

#include <stdbool.h>

#include "root/lib/string.h"

#define MIB 0x100000u
#define PAGE 0x1000u
#define RESET_VECTOR_SIZE 16u

#define SECTOR_SIZE 512u
#define SECTOR_ADDRESS 0x7c00u
#define FIRST_DISK 0x80u

/* An image in which nothing but padding is where the CPU begins was cut off, or is something else. */
static bool starts_somewhere(const struct boot_file *file)
{
    const uint8_t *vector = file->data + file->size - RESET_VECTOR_SIZE;
    for (uint32_t i = 1; i < RESET_VECTOR_SIZE; i++) {
        if (vector[i] != vector[0]) {
            return true;
        }
    }
    return vector[0] != 0 && vector[0] != 0xff;
}

static const char *check_firmware(const struct guest_memory *memory, const struct boot_file *file)
{
    if (file->size < FIRMWARE_MIN) {
        return "the firmware image is smaller than 64 KiB";
    }
    if (file->size > FIRMWARE_MAX) {
        return "the firmware image is larger than 16 MiB";
    }
    if (file->size % PAGE != 0) {
        return "the firmware image's size is not a multiple of 4 KiB";
    }
    if (!starts_somewhere(file)) {
        return "the firmware image has no code at its reset vector, 16 bytes before its end";
    }
    if (guest_memory_at(memory, 0, MIB) == NULL) {
        return "a guest that starts with firmware needs at least 1 MiB of memory";
    }
    return NULL;
}

const char *load_firmware(const struct guest_memory *memory, const struct boot_file *file, struct firmware_layout *out,
                          struct boot_state *state)
{
    const char *wrong = check_firmware(memory, file);
    if (wrong != NULL) {
        return wrong;
    }
    uint64_t shadow = file->size < FIRMWARE_SHADOW_MAX ? file->size : FIRMWARE_SHADOW_MAX;
    *out = (struct firmware_layout){
        .base = GUEST_HIGH_BASE - file->size, .size = file->size, .shadow = MIB - shadow, .shadow_size = shadow};
    memcpy(guest_memory_at(memory, out->shadow, shadow), file->data + file->size - shadow, shadow);
    *state = (struct boot_state){.mode = BOOT_RESET};
    return NULL;
}

static const char *check_sector(const struct guest_memory *memory, const struct boot_file *file)
{
    if (file->size != SECTOR_SIZE) {
        return "a boot sector has 512 bytes; this file has not";
    }
    if (file->data[SECTOR_SIZE - 2] != 0x55 || file->data[SECTOR_SIZE - 1] != 0xaa) {
        return "the boot sector does not end in the bytes 55 AA";
    }
    if (guest_memory_at(memory, 0, SECTOR_ADDRESS + SECTOR_SIZE) == NULL) {
        return "a guest that starts with a boot sector needs at least 32 KiB of memory";
    }
    return NULL;
}

/* The stack grows down from the sector, into memory that nothing uses. */
const char *load_boot_sector(const struct guest_memory *memory, const struct boot_file *file, struct boot_state *state)
{
    const char *wrong = check_sector(memory, file);
    if (wrong != NULL) {
        return wrong;
    }
    memcpy(guest_memory_at(memory, SECTOR_ADDRESS, SECTOR_SIZE), file->data, SECTOR_SIZE);
    *state = (struct boot_state){.mode = BOOT_REAL, .rip = SECTOR_ADDRESS, .rsp = SECTOR_ADDRESS, .rdx = FIRST_DISK};
    return NULL;
}
