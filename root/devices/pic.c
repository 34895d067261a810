/* SPDX-License-Identifier: MIT */
/* Command words: Intel 8259A data sheet; ELCR: EISA specification, 2.4.5. */
#include "root/devices/pic.h"

#define CASCADE 2u
#define SPURIOUS 7u
#define INPUTS 8u
#define NONE 8u

#define PORT_COMMAND 0x00u
#define PORT_DATA 0x01u
#define PORT_SLAVE 0x80u
#define PORT_ELCR 0x4b0u
#define ELCR_MASTER 0xf8u /* timer, keyboard and cascade are always edges */
#define ELCR_SLAVE 0xdeu  /* RTC and coprocessor too */

#define ICW1 0x10u
#define ICW1_ICW4 0x01u
#define ICW1_SINGLE 0x02u
#define ICW4_AUTO_EOI 0x02u
#define ICW4_SPECIAL_NESTED 0x10u
#define OCW3 0x08u
#define OCW3_POLL 0x04u
#define OCW3_READ 0x02u
#define OCW3_READ_ISR 0x01u
#define OCW3_SPECIAL 0x40u
#define OCW3_SPECIAL_SET 0x20u
#define OCW2_ROTATE 0x80u
#define OCW2_SPECIFIC 0x40u
#define OCW2_EOI 0x20u
#define POLL_FOUND 0x80u

/* The set input with the highest priority, as a distance from the top; NONE: none is set. */
static uint32_t highest(const struct pic_chip *c, uint8_t inputs)
{
    for (uint32_t i = 0; i < INPUTS; i++) {
        if ((inputs >> ((c->lowest + 1 + i) % INPUTS) & 1) != 0) {
            return i;
        }
    }
    return NONE;
}

static uint32_t input_at(const struct pic_chip *c, uint32_t priority)
{
    return (c->lowest + 1 + priority) % INPUTS;
}

/* The input that asks and may; NONE if none. */
static uint32_t request(const struct pic_chip *c, bool master)
{
    uint8_t ready = c->irr & (uint8_t)~c->imr, in_service = c->isr;
    if (c->special_mask) {
        in_service &= (uint8_t)~c->imr;
    }
    uint32_t asks = highest(c, ready), holds = highest(c, in_service);
    if (asks == NONE) {
        return NONE;
    }
    /* In the special fully nested mode the slave may ask again while one of its own is in service. */
    bool again = master && c->special_nested && asks == holds && input_at(c, asks) == CASCADE;
    return asks < holds || again ? input_at(c, asks) : NONE;
}

static void set_input(struct pic_chip *c, uint32_t input, bool up)
{
    uint8_t bit = (uint8_t)(1u << input);
    bool was = (c->lines & bit) != 0;
    c->lines = up ? c->lines | bit : c->lines & (uint8_t)~bit;
    if ((c->level & bit) != 0) {
        c->irr = up ? c->irr | bit : c->irr & (uint8_t)~bit;
    } else if (up && !was) {
        c->irr |= bit;
    } else if (!up) {
        c->irr &= (uint8_t)~bit; /* a request that goes before its INTA is spurious */
    }
}

/*
 * The slave's INT falls with each of its INTAs and rises again if it has more, so no edge at the master's pin is ever
 * lost: that pin works as a level.
 */
static void update(struct pic *p)
{
    uint8_t *irr = &p->chips[0].irr, bit = 1u << CASCADE;
    *irr = request(&p->chips[1], false) != NONE ? *irr | bit : *irr & (uint8_t)~bit;
    bool intr = request(&p->chips[0], true) != NONE;
    if (intr != p->intr) {
        p->intr = intr;
        if (p->output != NULL) {
            p->output(p->context, intr);
        }
    }
}

void pic_set_irq(struct pic *p, uint32_t line, bool level)
{
    if (line < 2 * INPUTS && line != CASCADE) {
        set_input(&p->chips[line / INPUTS], line % INPUTS, level);
        update(p);
    }
}

bool pic_has_interrupt(const struct pic *p)
{
    return p->intr;
}

bool pic_is_requested(const struct pic *p, uint32_t line)
{
    return (p->chips[line / INPUTS % 2].irr >> line % INPUTS & 1) != 0;
}

bool pic_is_in_service(const struct pic *p, uint32_t line)
{
    return (p->chips[line / INPUTS % 2].isr >> line % INPUTS & 1) != 0;
}

static void take(struct pic_chip *c, uint32_t input)
{
    uint8_t bit = (uint8_t)(1u << input);
    if ((c->level & bit) == 0) {
        c->irr &= (uint8_t)~bit;
    }
    if (!c->auto_eoi) {
        c->isr |= bit;
    } else if (c->rotate_auto) {
        c->lowest = (uint8_t)input;
    }
}

/* The input that was taken; NONE if there is none, which sets nothing in service. */
static uint32_t acknowledge_chip(struct pic_chip *c, bool master)
{
    uint32_t input = request(c, master);
    if (input != NONE) {
        take(c, input);
    }
    return input;
}

uint8_t pic_acknowledge(struct pic *p)
{
    struct pic_chip *c = &p->chips[0];
    uint32_t input = acknowledge_chip(c, true);
    if (input == CASCADE && !c->single) {
        c = &p->chips[1];
        input = acknowledge_chip(c, false);
    }
    uint8_t vector = (uint8_t)(c->base + (input == NONE ? SPURIOUS : input));
    update(p);
    return vector;
}

