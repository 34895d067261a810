/* SPDX-License-Identifier: MIT */
/* sources: kernel/memory/layout.c kernel/memory/memory_map.c */
#include <string.h>

#include "kernel/boot/multiboot2.h"
#include "kernel/memory/layout.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

/* What linker.ld and the rest of the hypervisor give. */
__asm__(".bss\n"
        ".balign 4096\n"
        ".globl image_start, image_end\n"
        "image_start: .skip 0x5000\n"
        "image_end: .skip 1\n"
        ".text\n");

_Noreturn void kernel_stop(const char *format, ...);

static struct boot_info info;

/* Not reached: layout_init is left out, since it stops a machine without room. */
_Noreturn void kernel_stop(const char *format, ...)
{
    (void)format;
    abort();
}

/* Pages below 8 GiB, mostly few of them. */
static uint64_t take_pages(struct tape *tape)
{
    uint64_t value = tape_byte(tape);
    return (value << tape_choose(tape, 15) & 0x1fffff) << 12;
}

static void take_machine(struct tape *tape)
{
    struct memory_range raw[16];
    size_t raw_count = tape_choose(tape, 16), count = 0;
    for (size_t i = 0; i < raw_count; i++) {
        raw[i] = (struct memory_range){take_pages(tape), take_pages(tape), 1 + tape_choose(tape, 5), 0};
    }
    memset(&info, 0, sizeof(info));
    CHECK(memory_map_normalise(raw, raw_count, info.ranges, BOOT_MAX_RANGES, &count));
    info.range_count = (uint32_t)count;
    info.module_count = tape_choose(tape, 4);
    for (uint32_t i = 0; i < info.module_count; i++) {
        info.modules[i].start = take_pages(tape) + tape_byte(tape);
        info.modules[i].end = info.modules[i].start + take_pages(tape);
    }
}

static void check_ram(void)
{
    struct layout_span spans[LAYOUT_MAX_SPANS];
    size_t count = layout_collect_ram(&info, spans);
    CHECK(count <= LAYOUT_MAX_SPANS);
    for (size_t i = 0; i < count; i++) {
        CHECK(spans[i].size != 0 && ((spans[i].base | spans[i].size) & 4095) == 0);
        CHECK(i == 0 || spans[i].base > spans[i - 1].base + spans[i - 1].size);
    }
}

static bool is_available(uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct memory_range *r = &info.ranges[i];
        if (r->type == MEMORY_AVAILABLE && base >= r->base && base + size <= r->base + r->size) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    struct layout_span blocked[4];
    size_t count = tape_choose(&tape, 5);
    take_machine(&tape);
    for (size_t i = 0; i < count; i++) {
        blocked[i] = (struct layout_span){take_pages(&tape), 4096 + take_pages(&tape)};
    }
    check_ram();
    uint64_t wanted = (1 + tape_choose(&tape, 64)) * (2ull << 20);
    uint64_t heap = layout_choose_heap(&info, blocked, count, wanted);
    if (heap != 0) {
        CHECK(heap >= 1ull << 20 && heap % (2ull << 20) == 0 && heap + wanted <= 4ull << 30);
        CHECK(is_available(heap, wanted));
        for (size_t i = 0; i < count; i++) {
            CHECK(heap >= blocked[i].base + blocked[i].size || blocked[i].base >= heap + wanted);
        }
    }
    return 0;
}
