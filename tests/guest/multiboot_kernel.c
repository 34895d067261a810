/* SPDX-License-Identifier: MIT */
/*
 * A multiboot 1 test kernel as people have them: it writes what its loader told it to the first serial port, and ends
 * by the debug exit port. "crash" on its command line makes it fail without an exception handler; "unknown" makes it
 * touch a port and an address where nothing is.
 */
#include "tests/guest/serial.h"

#include <stdbool.h>
#include <stdint.h>

#define MAGIC 0x2badb002u
#define INFO_MEMORY 0x1u
#define INFO_COMMAND_LINE 0x4u
#define INFO_MODULES 0x8u
#define INFO_MAP 0x40u
#define EXIT_VALUE 0x15u /* the status is twice this and one more: 43 */
#define NO_PORT 0x2e2u
#define NO_MEMORY 0xd0000000u

struct info {
    uint32_t flags, lower_kib, upper_kib, boot_device, command_line, module_count, modules, symbols[4];
    uint32_t map_size, map;
};

struct module {
    uint32_t begin, end, text, reserved;
};

struct __attribute__((packed)) range {
    uint32_t size; /* of what follows */
    uint64_t base, length;
    uint32_t type;
};

void multiboot_main(uint32_t magic, const struct info *info);
_Noreturn void crash_here(void);

static const char *string_at(uint32_t address)
{
    return (const char *)(uintptr_t)address;
}

static bool says(const char *words, const char *word)
{
    for (; *words != 0; words++) {
        uint32_t i = 0;
        while (word[i] != 0 && words[i] == word[i]) {
            i++;
        }
        if (word[i] == 0) {
            return true;
        }
    }
    return false;
}

static void tell_modules(const struct info *info)
{
    const struct module *modules = (const void *)(uintptr_t)info->modules;
    for (uint32_t i = 0; i < info->module_count; i++) {
        uint32_t sum = 0;
        for (uint32_t at = modules[i].begin; at < modules[i].end; at++) {
            sum = sum * 31 + *(const uint8_t *)(uintptr_t)at;
        }
        text("module \"");
        text(string_at(modules[i].text));
        text("\" bytes ");
        number(modules[i].end - modules[i].begin);
        text(" sum ");
        number(sum);
        text("\n");
    }
}

static void tell_map(const struct info *info)
{
    for (uint32_t at = info->map; at < info->map + info->map_size;) {
        const struct range *r = (const void *)(uintptr_t)at;
        text("range ");
        number(r->base);
        text(" + ");
        number(r->length);
        text(r->type == 1 ? " RAM\n" : " other\n");
        at += r->size + 4;
    }
}

void multiboot_main(uint32_t magic, const struct info *info)
{
    const char *words = (info->flags & INFO_COMMAND_LINE) != 0 ? string_at(info->command_line) : "";
    text(magic == MAGIC ? "multiboot: command line \"" : "multiboot: WRONG MAGIC \"");
    text(words);
    text("\"\n");
    if ((info->flags & INFO_MODULES) != 0) {
        tell_modules(info);
    }
    if ((info->flags & INFO_MAP) != 0) {
        tell_map(info);
    }
    if (says(words, "unknown")) {
        text("port reads ");
        number(in8(NO_PORT));
        text(", memory reads ");
        number(*(volatile uint32_t *)(uintptr_t)NO_MEMORY);
        text("\n");
        out8(NO_PORT, 1);
        (void)in8(NO_PORT);
    }
    if (says(words, "crash")) {
        crash_here();
    }
    out8(DEBUG_EXIT, EXIT_VALUE);
}