static void write_icw1(struct pic_chip *c, uint8_t value)
{
    c->irr &= c->level & c->lines; /* the edge detectors are cleared */
    c->isr = 0;
    c->imr = 0;
    c->lowest = 7;
    c->auto_eoi = c->rotate_auto = c->special_mask = c->special_nested = c->read_isr = c->poll = false;
    c->needs_icw4 = (value & ICW1_ICW4) != 0;
    c->single = (value & ICW1_SINGLE) != 0;
    c->init_step = 2;
}

static void end_of_interrupt(struct pic_chip *c, uint8_t value)
{
    uint32_t input = value & 7u;
    if ((value & OCW2_SPECIFIC) == 0) {
        uint8_t in_service = c->isr;
        if (c->special_mask) {
            in_service &= (uint8_t)~c->imr;
        }
        uint32_t priority = highest(c, in_service);
        if (priority == NONE) {
            return;
        }
        input = input_at(c, priority);
    }
    c->isr &= (uint8_t) ~(1u << input);
    if ((value & OCW2_ROTATE) != 0) {
        c->lowest = (uint8_t)input;
    }
}

static void write_ocw2(struct pic_chip *c, uint8_t value)
{
    if ((value & OCW2_EOI) != 0) {
        end_of_interrupt(c, value);
    } else if ((value & OCW2_SPECIFIC) == 0) {
        c->rotate_auto = (value & OCW2_ROTATE) != 0;
    } else if ((value & OCW2_ROTATE) != 0) {
        c->lowest = value & 7u;
    }
}

static void write_ocw3(struct pic_chip *c, uint8_t value)
{
    c->poll = (value & OCW3_POLL) != 0;
    if ((value & OCW3_READ) != 0) {
        c->read_isr = (value & OCW3_READ_ISR) != 0;
    }
    if ((value & OCW3_SPECIAL) != 0) {
        c->special_mask = (value & OCW3_SPECIAL_SET) != 0;
    }
}

static void write_command(struct pic_chip *c, uint8_t value)
{
    if ((value & ICW1) != 0) {
        write_icw1(c, value);
    } else if ((value & OCW3) != 0) {
        write_ocw3(c, value);
    } else {
        write_ocw2(c, value);
    }
}

static void write_data(struct pic_chip *c, uint8_t value)
{
    switch (c->init_step) {
    case 2:
        c->base = value & 0xf8u;
        c->init_step = c->single ? (c->needs_icw4 ? 4 : 0) : 3;
        break;
    case 3: /* how the two are wired is fixed */
        c->init_step = c->needs_icw4 ? 4 : 0;
        break;
    case 4:
        c->auto_eoi = (value & ICW4_AUTO_EOI) != 0;
        c->special_nested = (value & ICW4_SPECIAL_NESTED) != 0;
        c->init_step = 0;
        break;
    default:
        c->imr = value;
        break;
    }
}

static struct pic_chip *chip_at(struct pic *p, uint64_t offset)
{
    return &p->chips[offset < PORT_SLAVE ? 0 : 1];
}

static uint8_t read_poll(struct pic *p, struct pic_chip *c)
{
    uint32_t input = acknowledge_chip(c, c == &p->chips[0]);
    c->poll = false;
    update(p);
    return input == NONE ? 0 : (uint8_t)(POLL_FOUND | input);
}

static uint8_t read_port(struct pic *p, uint64_t offset)
{
    if (offset >= PORT_ELCR) {
        return p->chips[offset == PORT_ELCR ? 0 : 1].level;
    }
    struct pic_chip *c = chip_at(p, offset);
    if (c->poll) {
        return read_poll(p, c);
    }
    return offset % PORT_SLAVE == PORT_DATA ? c->imr : c->read_isr ? c->isr : c->irr;
}

static void write_elcr(struct pic_chip *c, uint8_t value)
{
    c->level = value;
    c->irr = (uint8_t)((c->irr & ~value) | (c->lines & value));
}

static void write_port(struct pic *p, uint64_t offset, uint8_t value)
{
    if (offset >= PORT_ELCR) {
        bool master = offset == PORT_ELCR;
        write_elcr(&p->chips[master ? 0 : 1], value & (master ? ELCR_MASTER : ELCR_SLAVE));
    } else if (offset % PORT_SLAVE == PORT_COMMAND) {
        write_command(chip_at(p, offset), value);
    } else {
        write_data(chip_at(p, offset), value);
    }
    update(p);
}

/* A word is two accesses: to this port and to the next. */
static uint64_t pic_read(void *device, uint64_t offset, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value |= (uint64_t)read_port(device, offset + i) << 8 * i;
    }
    return value;
}

static void pic_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    for (uint32_t i = 0; i < size; i++) {
        write_port(device, offset + i, (uint8_t)(value >> 8 * i));
    }
}

static void pic_reset(void *device)
{
    struct pic *p = device;
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t lines = p->chips[i].lines;
        p->chips[i] = (struct pic_chip){.lines = lines, .lowest = 7, .imr = 0xff};
        write_elcr(&p->chips[i], (uint8_t)(p->reset_level >> 8 * i));
    }
    update(p);
}

void pic_init(struct pic *p, uint16_t level, void (*output)(void *context, bool level), void *context)
{
    *p = (struct pic){.reset_level = level, .output = output, .context = context};
    pic_reset(p);
}

const struct device_ops pic_ops = {.read = pic_read, .write = pic_write, .reset = pic_reset};
