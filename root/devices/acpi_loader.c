/* SPDX-License-Identifier: MIT */
#include "root/devices/acpi_loader.h"

#include "root/devices/acpi_format.h"
#include "root/devices/acpi_image.h"
#include "root/lib/string.h"

#define RSDP_FILE "etc/acpi/rsdp"
#define TABLES_FILE "etc/acpi/tables"
#define SCRIPT_FILE "etc/table-loader"

enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

/* One step of the script; numbers are little-endian. */
struct entry {
    uint32_t command;
    union {
        struct {
            char file[FW_CFG_NAME_SIZE];
            uint32_t align;
            uint8_t zone;
        } __attribute__((packed)) allocate;
        struct {
            char to[FW_CFG_NAME_SIZE], from[FW_CFG_NAME_SIZE]; /* the pointer is in `to` */
            uint32_t offset;
            uint8_t size;
        } __attribute__((packed)) pointer;
        struct {
            char file[FW_CFG_NAME_SIZE];
            uint32_t offset, start, length;
        } __attribute__((packed)) checksum;
        uint8_t all[ACPI_LOADER_ENTRY - 4];
    };
};
_Static_assert(sizeof(struct entry) == ACPI_LOADER_ENTRY, "as QEMU has it");
_Static_assert(ACPI_POINTERS_MAX + ACPI_CHECKSUMS_MAX + 2 <= ACPI_LOADER_ENTRIES_MAX, "every step has room");

static void append(struct acpi_loader *loader, const struct entry *e)
{
    memcpy(loader->script + loader->script_size, e, sizeof(*e));
    loader->script_size += (uint32_t)sizeof(*e);
}

static void name_file(char to[FW_CFG_NAME_SIZE], const char *name)
{
    memcpy(to, name, strlen(name) + 1);
}

static void allocate(struct acpi_loader *loader, const char *file, uint32_t align, uint8_t zone)
{
    struct entry e = {.command = ALLOCATE, .allocate = {.align = align, .zone = zone}};
    name_file(e.allocate.file, file);
    append(loader, &e);
}

/* Which file a byte of the image is in, and where that file begins in it. */
static const char *file_of(uint32_t at)
{
    return at < ACPI_TABLES_OFFSET ? RSDP_FILE : TABLES_FILE;
}

static uint32_t base_of(uint32_t at)
{
    return at < ACPI_TABLES_OFFSET ? 0 : ACPI_TABLES_OFFSET;
}

/* The loader adds the file's address to what is there, and the image counts from the RSDP. */
static void add_pointer(struct acpi_loader *loader, const struct acpi_pointer *p)
{
    struct entry e = {.command = ADD_POINTER};
    e.pointer.offset = p->at - base_of(p->at);
    e.pointer.size = (uint8_t)p->size;
    name_file(e.pointer.to, file_of(p->at));
    name_file(e.pointer.from, TABLES_FILE);
    append(loader, &e);
    uint64_t value = 0;
    memcpy(&value, loader->tables + p->at, p->size);
    value -= ACPI_TABLES_OFFSET;
    memcpy(loader->tables + p->at, &value, p->size);
}

static void add_checksum(struct acpi_loader *loader, const struct acpi_checksum *c)
{
    struct entry e = {.command = ADD_CHECKSUM};
    e.checksum.offset = c->at - base_of(c->at);
    e.checksum.start = c->start - base_of(c->start);
    e.checksum.length = c->length;
    name_file(e.checksum.file, file_of(c->at));
    append(loader, &e);
}

bool acpi_loader_build(struct acpi_loader *loader, const struct acpi_machine *m)
{
    struct acpi_image image;
    loader->script_size = 0;
    if (!acpi_image_build(&image, m, loader->tables, sizeof(loader->tables))) {
        return false;
    }
    loader->tables_size = (uint32_t)image.used;
    allocate(loader, RSDP_FILE, 16, ZONE_FSEG);
    allocate(loader, TABLES_FILE, ACPI_TABLES_ALIGN, ZONE_HIGH);
    for (uint32_t i = 0; i < image.pointer_count; i++) {
        add_pointer(loader, &image.pointers[i]);
    }
    for (uint32_t i = 0; i < image.checksum_count; i++) {
        add_checksum(loader, &image.checksums[i]);
    }
    return true;
}

bool acpi_loader_add(const struct acpi_loader *loader, struct fw_cfg *cfg)
{
    return fw_cfg_add_file(cfg, RSDP_FILE, loader->tables, sizeof(struct acpi_rsdp)) &&
           fw_cfg_add_file(cfg, TABLES_FILE, loader->tables + ACPI_TABLES_OFFSET,
                           loader->tables_size - ACPI_TABLES_OFFSET) &&
           fw_cfg_add_file(cfg, SCRIPT_FILE, loader->script, loader->script_size);
}
