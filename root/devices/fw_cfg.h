/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device, for reading only: numbered items and named files that firmware fetches byte by
 * byte or by DMA (QEMU: docs/specs/fw_cfg). Its ports: +0 selector (writes of 16 bits), +1 data, +4 to +11 DMA address.
 */
#pragma once

#include "root/devices/device.h"
#include "root/devices/guest_memory.h"

#define FW_CFG_PORTS 12u
#define FW_CFG_MAX_ITEMS 32u
#define FW_CFG_MAX_FILES 24u
#define FW_CFG_NAME_SIZE 56u /* with its final zero */

/* Items that SeaBIOS reads by number. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_RAM_SIZE = 0x03,   /* 8 bytes */
    FW_CFG_NO_GRAPHIC = 0x04, /* 2 bytes: 1 puts SeaBIOS's console on COM1 */
    FW_CFG_CPUS = 0x05,       /* 2 bytes */
    FW_CFG_BOOT_MENU = 0x0e,  /* 2 bytes: 1 shows it */
    FW_CFG_MAX_CPUS = 0x0f,   /* 2 bytes */
    FW_CFG_DIRECTORY = 0x19,
    FW_CFG_FIRST_FILE = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002, /* 1 byte: 1 if the PIT is on the I/O APIC's pin 2 */
};

struct fw_cfg_item {
    uint16_t key;
    uint32_t size;
    const uint8_t *data; /* NULL: `value` */
    uint8_t value[8];
};

struct fw_cfg {
    const struct guest_memory *memory;
    struct fw_cfg_item items[FW_CFG_MAX_ITEMS];
    uint32_t item_count, file_count;
    uint8_t directory[4 + FW_CFG_MAX_FILES * 64]; /* as firmware reads it */
    uint16_t key;                                 /* what is selected */
    uint32_t offset;                              /* in it: the next byte */
    uint32_t dma_high;                            /* the address's upper half, until the lower comes */
};

extern const struct device_ops fw_cfg_ops;

/* With the signature, the interface's version and an empty directory in it. */
void fw_cfg_init(struct fw_cfg *cfg, const struct guest_memory *memory);

/* `data` stays the caller's and must not go away. False: no room, or the key, the directory's included, is taken. */
bool fw_cfg_add(struct fw_cfg *cfg, uint16_t key, const void *data, uint32_t size);
/* A little-endian number of `size` bytes (1 to 8). */
bool fw_cfg_add_number(struct fw_cfg *cfg, uint16_t key, uint64_t value, uint32_t size);

/* A file. False: no room, the name is empty, longer than FW_CFG_NAME_SIZE - 1 or there already. */
bool fw_cfg_add_file(struct fw_cfg *cfg, const char *name, const void *data, uint32_t size);
bool fw_cfg_add_file_number(struct fw_cfg *cfg, const char *name, uint64_t value, uint32_t size);
