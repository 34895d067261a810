/* SPDX-License-Identifier: MIT */
/* The checks' console, verdicts, command line and legacy devices, and the end of the kernel. */
#include "tests/guest/checks/check.h"

#define COM1 0x3f8u
#define LINE_STATUS (COM1 + 5u)
#define ROOM 0x20u  /* line status: the transmitter takes a byte */
#define EMPTY 0x40u /* and has sent all */
#define DEBUG_EXIT 0xf4u
#define EMULATOR_EXIT 0x8900u /* Bochs' */
#define PIC_MASTER 0x20u
#define PIC_SLAVE 0xa0u

void say_unexpected(const struct trap_frame *frame);
void serial_init(void);
void say(const char *text);
const char *command_line = "";
static uint32_t failures;

void serial_init(void)
{
    out8(COM1 + 3, 0x83); /* the divisor: 115,200 baud */
    out8(COM1, 1);
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 3); /* 8 bits, no interrupts */
}

void say(const char *text)
{
    for (; *text != 0; text++) {
        while ((in8(LINE_STATUS) & ROOM) == 0) {
        }
        out8(COM1, (uint8_t)*text);
    }
}

static void say_hex(uint64_t value)
{
    char digits[17];
    int at = 16;
    digits[at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    say(digits + at);
}

static void say_failed(const char *id)
{
    failures++;
    say("FAIL ");
    say(id);
}

static void say_passed(const char *id)
{
    say("PASS ");
    say(id);
    say("\n");
}

void verdict(const char *id, bool good)
{
    if (good) {
        say_passed(id);
        return;
    }
    say_failed(id);
    say(": expected what the manual says, came something else; the notes before tell\n");
}

void verdict_equal(const char *id, uint64_t expected, uint64_t came)
{
    if (expected == came) {
        say_passed(id);
        return;
    }
    say_failed(id);
    say(": expected ");
    say_hex(expected);
    say(", came ");
    say_hex(came);
    say("\n");
}

void note(const char *id, const char *what, uint64_t value)
{
    say("  ");
    say(id);
    say(": ");
    say(what);
    say(" = ");
    say_hex(value);
    say("\n");
}

void say_unexpected(const struct trap_frame *frame)
{
    failures++;
    say("FAIL unexpected-exception: expected none, came vector ");
    say_hex(frame->vector);
    say(" error ");
    say_hex(frame->error);
    say(" at ");
    say_hex(frame->eip);
    say("\n");
}

_Noreturn void finish(void)
{
    say("[checks] done\n");
    while ((in8(LINE_STATUS) & EMPTY) == 0) {
    }
    out8(DEBUG_EXIT, failures == 0 ? 0 : 1);
    for (const char *s = "Shutdown"; *s != 0; s++) {
        out8(EMULATOR_EXIT, (uint8_t)*s);
    }
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

bool says(const char *word)
{
    for (const char *at = command_line; *at != 0; at++) {
        uint32_t i = 0;
        while (word[i] != 0 && at[i] == word[i]) {
            i++;
        }
        if (word[i] == 0) {
            return true;
        }
    }
    return false;
}

void pic_start(uint16_t mask)
{
    out8(PIC_MASTER, 0x11); /* ICW1 to ICW4: edge triggers, cascade at line 2, 8086 mode */
    out8(PIC_SLAVE, 0x11);
    out8(PIC_MASTER + 1, PIC_VECTOR);
    out8(PIC_SLAVE + 1, PIC_VECTOR + 8);
    out8(PIC_MASTER + 1, 4);
    out8(PIC_SLAVE + 1, 2);
    out8(PIC_MASTER + 1, 1);
    out8(PIC_SLAVE + 1, 1);
    out8(PIC_MASTER + 1, (uint8_t)mask);
    out8(PIC_SLAVE + 1, (uint8_t)(mask >> 8));
}

void pit_start(uint16_t count)
{
    out8(0x43, 0x34);
    out8(0x40, (uint8_t)count);
    out8(0x40, (uint8_t)(count >> 8));
}

void pit_stop(void)
{
    out8(0x43, 0x30);
}
