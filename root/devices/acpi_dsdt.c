/* SPDX-License-Identifier: MIT */
/* What the machine's devices are called and where they are, for operating systems and for SeaBIOS. */
#include "root/devices/acpi_aml.h"
#include "root/devices/acpi_image.h"
#include "root/devices/platform.h"

/* A device at ISA ports; up to two ranges, `count` 0 for none. */
struct isa_device {
    const char *name, *id;
    struct {
        uint16_t port;
        uint8_t count;
    } ports[3];
    uint32_t irq;
};

#define NO_IRQ UINT32_MAX

static const struct isa_device always[] = {
    {"PIC_", "PNP0000", {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}}, 2},
    {"TMR_", "PNP0100", {{0x40, 4}}, PLATFORM_IRQ_PIT},
    {"RTC_", "PNP0B00", {{0x70, 2}}, PLATFORM_IRQ_RTC},
};
static const struct isa_device keyboard = {"KBD_", "PNP0303", {{0x60, 1}, {0x64, 1}}, PLATFORM_IRQ_KEYBOARD};
static const struct isa_device serial = {"COM1", "PNP0501", {{PLATFORM_COM1, 8}}, PLATFORM_IRQ_COM1};

/* The fixed registers belong to ACPI itself; this keeps drivers from taking their ports. */
static const struct isa_device power = {"PWR_", "PNP0C02", {{PLATFORM_PM_BASE, 12}, {PLATFORM_FW_CFG, 12}}, NO_IRQ};

static void add_isa(struct aml *aml, const struct isa_device *d)
{
    struct aml_resources r;
    aml_resources_init(&r);
    for (uint32_t i = 0; i < 3 && d->ports[i].count != 0; i++) {
        aml_ports(&r, d->ports[i].port, d->ports[i].count);
    }
    if (d->irq != NO_IRQ) {
        aml_isa_irq(&r, d->irq);
    }
    size_t at = aml_device_begin(aml, d->name);
    aml_name(aml, "_HID");
    aml_eisa_id(aml, d->id);
    aml_name(aml, "_UID");
    aml_integer(aml, 1);
    aml_resources(aml, &r);
    aml_end(aml, at);
}

/* LNRO0005 is what Linux's virtio-mmio driver and SeaBIOS look for. */
static void add_virtio(struct aml *aml, uint32_t slot)
{
    static const uint32_t irqs[PLATFORM_VIRTIO_SLOTS] = PLATFORM_VIRTIO_IRQS;
    const char name[] = {'V', 'I', 'O', (char)('0' + slot), 0};
    struct aml_resources r;
    aml_resources_init(&r);
    aml_memory(&r, PLATFORM_VIRTIO_BASE + slot * PLATFORM_VIRTIO_STRIDE, PLATFORM_VIRTIO_STRIDE);
    aml_level_irq(&r, irqs[slot]);
    size_t at = aml_device_begin(aml, name);
    aml_name(aml, "_HID");
    aml_string(aml, "LNRO0005");
    aml_name(aml, "_UID");
    aml_integer(aml, slot);
    aml_name(aml, "_CCA"); /* its accesses to memory are coherent */
    aml_integer(aml, 1);
    aml_resources(aml, &r);
    aml_end(aml, at);
}

/* What PM1a control takes as SLP_TYP to switch off. */
static void add_sleep_state(struct aml *aml)
{
    aml_name(aml, "\\_S5_");
    size_t at = aml_package_begin(aml, 4);
    aml_integer(aml, PLATFORM_SLP_TYP_S5);
    aml_integer(aml, PLATFORM_SLP_TYP_S5);
    aml_integer(aml, 0);
    aml_integer(aml, 0);
    aml_end(aml, at);
}

size_t acpi_dsdt_write(const struct acpi_machine *m, uint8_t *out, size_t size)
{
    struct aml aml = {.out = out, .size = size};
    add_sleep_state(&aml);
    size_t at = aml_scope_begin(&aml, "\\_SB_");
    for (uint32_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        add_isa(&aml, &always[i]);
    }
    add_isa(&aml, &power);
    if (m->keyboard) {
        add_isa(&aml, &keyboard);
    }
    if (m->serial) {
        add_isa(&aml, &serial);
    }
    for (uint32_t i = 0; i < PLATFORM_VIRTIO_SLOTS; i++) {
        if ((m->virtio_slots >> i & 1) != 0) {
            add_virtio(&aml, i);
        }
    }
    aml_end(&aml, at);
    return aml.full ? 0 : aml.used;
}
