/* SPDX-License-Identifier: MIT */
#include "root/monitor/machine_devices.h"

#include "root/lib/string.h"
#include "root/monitor/host.h"

#define ELCR_PORTS 0x4d0u
#define IOAPIC_SIZE 0x1000u
#define PCI_ADDRESS 0xcf8u /* with the reset control */

static const uint32_t virtio_irqs[PLATFORM_VIRTIO_SLOTS] = PLATFORM_VIRTIO_IRQS;

/* An ISA interrupt reaches both controllers; whoever the guest uses has it unmasked. */
static void set_line(void *context, uint32_t line, bool level)
{
    struct machine *m = context;
    pic_set_irq(&m->pic, line, level);
    ioapic_set_irq(&m->ioapic, line == PLATFORM_IRQ_PIT ? PLATFORM_PIN_PIT : line, level);
}

static void on_intr(void *context, bool level)
{
    struct machine *m = context;
    m->pic_rose |= level;
}

static struct irq_line line_of(struct machine *m, uint32_t line)
{
    return (struct irq_line){set_line, m, line};
}

/* A tick that goes by the I/O APIC waits in a local APIC, which is the hypervisor's. */
static enum pit_rise last_tick(void *context)
{
    const struct machine *m = context;
    const struct pic_chip *c = &m->pic.chips[0];
    if (!ioapic_is_masked(&m->ioapic, PLATFORM_PIN_PIT)) {
        return PIT_RISE_UNKNOWN;
    }
    if ((c->irr >> PLATFORM_IRQ_PIT & 1) == 0) {
        return PIT_RISE_TAKEN;
    }
    return (c->imr >> PLATFORM_IRQ_PIT & 1) != 0 ? PIT_RISE_MASKED : PIT_RISE_WAITS;
}

static bool deliver(void *context, const struct ioapic_message *message)
{
    struct machine *m = context;
    WHV_INTERRUPT_CONTROL control;
    memset(&control, 0, sizeof(control));
    control.Type = message->delivery_mode;
    control.DestinationMode =
        message->logical ? WHvX64InterruptDestinationModeLogical : WHvX64InterruptDestinationModePhysical;
    control.TriggerMode = message->level ? WHvX64InterruptTriggerModeLevel : WHvX64InterruptTriggerModeEdge;
    control.Destination = message->destination;
    control.Vector = message->vector;
    return SUCCEEDED(WHvRequestInterrupt(m->partition, &control, sizeof(control)));
}

static void on_unknown_port(void *context, uint64_t port, uint32_t size, bool write, uint64_t value)
{
    machine_debug(context,
                  write ? "write to port %llxh, where nothing is: %u bytes, %llxh"
                        : "read of port %llxh, where nothing is: %u bytes, as %llxh",
                  (unsigned long long)port, size, (unsigned long long)value);
}

static void on_unknown_address(void *context, uint64_t address, uint32_t size, bool write, uint64_t value)
{
    machine_debug(context,
                  write ? "write to %llxh, where nothing is: %u bytes, %llxh"
                        : "read of %llxh, where nothing is: %u bytes, as %llxh",
                  (unsigned long long)address, size, (unsigned long long)value);
}

static void on_byte(void *context, uint8_t byte)
{
    struct machine *m = context;
    console_byte(&m->console, byte);
}

/* SeaBIOS's own log, by lines. */
static void on_firmware_byte(void *context, uint8_t byte)
{
    struct machine *m = context;
    if (byte != '\n' && m->firmware_used + 1 < MACHINE_FIRMWARE_LINE) {
        m->firmware_line[m->firmware_used++] = (char)byte;
        return;
    }
    m->firmware_line[m->firmware_used] = 0;
    m->firmware_used = 0;
    machine_debug(m, "firmware: %s", m->firmware_line);
}

static void on_power_off(void *context)
{
    machine_end(context, MACHINE_POWERED_OFF);
}

static void on_reset(void *context)
{
    machine_end(context, MACHINE_RESETS);
}

static void on_exit(void *context, uint32_t status)
{
    struct machine *m = context;
    m->exit_status = status;
    machine_end(m, MACHINE_EXITED);
}

/* The guest took bytes: the terminal's keys that wait go in. */
static void refill(void *context)
{
    struct machine *m = context;
    uint8_t key;
    if (m->config->virtio_console) {
        while (virtio_console_room(&m->virtio_console) != 0 && console_take_key(&m->console, &key)) {
            virtio_console_receive(&m->virtio_console, key);
        }
    } else {
        while (uart_room(&m->uart) != 0 && console_take_key(&m->console, &key)) {
            uart_receive(&m->uart, key);
        }
    }
}

bool machine_takes_input(const struct machine *m)
{
    bool room = m->config->virtio_console ? virtio_console_room(&m->virtio_console) != 0 : uart_room(&m->uart) != 0;
    return room && console_waiting(&m->console) != 0;
}

void machine_input(struct machine *m, const uint8_t *bytes, size_t size)
{
    machine_lock(m);
    for (size_t i = 0; i < size; i++) {
        (void)console_key(&m->console, bytes[i]); /* 8 KiB ahead of the guest: the person sees no echo, and stops */
    }
    refill(m);
    machine_unlock(m);
    (void)WHvCancelRunVirtualProcessor(m->partition, 0, 0);
}

