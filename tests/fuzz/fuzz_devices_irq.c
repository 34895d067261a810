/* SPDX-License-Identifier: MIT */
/* sources: root/devices/pic.c root/devices/ioapic.c root/devices/uart.c root/devices/key*.c root/devices/misc*.c */
#include <stdbool.h>

#include "root/devices/ioapic.h"
#include "root/devices/keyboard.h"
#include "root/devices/misc_ports.h"
#include "root/devices/pic.h"
#include "root/devices/platform.h"
#include "root/devices/uart.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

/* The interrupt controllers and the devices without a clock, wired as in the machine, and a guest that does anything.
 */
struct machine {
    struct pic pic;
    struct ioapic ioapic;
    struct uart uart;
    struct keyboard keyboard;
    struct misc_ports misc;
    uint32_t lines; /* what the devices and the input have set */
    uint32_t sent, expected;
    bool intr, refuses;
    uint8_t key;
};

static struct machine machine;

static void set_line(void *context, uint32_t line, bool level)
{
    struct machine *m = context;
    CHECK(line < 16);
    m->lines = level ? m->lines | 1u << line : m->lines & ~(1u << line);
    pic_set_irq(&m->pic, line, level);
    ioapic_set_irq(&m->ioapic, line == PLATFORM_IRQ_PIT ? PLATFORM_PIN_PIT : line, level);
}

static void on_intr(void *context, bool level)
{
    struct machine *m = context;
    CHECK(m->intr != level);
    m->intr = level;
}

static bool on_message(void *context, const struct ioapic_message *message)
{
    const struct machine *m = context;
    CHECK(message->delivery_mode < 8);
    CHECK(!message->level || message->delivery_mode < 2);
    return !m->refuses;
}

static void on_byte(void *context, uint8_t byte)
{
    struct machine *m = context;
    (void)byte;
    m->sent++;
}

static void on_debug_byte(void *context, uint8_t byte)
{
    (void)context;
    (void)byte;
}

static void on_drained(void *context)
{
    struct machine *m = context;
    while (m->key % 5 != 0 && uart_room(&m->uart) != 0) {
        uart_receive(&m->uart, m->key++);
    }
}

static void on_reset(void *context)
{
    CHECK(context == &machine);
}

static void on_exit_port(void *context, uint32_t status)
{
    CHECK(context == &machine);
    CHECK((status & 1) != 0);
}

static void start(struct machine *m)
{
    struct irq_line com1 = {set_line, m, PLATFORM_IRQ_COM1}, keys = {set_line, m, PLATFORM_IRQ_KEYBOARD};
    struct byte_sink out = {on_byte, m}, debug = {on_debug_byte, m};
    *m = (struct machine){.key = 1};
    pic_init(&m->pic, 0x0ea0, on_intr, m);
    ioapic_init(&m->ioapic, on_message, m);
    uart_init(&m->uart, &com1, &out, on_drained, m);
    keyboard_init(&m->keyboard, &keys, on_reset, m);
    misc_ports_init(&m->misc, &debug, &debug, on_reset, on_exit_port, m);
}

struct region {
    void *device;
    const struct device_ops *ops;
    uint64_t offset;
    uint32_t size;
};

static const struct region regions[] = {
    {&machine.pic, &pic_ops, 0, 2},
    {&machine.pic, &pic_ops, 0x80, 2},
    {&machine.pic, &pic_ops, 0x4b0, 2},
    {&machine.uart, &uart_ops, 0, 8},
    {&machine.keyboard, &keyboard_ops, 0, 1},
    {&machine.keyboard, &keyboard_ops, 4, 1},
    {&machine.ioapic, &ioapic_ops, 0, 4096},
    {&machine.misc, &misc_ports_ops, 0x80, 1},
    {&machine.misc, &misc_ports_ops, 0x92, 1},
    {&machine.misc, &misc_ports_ops, 0xe9, 1},
    {&machine.misc, &misc_ports_ops, 0x402, 1},
    {&machine.misc, &misc_ports_ops, 0xcf8, 4},
    {&machine.misc, &misc_ports_ops, 0xf4, 4},
};

#define REGIONS (sizeof(regions) / sizeof(regions[0]))

static void check_pic(const struct machine *m)
{
    const struct pic_chip *master = &m->pic.chips[0], *slave = &m->pic.chips[1];
    uint8_t asks = master->irr & (uint8_t)~master->imr;
    CHECK(pic_has_interrupt(&m->pic) == m->intr);
    CHECK(!m->intr || asks != 0);
    CHECK(m->intr || asks == 0 || master->isr != 0); /* with nothing in service a request is never left lying */
    CHECK((slave->irr & ~slave->imr) == 0 || slave->isr != 0 || (master->irr & 4) != 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct pic_chip *c = &m->pic.chips[i];
        uint8_t lines = (uint8_t)(m->lines >> 8 * i), cascade = i == 0 ? 4 : 0;
        CHECK(c->lines == (lines & ~cascade));
        CHECK((c->irr & c->level & ~cascade) == (lines & c->level & ~cascade));
        CHECK(c->lowest < 8 && (c->base & 7) == 0);
    }
}

