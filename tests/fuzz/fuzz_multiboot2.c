/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/multiboot2.c kernel/memory/memory_map.c */
#include <string.h>

#include "kernel/boot/multiboot2.h"
#include "kernel/memory/page.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

static struct boot_info info;

static void check_ranges(void)
{
    uint64_t end = 0;
    uint32_t type = 0;

    CHECK(info.range_count <= BOOT_MAX_RANGES);
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct memory_range *range = &info.ranges[i];
        CHECK(range->size > 0 && range->size % PAGE_SIZE == 0 && range->base % PAGE_SIZE == 0);
        CHECK(range->base >= end);
        CHECK(range->base > end || range->type != type || i == 0);
        CHECK(range->base < MEMORY_ADDRESS_END && range->size <= MEMORY_ADDRESS_END - range->base);
        CHECK(range->type >= MEMORY_AVAILABLE && range->type <= MEMORY_BAD);
        end = range->base + range->size;
        type = range->type;
    }
}

static bool is_available(uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct memory_range *range = &info.ranges[i];
        if (range->type == MEMORY_AVAILABLE && base < range->base + range->size &&
            (base >= range->base || size > range->base - base)) {
            return true;
        }
    }
    return false;
}

/* Nothing that the loader called unavailable may come out as available, wherever it stood in the block. */
static void check_reserved_stays_reserved(const uint8_t *data, size_t total)
{
    size_t offset = 8;
    uint32_t tag[3];

    while (total - offset >= 16) {
        memcpy(tag, data + offset, sizeof(tag));
        if (tag[0] == 0) {
            return;
        }
        for (uint32_t at = 16; tag[0] == 6 && at < tag[1]; at += tag[2]) {
            struct memory_range entry;
            memcpy(&entry, data + offset + at, 20);
            if (entry.type != MEMORY_AVAILABLE && entry.size != 0) {
                uint64_t most = UINT64_MAX - entry.base;
                CHECK(!is_available(entry.base, entry.size < most ? entry.size : most));
            }
        }
        offset += (tag[1] + 7ull) & ~7ull;
        if (offset > total) {
            return;
        }
    }
}

static void check_modules(void)
{
    CHECK(info.module_count <= BOOT_MAX_MODULES);
    for (uint32_t i = 0; i < info.module_count; i++) {
        CHECK(info.modules[i].start <= info.modules[i].end);
        CHECK(memchr(info.modules[i].cmdline, 0, sizeof(info.modules[i].cmdline)) != NULL);
    }
}

static void parse(const uint8_t *data, size_t size)
{
    enum mb2_status status = mb2_parse(data, size, &info);

    CHECK(status < MB2_STATUS_COUNT);
    CHECK(memchr(info.cmdline, 0, sizeof(info.cmdline)) != NULL);
    CHECK(info.rsdp_size == 0 || info.rsdp_size == 20 || info.rsdp_size == BOOT_RSDP_SIZE);
    check_modules();
    check_ranges();
    if (status == MB2_OK) {
        uint32_t total;
        memcpy(&total, data, sizeof(total));
        CHECK(total <= size);
        check_reserved_stays_reserved(data, total);
    } else {
        CHECK(info.range_count == 0);
    }
}

struct builder {
    uint8_t bytes[16384];
    size_t length;
};

static void put(struct builder *block, const void *bytes, size_t size)
{
    memcpy(block->bytes + block->length, bytes, size);
    block->length += size;
}

static void put32(struct builder *block, uint32_t value)
{
    put(block, &value, sizeof(value));
}

static void put_memory_map(struct builder *block, struct tape *tape)
{
    uint32_t entry_size = 24 + 8 * tape_choose(tape, 3);
    uint32_t count = tape_choose(tape, 160);

    put32(block, 6);
    put32(block, 16 + count * entry_size);
    put32(block, entry_size);
    put32(block, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t base = tape_address(tape), length = tape_address(tape);
        put(block, &base, sizeof(base));
        put(block, &length, sizeof(length));
        put32(block, tape_choose(tape, 7));
        block->length += entry_size - 20;
    }
}

static void put_other_tag(struct builder *block, struct tape *tape)
{
    uint32_t size = tape_choose(tape, 64);

    put32(block, tape_choose(tape, 23));
    put32(block, 8 + size);
    for (uint32_t i = 0; i < size; i++) {
        block->bytes[block->length++] = tape_byte(tape);
    }
}

/* A block of well-formed tags as the tape tells. */
static void build(struct builder *block, struct tape *tape)
{
    memset(block, 0, sizeof(*block));
    block->length = 8;
    while (tape->left > 0 && block->length < sizeof(block->bytes) - 8192) {
        if (tape_choose(tape, 4) == 0) {
            put_memory_map(block, tape);
        } else {
            put_other_tag(block, tape);
        }
        block->length = (block->length + 7) & ~(size_t)7;
    }
    put32(block, 0);
    put32(block, 8);
    uint32_t total = (uint32_t)block->length;
    memcpy(block->bytes, &total, sizeof(total));
}

static void parse_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    parse(copy, size);
    free(copy);
}

/* Each input is a block as it is, and directions for building one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct builder block;
    struct tape tape = {data, size};

    parse(data, size);
    build(&block, &tape);
    parse_copy(block.bytes, block.length);
    return 0;
}