static bool add_ports(struct machine *m)
{
    struct bus *b = &m->ports;
    return bus_add(b, 0x20, 2, 0, &m->pic, &pic_ops) && bus_add(b, 0xa0, 2, 0x80, &m->pic, &pic_ops) &&
           bus_add(b, ELCR_PORTS, 2, 0x4b0, &m->pic, &pic_ops) && bus_add(b, 0x40, 4, 0, &m->pit, &pit_ops) &&
           bus_add(b, 0x61, 1, 0x21, &m->pit, &pit_ops) && bus_add(b, 0x60, 1, 0, &m->keyboard, &keyboard_ops) &&
           bus_add(b, 0x64, 1, 4, &m->keyboard, &keyboard_ops) && bus_add(b, 0x70, 2, 0, &m->rtc, &rtc_ops) &&
           bus_add(b, PLATFORM_COM1, 8, 0, &m->uart, &uart_ops) &&
           bus_add(b, PLATFORM_COPROCESSOR, 1, 0, &m->ferr, &ferr_ops) &&
           bus_add(b, PLATFORM_PM_BASE, 12, 0, &m->pm, &acpi_pm_ops) &&
           bus_add(b, PLATFORM_FW_CFG, FW_CFG_PORTS, 0, &m->firmware_config.fw_cfg, &fw_cfg_ops);
}

static bool add_misc_ports(struct machine *m)
{
    static const uint16_t single[] = {0x80, 0x92, PLATFORM_DEBUG_PORT, PLATFORM_BIOS_DEBUG_PORT};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (!bus_add(&m->ports, single[i], 1, single[i], &m->misc, &misc_ports_ops)) {
            return false;
        }
    }
    return bus_add(&m->ports, PCI_ADDRESS, 4, PCI_ADDRESS, &m->misc, &misc_ports_ops) &&
           bus_add(&m->ports, PLATFORM_EXIT_PORT, 4, PLATFORM_EXIT_PORT, &m->misc, &misc_ports_ops);
}

static uint64_t slot_address(uint32_t slot)
{
    return PLATFORM_VIRTIO_BASE + (uint64_t)slot * PLATFORM_VIRTIO_STRIDE;
}

/* Disks first, then the console, each in the next slot. */
static bool add_virtio(struct machine *m)
{
    const struct guest_config *c = m->config;
    uint32_t slot = 0;
    for (; slot < c->disk_count; slot++) {
        const struct guest_disk *d = &c->disks[slot];
        struct irq_line irq = line_of(m, virtio_irqs[slot]);
        virtio_blk_init(&m->disks[slot], &m->memory, &irq, d->file.data, d->file.size, d->readonly);
        if (!bus_add(&m->mmio, slot_address(slot), PLATFORM_VIRTIO_STRIDE, 0, &m->disks[slot].mmio, &virtio_mmio_ops)) {
            return false;
        }
    }
    if (slot == PLATFORM_VIRTIO_SLOTS) {
        return !c->virtio_console;
    }
    struct irq_line irq = line_of(m, virtio_irqs[slot]);
    struct byte_sink out = {on_byte, m};
    virtio_console_init(&m->virtio_console, &m->memory, &irq, &out, refill, m);
    return bus_add(&m->mmio, slot_address(slot), PLATFORM_VIRTIO_STRIDE, 0, &m->virtio_console.mmio, &virtio_mmio_ops);
}

static void init_devices(struct machine *m)
{
    uint16_t level = 1u << PLATFORM_IRQ_SCI;
    for (uint32_t i = 0; i < PLATFORM_VIRTIO_SLOTS; i++) {
        level = (uint16_t)(level | 1u << virtio_irqs[i]);
    }
    struct irq_line pit = line_of(m, PLATFORM_IRQ_PIT), rtc = line_of(m, PLATFORM_IRQ_RTC);
    struct irq_line sci = line_of(m, PLATFORM_IRQ_SCI), com1 = line_of(m, PLATFORM_IRQ_COM1);
    struct irq_line keyboard = line_of(m, PLATFORM_IRQ_KEYBOARD), coprocessor = line_of(m, PLATFORM_IRQ_COPROCESSOR);
    struct byte_sink out = {on_byte, m}, firmware_log = {on_firmware_byte, m};
    m->clock = (struct device_clock){machine_now, m};
    pic_init(&m->pic, level, on_intr, m);
    ioapic_init(&m->ioapic, deliver, m);
    pit_init(&m->pit, &m->clock, &pit);
    pit_set_last_rise(&m->pit, last_tick, m);
    rtc_init(&m->rtc, &m->clock, &rtc, host_wall_clock());
    rtc_set_memory(&m->rtc, m->memory.low_size, m->memory.high_size);
    acpi_pm_init(&m->pm, &m->clock, &sci, on_power_off, m);
    uart_init(&m->uart, &com1, &out, refill, m);
    keyboard_init(&m->keyboard, &keyboard, on_reset, m);
    ferr_init(&m->ferr, &coprocessor);
    misc_ports_init(&m->misc, &out, &firmware_log, on_reset, on_exit, m);
}

const char *machine_wire(struct machine *m)
{
    m->ports.unknown = on_unknown_port;
    m->mmio.unknown = on_unknown_address;
    m->ports.context = m;
    m->mmio.context = m;
    init_devices(m);
    if (!add_ports(m) || !add_misc_ports(m) || !add_virtio(m) ||
        !bus_add(&m->mmio, PLATFORM_IOAPIC, IOAPIC_SIZE, 0, &m->ioapic, &ioapic_ops)) {
        return "its devices do not fit on the bus (at most four virtio devices)";
    }
    return machine_fill_fw_cfg(m);
}
