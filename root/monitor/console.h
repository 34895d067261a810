/* SPDX-License-Identifier: MIT */
/*
 * The console of a guest: its output as a stream of its own on the one terminal there is, and the keys for it. With
 * several guests each line begins with the guest's name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_LINE 160u
#define CONSOLE_KEYS 8192u

struct console {
    const char *label; /* NULL: bytes go out as they come */
    uint8_t line[CONSOLE_LINE];
    uint32_t used;
    bool continued; /* the line's first part is out already */
    uint8_t keys[CONSOLE_KEYS];
    uint32_t head, tail; /* of keys; they count on */
};

void console_open(struct console *c, const char *label);
/* A byte of the guest. */
void console_byte(struct console *c, uint8_t byte);
/* Lets out what a labelled stream holds back of an unfinished line, a prompt for example. */
void console_flush(struct console *c);

/* False: full, the key is lost. */
bool console_key(struct console *c, uint8_t key);
bool console_take_key(struct console *c, uint8_t *key);
/* Keys that the guest has not taken. */
uint32_t console_waiting(const struct console *c);
