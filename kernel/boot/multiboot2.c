/* SPDX-License-Identifier: MIT */
/* Multiboot2 specification 2.0, section 3.6. Fields are copied out: nothing in the block is trusted to be aligned. */
#include "kernel/boot/multiboot2.h"

#include "arch/cpu/string.h"

#define HEADER_SIZE 8u /* of the block: total size, reserved; of a tag: type, size */
#define TAG_ALIGN 8u

enum tag_type {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI64 = 12,
    TAG_RSDP_OLD = 14,
    TAG_RSDP_NEW = 15,
};

/* Offsets within a tag, its header included. */
#define MODULE_START 8u
#define MODULE_END 12u
#define MODULE_CMDLINE 16u
#define MAP_ENTRY_SIZE 8u
#define MAP_ENTRIES 16u
#define MAP_ENTRY_MIN 24u /* base, length, type, reserved */
#define FRAMEBUFFER_COMMON 32u
#define FRAMEBUFFER_RGB 38u
#define FRAMEBUFFER_TYPE_RGB 1u
#define RSDP_OLD_SIZE 20u

struct tag {
    const uint8_t *bytes; /* header included */
    uint32_t type;
    uint32_t size; /* header included, at least HEADER_SIZE, all of it readable */
};

/* The memory map before normalisation: it may come in more than one tag. */
struct raw_map {
    size_t count;
    bool found;
    struct memory_range ranges[BOOT_MAX_RANGES];
};

static uint32_t read32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint64_t read64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* Copies the string that fills the tag from `offset` on. */
static enum mb2_status copy_string(const struct tag *tag, uint32_t offset, char *dst, size_t dst_size, bool *cut)
{
    const uint8_t *text = tag->bytes + offset;
    size_t length = 0;

    if (tag->size <= offset) {
        return MB2_BAD_TAG;
    }
    while (text[length] != 0) {
        if (++length == tag->size - offset) {
            return MB2_BAD_STRING;
        }
    }
    *cut = length >= dst_size;
    length = *cut ? dst_size - 1 : length;
    memcpy(dst, text, length);
    dst[length] = '\0';
    return MB2_OK;
}

static enum mb2_status parse_module(const struct tag *tag, struct boot_info *out)
{
    bool cut;

    if (tag->size <= MODULE_CMDLINE) {
        return MB2_BAD_TAG;
    }
    if (out->module_count == BOOT_MAX_MODULES) {
        return MB2_TOO_MANY_MODULES;
    }
    struct boot_module *module = &out->modules[out->module_count];
    module->start = read32(tag->bytes + MODULE_START);
    module->end = read32(tag->bytes + MODULE_END);
    if (module->end < module->start) {
        return MB2_BAD_MODULE;
    }
    enum mb2_status status = copy_string(tag, MODULE_CMDLINE, module->cmdline, sizeof(module->cmdline), &cut);
    if (status == MB2_OK) {
        out->module_count++;
    }
    return status;
}

static enum mb2_status parse_memory_map(const struct tag *tag, struct raw_map *map)
{
    if (tag->size < MAP_ENTRIES) {
        return MB2_BAD_TAG;
    }
    uint32_t entry_size = read32(tag->bytes + MAP_ENTRY_SIZE);
    if (entry_size < MAP_ENTRY_MIN || (tag->size - MAP_ENTRIES) % entry_size != 0) {
        return MB2_BAD_MEMORY_MAP;
    }
    map->found = true;
    for (uint32_t offset = MAP_ENTRIES; offset < tag->size; offset += entry_size) {
        const uint8_t *entry = tag->bytes + offset;
        if (map->count == BOOT_MAX_RANGES) {
            return MB2_TOO_MANY_RANGES;
        }
        map->ranges[map->count++] =
            (struct memory_range){.base = read64(entry), .size = read64(entry + 8), .type = read32(entry + 16)};
    }
    return MB2_OK;
}

static enum mb2_status parse_framebuffer(const struct tag *tag, struct boot_framebuffer *out)
{
    const uint8_t *bytes = tag->bytes;

    if (tag->size < FRAMEBUFFER_COMMON || (bytes[29] == FRAMEBUFFER_TYPE_RGB && tag->size < FRAMEBUFFER_RGB)) {
        return MB2_BAD_TAG;
    }
    *out = (struct boot_framebuffer){
        .base = read64(bytes + 8),
        .pitch = read32(bytes + 16),
        .width = read32(bytes + 20),
        .height = read32(bytes + 24),
        .bits_per_pixel = bytes[28],
        .type = bytes[29],
    };
    if (out->type == FRAMEBUFFER_TYPE_RGB) {
        out->red_position = bytes[32];
        out->red_size = bytes[33];
        out->green_position = bytes[34];
        out->green_size = bytes[35];
        out->blue_position = bytes[36];
        out->blue_size = bytes[37];
    }
    return MB2_OK;
}

