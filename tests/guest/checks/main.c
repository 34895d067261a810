/* SPDX-License-Identifier: MIT */
/* Runs the groups of checks that the command line asks for. */
#include "tests/guest/checks/check.h"
#include "tests/guest/checks/list.h"

#define MULTIBOOT_MAGIC 0x2badb002u
#define INFO_COMMAND_LINE 0x4u
#define NO_INTERRUPTS 0xffffu

struct multiboot_info {
    uint32_t flags, lower_kib, upper_kib, boot_device, command_line;
};

extern const char *command_line;
void trap_init(void);
void serial_init(void);
void say(const char *text);
void checks_main(uint32_t magic, const struct multiboot_info *info);

#define DECLARE(name) void check_##name(void);
CHECK_GROUPS(DECLARE)

#define RUN(name)                                                                                                      \
    if (!says("no-" #name) && (!says("only=") || says("only=" #name))) {                                               \
        trap_clear();                                                                                                  \
        check_##name();                                                                                                \
    }

void checks_main(uint32_t magic, const struct multiboot_info *info)
{
    if (magic == MULTIBOOT_MAGIC && (info->flags & INFO_COMMAND_LINE) != 0) {
        command_line = (const char *)(uintptr_t)info->command_line;
    }
    trap_init();
    pic_start(NO_INTERRUPTS);
    serial_init();
    CHECK_GROUPS(RUN)
    finish();
}
