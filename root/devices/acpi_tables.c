/* SPDX-License-Identifier: MIT */
#include "root/devices/acpi_tables.h"

#include "root/devices/acpi_format.h"
#include "root/devices/acpi_image.h"
#include "root/devices/platform.h"
#include "root/lib/string.h"

#define CENTURY_REGISTER 0x32u
#define RESET_PORT 0xcf9u
#define RESET_VALUE 6u

/* FADT flags and IA-PC boot architecture flags (5.2.9, 5.2.9.3). */
enum { WBINVD = 1u << 0, PROC_C1 = 1u << 2, NO_SLEEP_BUTTON = 1u << 5, NO_RTC_WAKE = 1u << 6 };
enum { RESET_REGISTER = 1u << 10 };
enum { LEGACY_DEVICES = 1u << 0, HAS_8042 = 1u << 1, NO_VGA = 1u << 2, NO_ASPM = 1u << 4 };
enum { MADT_CPU = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LOCAL_NMI = 4 };

static uint8_t *reserve(struct acpi_image *image, size_t size)
{
    if (image->full || size > image->size - image->used) {
        image->full = true;
        return NULL;
    }
    uint8_t *at = image->out + image->used;
    memset(at, 0, size);
    image->used += size;
    return at;
}

static void append(struct acpi_image *image, const void *bytes, size_t size)
{
    uint8_t *at = reserve(image, size);
    if (at != NULL) {
        memcpy(at, bytes, size);
    }
}

static void add_pointer(struct acpi_image *image, size_t at, uint32_t size)
{
    image->pointers[image->pointer_count++] = (struct acpi_pointer){(uint32_t)at, size};
}

static void add_checksum(struct acpi_image *image, size_t at, size_t start, size_t length)
{
    image->checksums[image->checksum_count++] = (struct acpi_checksum){(uint32_t)at, (uint32_t)start, (uint32_t)length};
}

static struct acpi_header header_of(const char *signature, uint8_t revision)
{
    struct acpi_header h = {.revision = revision,
                            .oem = {'W', 'H', 'I', 'M', 'B', 'R'},
                            .oem_table = {'W', 'H', 'I', 'M', 'B', 'R', 'E', 'L'},
                            .oem_revision = 1,
                            .creator = {'W', 'H', 'B', 'L'},
                            .creator_revision = 1};
    memcpy(h.signature, signature, sizeof(h.signature));
    return h;
}

/* A table begins; with its length and its checksum it ends. */
static size_t begin(struct acpi_image *image, size_t align)
{
    size_t over = image->used % align;
    if (over != 0) {
        reserve(image, align - over);
    }
    return image->used;
}

static void end(struct acpi_image *image, size_t start)
{
    if (image->full) {
        return;
    }
    uint32_t length = (uint32_t)(image->used - start);
    memcpy(image->out + start + offsetof(struct acpi_header, length), &length, sizeof(length));
    add_checksum(image, start + offsetof(struct acpi_header, checksum), start, length);
}

static uint32_t put_facs(struct acpi_image *image)
{
    struct acpi_facs facs = {.signature = {'F', 'A', 'C', 'S'}, .length = sizeof(facs), .version = 2};
    size_t start = begin(image, ACPI_TABLES_ALIGN);
    append(image, &facs, sizeof(facs));
    return (uint32_t)start;
}

static uint32_t put_dsdt(struct acpi_image *image, const struct acpi_machine *m)
{
    struct acpi_header header = header_of("DSDT", 2);
    size_t start = begin(image, 16);
    append(image, &header, sizeof(header));
    size_t used = image->full ? 0 : acpi_dsdt_write(m, image->out + image->used, image->size - image->used);
    image->full = image->full || used == 0;
    image->used += used;
    end(image, start);
    return (uint32_t)start;
}

static struct acpi_address port(uint16_t at, uint8_t bits, uint8_t access)
{
    return (struct acpi_address){.space = 1, .bits = bits, .access = access, .address = at};
}

/* Always in ACPI mode: no SMI command (5.2.9). The timer counts in 24 bits. */
static void fill_registers(struct acpi_fadt *f)
{
    f->sci = PLATFORM_IRQ_SCI;
    f->pm1a_event = PLATFORM_PM_EVENT;
    f->pm1_event_length = 4;
    f->x_pm1a_event = port(PLATFORM_PM_EVENT, 32, 2);
    f->pm1a_control = PLATFORM_PM_CONTROL;
    f->pm1_control_length = 2;
    f->x_pm1a_control = port(PLATFORM_PM_CONTROL, 16, 2);
    f->pm_timer = PLATFORM_PM_TIMER;
    f->pm_timer_length = 4;
    f->x_pm_timer = port(PLATFORM_PM_TIMER, 32, 3);
    f->reset = port(RESET_PORT, 8, 1);
    f->reset_value = RESET_VALUE;
}

static uint32_t put_fadt(struct acpi_image *image, const struct acpi_machine *m, uint32_t facs, uint32_t dsdt)
{
    struct acpi_fadt f = {.header = header_of("FACP", 6), .minor = 3, .facs = facs, .dsdt = dsdt, .x_dsdt = dsdt};
    fill_registers(&f);
    f.c2_latency = 0x0fff; /* above 100 and 1000: no such states */
    f.c3_latency = 0x0fff;
    f.century = CENTURY_REGISTER;
    f.boot_architecture = (uint16_t)(LEGACY_DEVICES | NO_VGA | NO_ASPM | (m->keyboard ? HAS_8042 : 0));
    f.flags = WBINVD | PROC_C1 | NO_SLEEP_BUTTON | NO_RTC_WAKE | RESET_REGISTER;
    size_t start = begin(image, 16);
    append(image, &f, sizeof(f));
    add_pointer(image, start + offsetof(struct acpi_fadt, facs), 4);
    add_pointer(image, start + offsetof(struct acpi_fadt, dsdt), 4);
    add_pointer(image, start + offsetof(struct acpi_fadt, x_dsdt), 8);
    end(image, start);
    return (uint32_t)start;
}

