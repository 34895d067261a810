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

#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_STATUS (1ull << 12)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_WRITABLE 0xff0000000001afffull /* all but delivery status, remote IRR and reserved bits */

static void send(struct ioapic *a, uint32_t pin)
{
    uint64_t e = a->entries[pin];
    struct ioapic_message message = {
        .vector = (uint8_t)e,
        .delivery_mode = (uint8_t)(e >> 8) & 7,
        .destination = (uint8_t)(e >> 56),
        .logical = (e & ENTRY_LOGICAL) != 0,
        .level = (e & ENTRY_LEVEL) != 0,
    };
    bool taken = a->deliver(a->context, &message);
    if (message.level && taken) {
        a->entries[pin] |= ENTRY_REMOTE_IRR;
    }
}

/* A level that is up and not yet on its way. */
static void send_level(struct ioapic *a, uint32_t pin)
{
    uint64_t e = a->entries[pin];
    if ((a->lines >> pin & 1) != 0 && (e & (ENTRY_MASKED | ENTRY_LEVEL | ENTRY_REMOTE_IRR)) == ENTRY_LEVEL) {
        send(a, pin);
    }
}

/*
 * An edge that comes while its pin is masked is kept, and sent when the pin is unmasked, as KVM and the later I/O APICs
 * do: Linux masks an edge pin that comes while its handler runs and expects not to lose the next edge (mask_ioapic_irq
 * in handle_edge_irq).
 */
void ioapic_set_irq(struct ioapic *a, uint32_t pin, bool level)
{
    uint32_t bit = 1u << pin;
    bool was = (a->lines & bit) != 0;
    if (was == level) {
        return;
    }
    a->lines = level ? a->lines | bit : a->lines & ~bit;
    uint64_t e = a->entries[pin];
    if ((e & ENTRY_LEVEL) != 0) {
        send_level(a, pin);
    } else if (level && (e & ENTRY_MASKED) != 0) {
        a->edges |= bit;
    } else if (level) {
        send(a, pin);
    }
}

void ioapic_eoi(struct ioapic *a, uint8_t vector)
{
    for (uint32_t pin = 0; pin < PLATFORM_IOAPIC_PINS; pin++) {
        uint64_t e = a->entries[pin];
        if ((uint8_t)e == vector && (e & ENTRY_LEVEL) != 0 && (e & ENTRY_REMOTE_IRR) != 0) {
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
    return (uint32_t)(a->entries[n / 2] >> (n % 2 * 32));
}

static void write_entry(struct ioapic *a, uint32_t n, uint32_t value)
{
    uint32_t pin = n / 2, shift = n % 2 * 32;
    uint64_t mask = (0xffffffffull << shift) & ENTRY_WRITABLE, old = a->entries[pin];
    uint64_t e = (old & ~mask) | (((uint64_t)value << shift) & mask);
    if ((e & ENTRY_LEVEL) == 0) {
        e &= ~ENTRY_REMOTE_IRR; /* Linux ends a stuck level interrupt by switching the pin to edge and back */
    }
    a->entries[pin] = e;
    send_level(a, pin);
    if ((e & (ENTRY_LEVEL | ENTRY_MASKED)) == 0 && (a->edges >> pin & 1) != 0) {
        a->edges &= ~(1u << pin);
        send(a, pin);
    }
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
        return 0;
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
    if (offset == REG_SELECT) {
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
    a->edges = 0;
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