static void check_ioapic(const struct machine *m)
{
    for (uint32_t pin = 0; pin < PLATFORM_IOAPIC_PINS; pin++) {
        uint64_t e = m->ioapic.entries[pin];
        bool level = (e & 0x8600) == 0x8000, up = (m->ioapic.lines >> pin & 1) != 0;
        CHECK((e & ~0xff0000000001efffull) == 0);
        CHECK(level || (e & 0x4000) == 0);
        CHECK(m->refuses || !level || !up || (e & 0x14000) != 0);
    }
}

static void check_others(const struct machine *m)
{
    const struct uart *u = &m->uart;
    const struct keyboard *k = &m->keyboard;
    uint32_t most = (u->fcr & 1) != 0 ? UART_FIFO : 1;
    CHECK(u->count <= most && u->head < UART_FIFO);
    bool listens = ((u->ier & 1) != 0 && (u->mcr & 8) != 0) || u->polls == UART_LISTENS;
    CHECK(u->polls <= UART_LISTENS);
    CHECK(uart_room(u) == ((u->mcr & 0x10) != 0 || !listens ? 0 : most - u->count));
    CHECK(u->interrupts == ((m->lines >> PLATFORM_IRQ_COM1 & 1) != 0));
    CHECK(m->sent == m->expected);
    CHECK(k->count <= KEYBOARD_QUEUE && k->head < KEYBOARD_QUEUE);
    CHECK((k->config & 0x20) != 0);
    CHECK(k->count != 0 || (m->lines >> PLATFORM_IRQ_KEYBOARD & 1) == 0);
}

/* Counts what must go out: writes of the data register, not of the divisor and not in loopback. */
static void expect_sent(struct machine *m, const struct region *r, uint64_t offset)
{
    if (r->device == &m->uart && offset == 0 && (m->uart.lcr & 0x80) == 0 && (m->uart.mcr & 0x10) == 0) {
        m->expected++;
    }
}

static void access_region(struct machine *m, struct tape *tape)
{
    static const uint16_t ioapic_offsets[] = {0, 0x10, 0x40, 0x20, 0xffc};
    const struct region *r = &regions[tape_choose(tape, REGIONS)];
    uint32_t size = 1u << tape_choose(tape, 4);
    uint64_t at = r->size == 4096 ? ioapic_offsets[tape_choose(tape, 5)] : tape_choose(tape, r->size);
    if (at + size > r->size) {
        size = 1;
    }
    if (r->size == 4096 && tape_choose(tape, 8) != 0) {
        size = 4;
    }
    if (tape_choose(tape, 4) == 0) {
        (void)r->ops->read(r->device, r->offset + at, size);
        return;
    }
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value |= (uint64_t)tape_byte(tape) << 8 * i;
    }
    expect_sent(m, r, at);
    r->ops->write(r->device, r->offset + at, size, value);
}

static void acknowledge(struct machine *m)
{
    const struct pic_chip *chips = m->pic.chips;
    bool asked = m->intr;
    uint8_t vector = pic_acknowledge(&m->pic);
    CHECK((vector & ~7) == chips[0].base || (vector & ~7) == chips[1].base);
    CHECK(asked || vector == (chips[0].base | 7));
}

/* Ends what a local APIC would: now and then nobody takes a message, and a level is tried again by a write. */
static void switch_taking(struct machine *m, bool refuses)
{
    m->refuses = refuses;
    for (uint32_t pin = 0; pin < PLATFORM_IOAPIC_PINS && !refuses; pin++) {
        ioapic_ops.write(&m->ioapic, 0, 4, 0x11 + 2 * pin);
        ioapic_ops.write(&m->ioapic, 0x10, 4, 0);
    }
}

static void step(struct machine *m, struct tape *tape)
{
    uint32_t what = tape_choose(tape, 32);
    if (what == 0) {
        set_line(m, 8 + tape_choose(tape, 8), (tape_byte(tape) & 1) != 0);
    } else if (what == 1) {
        set_line(m, 5 + 2 * tape_choose(tape, 2), (tape_byte(tape) & 1) != 0);
    } else if (what == 2) {
        set_line(m, PLATFORM_IRQ_PIT, false);
        set_line(m, PLATFORM_IRQ_PIT, true);
    } else if (what < 6) {
        acknowledge(m);
    } else if (what == 6) {
        ioapic_eoi(&m->ioapic, tape_byte(tape));
    } else if (what == 7) {
        uart_receive(&m->uart, m->key++);
    } else if (what == 8) {
        switch_taking(m, (tape_byte(tape) & 7) == 0);
    } else if (what == 9 && tape_byte(tape) == 0) {
        const struct region *r = &regions[tape_choose(tape, REGIONS)];
        r->ops->reset(r->device);
    } else {
        access_region(m, tape);
    }
    check_pic(m);
    check_ioapic(m);
    check_others(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tape tape = {data, size};
    start(&machine);
    while (tape.left != 0) {
        step(&machine, &tape);
    }
    return 0;
}