/* `size` is that of the RSDP version the tag stands for. A newer one that is already there stays. */
static enum mb2_status parse_rsdp(const struct tag *tag, uint32_t size, struct boot_info *out)
{
    if (tag->size < HEADER_SIZE + size) {
        return MB2_BAD_TAG;
    }
    if (size >= out->rsdp_size) {
        memcpy(out->rsdp, tag->bytes + HEADER_SIZE, size);
        out->rsdp_size = size;
    }
    return MB2_OK;
}

static enum mb2_status parse_tag(const struct tag *tag, struct boot_info *out, struct raw_map *map)
{
    switch (tag->type) {
    case TAG_CMDLINE:
        return copy_string(tag, HEADER_SIZE, out->cmdline, sizeof(out->cmdline), &out->cmdline_cut);
    case TAG_MODULE:
        return parse_module(tag, out);
    case TAG_MEMORY_MAP:
        return parse_memory_map(tag, map);
    case TAG_FRAMEBUFFER:
        return parse_framebuffer(tag, &out->framebuffer);
    case TAG_EFI64:
        out->efi = true;
        return MB2_OK;
    case TAG_RSDP_OLD:
        return parse_rsdp(tag, RSDP_OLD_SIZE, out);
    case TAG_RSDP_NEW:
        return parse_rsdp(tag, BOOT_RSDP_SIZE, out);
    default:
        return MB2_OK;
    }
}

/* Reads the tag at `offset`; false if it does not fit in the block. */
static bool decode_tag(const uint8_t *block, size_t total, size_t offset, struct tag *tag)
{
    if (total - offset < HEADER_SIZE) {
        return false;
    }
    *tag = (struct tag){block + offset, read32(block + offset), read32(block + offset + 4)};
    return tag->size >= HEADER_SIZE && tag->size <= total - offset;
}

static enum mb2_status parse_tags(const uint8_t *block, size_t total, struct boot_info *out, struct raw_map *map)
{
    struct tag tag;

    for (size_t offset = HEADER_SIZE; offset < total;) {
        if (!decode_tag(block, total, offset, &tag)) {
            return MB2_BAD_TAG;
        }
        if (tag.type == TAG_END) {
            return MB2_OK;
        }
        enum mb2_status status = parse_tag(&tag, out, map);
        if (status != MB2_OK) {
            return status;
        }
        offset += ((size_t)tag.size + TAG_ALIGN - 1) & ~(size_t)(TAG_ALIGN - 1);
    }
    return MB2_NO_END;
}

static enum mb2_status store_memory_map(const struct raw_map *map, struct boot_info *out)
{
    size_t count;

    if (!map->found) {
        return MB2_NO_MEMORY_MAP;
    }
    if (!memory_map_normalise(map->ranges, map->count, out->ranges, BOOT_MAX_RANGES, &count)) {
        return MB2_TOO_MANY_RANGES;
    }
    out->range_count = (uint32_t)count;
    return MB2_OK;
}

enum mb2_status mb2_parse(const void *info, size_t limit, struct boot_info *out)
{
    struct raw_map map = {.count = 0};

    memset(out, 0, sizeof(*out));
    if (limit < HEADER_SIZE) {
        return MB2_BAD_SIZE;
    }
    size_t total = read32(info);
    if (total < HEADER_SIZE || total > limit || total > MB2_MAX_SIZE) {
        return MB2_BAD_SIZE;
    }
    enum mb2_status status = parse_tags(info, total, out, &map);
    return status == MB2_OK ? store_memory_map(&map, out) : status;
}

const char *mb2_status_text(enum mb2_status status)
{
    static const char *const texts[MB2_STATUS_COUNT] = {
        [MB2_OK] = "the boot information is complete",
        [MB2_BAD_SIZE] = "the boot information has an impossible size",
        [MB2_BAD_TAG] = "a tag of the boot information is damaged",
        [MB2_NO_END] = "the boot information has no end tag",
        [MB2_BAD_STRING] = "a command line in the boot information is not terminated",
        [MB2_BAD_MEMORY_MAP] = "the boot information's memory map has entries of an impossible size",
        [MB2_NO_MEMORY_MAP] = "the boot information has no memory map",
        [MB2_TOO_MANY_RANGES] = "the memory map has too many ranges",
        [MB2_BAD_MODULE] = "a boot module ends before it starts",
        [MB2_TOO_MANY_MODULES] = "there are too many boot modules",
    };
    return (unsigned int)status < MB2_STATUS_COUNT ? texts[status] : "unknown status";
}