/* ISA interrupts have their own numbers as pins, edge-triggered and active high, but for these (5.2.12.5). */
static void put_overrides(struct acpi_image *image)
{
    struct acpi_madt_override o = {.type = MADT_OVERRIDE, .length = sizeof(o)};
    o.source = PLATFORM_IRQ_PIT;
    o.gsi = PLATFORM_PIN_PIT;
    append(image, &o, sizeof(o));
    o.source = PLATFORM_IRQ_SCI;
    o.gsi = PLATFORM_IRQ_SCI;
    o.flags = 0x000d; /* level-triggered, active high */
    append(image, &o, sizeof(o));
}

static uint32_t put_madt(struct acpi_image *image, const struct acpi_machine *m)
{
    struct acpi_madt madt = {.header = header_of("APIC", 4), .local_apic = PLATFORM_LOCAL_APIC, .flags = 1};
    struct acpi_madt_ioapic ioapic = {.type = MADT_IOAPIC, .length = sizeof(ioapic), .address = PLATFORM_IOAPIC};
    struct acpi_madt_nmi nmi = {.type = MADT_LOCAL_NMI, .length = sizeof(nmi), .uid = 0xff, .input = 1};
    size_t start = begin(image, 16);
    append(image, &madt, sizeof(madt));
    for (uint32_t i = 0; i < m->cpus; i++) {
        struct acpi_madt_cpu cpu = {MADT_CPU, sizeof(cpu), (uint8_t)i, (uint8_t)i, 1};
        append(image, &cpu, sizeof(cpu));
    }
    append(image, &ioapic, sizeof(ioapic));
    put_overrides(image);
    append(image, &nmi, sizeof(nmi));
    end(image, start);
    return (uint32_t)start;
}

/* RSDT (pointers of 4 bytes) or XSDT (of 8). */
static uint32_t put_root(struct acpi_image *image, const char *signature, uint32_t size, uint32_t fadt, uint32_t madt)
{
    struct acpi_header header = header_of(signature, 1);
    const uint64_t tables[] = {fadt, madt};
    size_t start = begin(image, 16);
    append(image, &header, sizeof(header));
    for (uint32_t i = 0; i < 2; i++) {
        add_pointer(image, image->used, size);
        append(image, &tables[i], size);
    }
    end(image, start);
    return (uint32_t)start;
}

static void put_rsdp(struct acpi_image *image, uint32_t rsdt, uint32_t xsdt)
{
    struct acpi_rsdp r = {.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
                          .oem = {'W', 'H', 'I', 'M', 'B', 'R'},
                          .revision = 2,
                          .rsdt = rsdt,
                          .length = sizeof(r),
                          .xsdt = xsdt};
    memcpy(image->out, &r, sizeof(r));
    add_pointer(image, offsetof(struct acpi_rsdp, rsdt), 4);
    add_pointer(image, offsetof(struct acpi_rsdp, xsdt), 8);
    add_checksum(image, offsetof(struct acpi_rsdp, checksum), 0, 20);
    add_checksum(image, offsetof(struct acpi_rsdp, extended_checksum), 0, sizeof(r));
}

bool acpi_image_build(struct acpi_image *image, const struct acpi_machine *m, uint8_t *out, size_t size)
{
    *image = (struct acpi_image){.out = out, .size = size};
    if (m->cpus == 0 || m->cpus > ACPI_CPUS_MAX || m->virtio_slots >> PLATFORM_VIRTIO_SLOTS != 0) {
        return false;
    }
    reserve(image, ACPI_TABLES_OFFSET);
    uint32_t facs = put_facs(image);
    uint32_t dsdt = put_dsdt(image, m);
    uint32_t fadt = put_fadt(image, m, facs, dsdt);
    uint32_t madt = put_madt(image, m);
    uint32_t rsdt = put_root(image, "RSDT", 4, fadt, madt);
    uint32_t xsdt = put_root(image, "XSDT", 8, fadt, madt);
    if (image->full) {
        return false;
    }
    put_rsdp(image, rsdt, xsdt);
    return true;
}

static void place(const struct acpi_image *image, uint64_t address)
{
    for (uint32_t i = 0; i < image->pointer_count; i++) {
        const struct acpi_pointer *p = &image->pointers[i];
        uint64_t value = 0;
        memcpy(&value, image->out + p->at, p->size);
        value += address;
        memcpy(image->out + p->at, &value, p->size);
    }
    for (uint32_t i = 0; i < image->checksum_count; i++) {
        const struct acpi_checksum *c = &image->checksums[i];
        uint8_t sum = 0;
        for (uint32_t n = 0; n < c->length; n++) {
            sum = (uint8_t)(sum + image->out[c->start + n]);
        }
        image->out[c->at] = (uint8_t)-sum;
    }
}

size_t acpi_tables_build(const struct acpi_machine *m, uint64_t address, uint8_t *out, size_t size)
{
    struct acpi_image image;
    if (address % ACPI_TABLES_ALIGN != 0 || address > UINT32_MAX - ACPI_TABLES_MAX) {
        return 0;
    }
    if (!acpi_image_build(&image, m, out, size < ACPI_TABLES_MAX ? size : ACPI_TABLES_MAX)) {
        return 0;
    }
    place(&image, address);
    return image.used;
}
