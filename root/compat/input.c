/* SPDX-License-Identifier: MIT */
/* Lines typed at the console, with echo and backspace, as a terminal's driver gives them elsewhere. */
#include "root/compat/stream.h"
#include "root/compat/string.h"
#include "root/lib/console.h"
#include "root/lib/cpu.h"
#include "root/lib/serial.h"

#define LINE 512u
#define CTRL_D 0x04u
#define CTRL_Z 0x1au
#define BACKSPACE 0x08u
#define DELETE 0x7fu
#define XON 0x11u /* software flow control: a program that sends (scripts/run) waits for it, and stops at XOFF */
#define XOFF 0x13u

static char line[LINE];
static size_t line_length, line_taken;
static bool asked; /* XON was the last that was sent */

/* More is asked for when nothing is left: what is then on its way when XOFF comes has room in the port's buffer. */
static uint8_t next_byte(void)
{
    uint8_t byte;
    while (!serial_get(&byte)) {
        if (!asked) {
            serial_put(XON);
            asked = true;
        }
        (void)serial_poll();
        cpu_pause();
    }
    return byte;
}

static void erase_last(void)
{
    if (line_length > 0) {
        line_length--;
        console_write("\b \b", 3);
    }
}

/* False: the end was typed, at a line's beginning. */
static bool read_line(void)
{
    line_length = line_taken = 0;
    for (;;) {
        uint8_t byte = next_byte();
        if ((byte == CTRL_D || byte == CTRL_Z) && line_length == 0) {
            return false;
        }
        if (byte == BACKSPACE || byte == DELETE) {
            erase_last();
            continue;
        }
        line[line_length++] = byte == '\r' ? '\n' : (char)byte;
        console_write(&line[line_length - 1], 1);
        if (line[line_length - 1] == '\n' || line_length == LINE) {
            return true;
        }
    }
}

static bool next_line(void)
{
    bool more = read_line();
    if (asked) {
        serial_put(XOFF);
        asked = false;
    }
    return more;
}

size_t console_input(void *to, size_t size)
{
    if (line_taken == line_length && !next_line()) {
        return 0;
    }
    size_t there = line_length - line_taken < size ? line_length - line_taken : size;
    memcpy(to, line + line_taken, there);
    line_taken += there;
    return there;
}
