/* SPDX-License-Identifier: MIT */
/* Registers: Intel 82093AA data sheet, section 3.2; the EOI register: ICH data sheets. */
#include "root/devices/ioapic.h"

#define REG_SELECT 0x00u
#define REG_WINDOW 0x10u
#define REG_EOI 0x40u
#define INDEX_ID 0x00u
#define INDEX_VERSION 0x01u
#define INDEX_ARBITRATION 0x02u
#define INDEX_TABLE 0x10u
#define VERSION (0x20u | (PLATFORM_IOAPIC_PINS - 1) << 16)
#define ID_MASK 0x0f000000u

#define ENTRY_MODE_EDGE (6ull << 8) /* delivery modes but fixed (0) and lowest priority (1) have one of these bits */
#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_STATUS (1ull << 12)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_WRITABLE 0xff0000000001afffull /* all but delivery status, remote IRR and reserved bits */

/* SMI, NMI, INIT and ExtINT are edges even if the entry says level: nobody would end them (82093AA, 3.2.4). */
static bool is_level(uint64_t entry)
{
    return (entry & ENTRY_LEVEL) != 0 && (entry & ENTRY_MODE_EDGE) == 0;
}

static bool is_up(const struct ioapic *a, uint32_t pin)
{
    return (a->lines >> pin & 1) != 0;
}

/* A level that is up and not yet on its way. */
static bool waits(const struct ioapic *a, uint32_t pin)
{
    uint64_t e = a->entries[pin];
    return is_up(a, pin) && is_level(e) && (e & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) == 0;
}

/* The local APICs take a message at once or not at all; one that they did not take is still being sent. */
static uint64_t read_entry(const struct ioapic *a, uint32_t pin)
{
    return a->entries[pin] | (waits(a, pin) ? ENTRY_STATUS : 0);
}

static void send(struct ioapic *a, uint32_t pin)
{
    uint64_t e = a->entries[pin];
    struct ioapic_message message = {
        .vector = (uint8_t)e,
        .delivery_mode = (uint8_t)(e >> 8) & 7,
        .destination = (uint8_t)(e >> 56),
        .logical = (e & ENTRY_LOGICAL) != 0,
        .level = is_level(e),
    };
    bool taken = a->deliver(a->context, &message);
    if (message.level && taken) {
        a->entries[pin] |= ENTRY_REMOTE_IRR;
    }
}

static void send_level(struct ioapic *a, uint32_t pin)
{
    if (waits(a, pin)) {
        send(a, pin);
    }
}

/*
 * An edge at a masked pin is ignored and not kept (82093AA, 3.2.4; QEMU and KVM do so too). Linux relies on no other:
 * where it masks an edge it runs the handler once more after unmasking (handle_edge_irq), and when it starts an ISA
 * interrupt it looks into the 8259's IRR for an edge that came before (startup_ioapic_irq).
 */
void ioapic_set_irq(struct ioapic *a, uint32_t pin, bool level)
{
    if (pin >= PLATFORM_IOAPIC_PINS || is_up(a, pin) == level) {
        return;
    }
    a->lines ^= 1u << pin;
    if (is_level(a->entries[pin])) {
        send_level(a, pin);
    } else if (level && (a->entries[pin] & ENTRY_MASKED) == 0) {
        send(a, pin);
    }
}

void ioapic_eoi(struct ioapic *a, uint8_t vector)
{
    for (uint32_t pin = 0; pin < PLATFORM_IOAPIC_PINS; pin++) {
        uint64_t e = a->entries[pin];
        if ((uint8_t)e == vector && (e & ENTRY_REMOTE_IRR) != 0) {
            a->entries[pin] = e & ~ENTRY_REMOTE_IRR;
            send_level(a, pin);
        }
    }
}

static uint32_t read_index(const struct ioapic *a)
{
    switch (a->selected) {
    case INDEX_ID:
    case INDEX_ARBITRATION:
        return a->id;
    case INDEX_VERSION:
        return VERSION;
    default:
        break;
    }
    uint32_t n = a->selected - INDEX_TABLE;
    if (a->selected < INDEX_TABLE || n / 2 >= PLATFORM_IOAPIC_PINS) {
        return 0xffffffff;
    }
    return (uint32_t)(read_entry(a, n / 2) >> (n % 2 * 32));
}

static void write_entry(struct ioapic *a, uint32_t n, uint32_t value)
{
    uint32_t pin = n / 2, shift = n % 2 * 32;
    uint64_t mask = (0xffffffffull << shift) & ENTRY_WRITABLE, old = a->entries[pin];
    uint64_t e = (old & ~mask) | (((uint64_t)value << shift) & mask);
    if (!is_level(e)) {
        e &= ~ENTRY_REMOTE_IRR; /* Linux ends a stuck level interrupt by switching the pin to edge and back */
    }
    a->entries[pin] = e;
    send_level(a, pin);
}

static uint64_t ioapic_read(void *device, uint64_t offset, uint32_t size)
{
    struct ioapic *a = device;
    if (size != 4) {
        return UINT64_MAX;
    }
    switch (offset) {
    case REG_SELECT:
        return a->selected;
    case REG_WINDOW:
        return read_index(a);
    default:
        return UINT64_MAX;
    }
}

bool ioapic_is_masked(const struct ioapic *a, uint32_t pin)
{
    return (a->entries[pin] & ENTRY_MASKED) != 0;
}

static void write_window(struct ioapic *a, uint32_t value)
{
    uint32_t n = a->selected - INDEX_TABLE;
    if (a->selected == INDEX_ID) {
        a->id = value & ID_MASK;
    } else if (a->selected >= INDEX_TABLE && n / 2 < PLATFORM_IOAPIC_PINS) {
        write_entry(a, n, value);
    }
}

/* The select register takes byte writes too: only its low 8 bits exist. */
static void ioapic_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct ioapic *a = device;
    if (size <= 4 && offset == REG_SELECT) {
        a->selected = (uint8_t)value;
    } else if (size == 4 && offset == REG_WINDOW) {
        write_window(a, (uint32_t)value);
    } else if (size == 4 && offset == REG_EOI) {
        ioapic_eoi(a, (uint8_t)value);
    }
}

static void ioapic_reset(void *device)
{
    struct ioapic *a = device;
    for (uint32_t pin = 0; pin < PLATFORM_IOAPIC_PINS; pin++) {
        a->entries[pin] = ENTRY_MASKED;
    }
    a->id = 0;
    a->selected = 0;
}

void ioapic_init(struct ioapic *a, bool (*deliver)(void *context, const struct ioapic_message *message), void *context)
{
    a->deliver = deliver;
    a->context = context;
    a->lines = 0;
    ioapic_reset(a);
}

const struct device_ops ioapic_ops = {.read = ioapic_read, .write = ioapic_write, .reset = ioapic_reset};
