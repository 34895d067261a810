/* SPDX-License-Identifier: MIT */
#include "root/monitor/console.h"

#include "root/lib/string.h"
#include "root/monitor/host.h"

#define LABEL_MAX 32u

/* The stream whose unfinished line the terminal's cursor stands in; NULL: it stands at a line's begin. */
static struct console *unfinished;

void console_open(struct console *c, const char *label)
{
    c->label = label;
    c->used = 0;
    c->continued = false;
    c->head = 0;
    c->tail = 0;
}

/* The whole line in one write, so that streams do not mix within it. */
static void let_out(struct console *c, bool end)
{
    uint8_t text[CONSOLE_LINE + LABEL_MAX + 8];
    size_t at = 0, label = strlen(c->label);
    struct console *other = __atomic_exchange_n(&unfinished, end ? NULL : c, __ATOMIC_ACQ_REL);
    if (other != NULL && other != c) {
        text[at++] = '\r';
        text[at++] = '\n';
    }
    if (!c->continued || other != c) {
        label = label < LABEL_MAX ? label : LABEL_MAX;
        text[at++] = '[';
        memcpy(text + at, c->label, label);
        at += label;
        text[at++] = ']';
        text[at++] = ' ';
    }
    memcpy(text + at, c->line, c->used);
    at += c->used;
    c->continued = !end;
    c->used = 0;
    if (end) {
        text[at++] = '\r';
        text[at++] = '\n';
    }
    host_write(text, at);
}

void console_byte(struct console *c, uint8_t byte)
{
    if (c->label == NULL) {
        host_write(&byte, 1);
        return;
    }
    if (byte == '\n') {
        let_out(c, true);
        return;
    }
    if (byte == '\r') {
        return; /* comes again with the line's end; a bare one would overwrite the label */
    }
    c->line[c->used++] = byte;
    if (c->used == CONSOLE_LINE) {
        let_out(c, true);
    }
}

void console_flush(struct console *c)
{
    if (c->label != NULL && c->used != 0) {
        let_out(c, false);
    }
}

bool console_key(struct console *c, uint8_t key)
{
    if (c->head - c->tail == CONSOLE_KEYS) {
        return false;
    }
    c->keys[c->head++ % CONSOLE_KEYS] = key;
    return true;
}

uint32_t console_waiting(const struct console *c)
{
    return __atomic_load_n(&c->head, __ATOMIC_RELAXED) - __atomic_load_n(&c->tail, __ATOMIC_RELAXED);
}

bool console_take_key(struct console *c, uint8_t *key)
{
    if (c->head == c->tail) {
        return false;
    }
    *key = c->keys[c->tail++ % CONSOLE_KEYS];
    return true;
}
