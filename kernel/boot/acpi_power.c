/* SPDX-License-Identifier: MIT */
#include "kernel/boot/acpi_power.h"

#include "arch/cpu/string.h"

/* FADT, ACPI 6.4 table 5.9. Older ones are shorter. */
#define FADT_DSDT 40u
#define FADT_PM1A_CONTROL 64u
#define FADT_PM1B_CONTROL 68u
#define FADT_RESET 116u
#define FADT_RESET_VALUE 128u
#define FADT_X_DSDT 140u
#define FADT_X_PM1A_CONTROL 172u
#define FADT_X_PM1B_CONTROL 184u
#define FADT_SLEEP_CONTROL 244u

/* Generic address structure, 5.2.3.2. */
#define GAS_SPACE_MEMORY 0u
#define GAS_SPACE_IO 1u
#define GAS_ADDRESS 4u

#define TABLE_CHECKSUM 9u
#define MAX_PORT 0xffffu
#define MAX_ADDRESS (1ull << 46) /* of a register in memory: no processor has more bits in use */
#define MAX_SLEEP_TYPE 7u

/* AML, 20.2. */
enum {
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_QWORD = 0x0e,
    AML_PACKAGE = 0x12,
    AML_ROOT = 0x5c,
};
#define NAME_SIZE 4u

/* 0 beyond the table's end. */
static uint64_t field(const struct acpi_table *table, uint32_t at, uint32_t size)
{
    uint64_t value = 0;
    if (at < table->length && size <= table->length - at) {
        memcpy(&value, table->bytes + at, size);
    }
    return value;
}

static struct acpi_register port_register(uint64_t port, uint32_t offset)
{
    return (struct acpi_register){port <= MAX_PORT - offset ? port + offset : 0, false};
}

/* The byte `offset` bytes into the register of a generic address structure. */
static struct acpi_register generic_register(const struct acpi_table *fadt, uint32_t at, uint32_t offset)
{
    uint64_t space = field(fadt, at, 1), address = field(fadt, at + GAS_ADDRESS, 8);
    if (address == 0) {
        return (struct acpi_register){0};
    }
    if (space == GAS_SPACE_IO) {
        return port_register(address, offset);
    }
    bool reachable = space == GAS_SPACE_MEMORY && address < MAX_ADDRESS;
    return reachable ? (struct acpi_register){address + offset, true} : (struct acpi_register){0};
}

static struct acpi_register old_register(const struct acpi_table *fadt, uint32_t at)
{
    uint64_t port = field(fadt, at, 4);
    return port != 0 ? port_register(port, 1) : (struct acpi_register){0};
}

static void find_dsdt(const struct acpi_table *fadt, const struct acpi_reader *reader, struct acpi_power *out)
{
    const uint64_t places[] = {field(fadt, FADT_X_DSDT, 8), field(fadt, FADT_DSDT, 4)};
    struct acpi_table dsdt;
    for (unsigned i = 0; i < 2; i++) {
        if (places[i] != 0 && acpi_map_table(reader, places[i], "DSDT", &dsdt) == ACPI_OK) {
            out->dsdt = places[i];
            out->dsdt_length = dsdt.length;
            out->s5_known = acpi_sleep_type(dsdt.bytes, dsdt.length, 5, out->s5_type);
            return;
        }
    }
}

bool acpi_find_power(const void *rsdp, size_t rsdp_size, const struct acpi_reader *reader, struct acpi_power *out)
{
    struct acpi_table fadt;
    memset(out, 0, sizeof(*out));
    if (acpi_find_table(rsdp, rsdp_size, reader, "FACP", &fadt) != ACPI_OK) {
        return false;
    }
    out->leaving[ACPI_PM1A] = old_register(&fadt, FADT_PM1A_CONTROL);
    out->leaving[ACPI_PM1B] = old_register(&fadt, FADT_PM1B_CONTROL);
    out->leaving[ACPI_X_PM1A] = generic_register(&fadt, FADT_X_PM1A_CONTROL, 1);
    out->leaving[ACPI_X_PM1B] = generic_register(&fadt, FADT_X_PM1B_CONTROL, 1);
    out->leaving[ACPI_SLEEP_CONTROL] = generic_register(&fadt, FADT_SLEEP_CONTROL, 0);
    out->leaving[ACPI_RESET] = generic_register(&fadt, FADT_RESET, 0);
    out->reset_value = (uint8_t)field(&fadt, FADT_RESET_VALUE, 1);
    find_dsdt(&fadt, reader, out);
    return true;
}

/* Offset of the name in the next `Name (_Sx_, Package...` at or after `at`; `size`: there is none. */
static size_t find_state(const uint8_t *aml, size_t size, unsigned state, size_t at)
{
    const uint8_t wanted[NAME_SIZE + 1] = {'_', 'S', (uint8_t)('0' + state), '_', AML_PACKAGE};
    for (at = at == 0 ? 1 : at; at < size && size - at > sizeof(wanted); at++) {
        bool named = aml[at - 1] == AML_NAME || (at > 1 && aml[at - 1] == AML_ROOT && aml[at - 2] == AML_NAME);
        if (named && memcmp(aml + at, wanted, sizeof(wanted)) == 0) {
            return at;
        }
    }
    return size;
}

/* The integer at *at, which moves behind it. False: something else is there, or the end. */
static bool read_integer(const uint8_t *aml, size_t end, size_t *at, uint64_t *value)
{
    size_t bytes = 0;
    *value = 0;
    if (*at >= end) {
        return false;
    }
    uint8_t code = aml[(*at)++];
    switch (code) {
    case AML_ZERO:
    case AML_ONE:
        *value = code;
        return true;
    case AML_BYTE:
        bytes = 1;
        break;
    case AML_WORD:
        bytes = 2;
        break;
    case AML_DWORD:
        bytes = 4;
        break;
    case AML_QWORD:
        bytes = 8;
        break;
    default:
        return false;
    }
    if (bytes > end - *at) {
        return false;
    }
    memcpy(value, aml + *at, bytes);
    *at += bytes;
    return true;
}

/* End of the package whose length field (20.2.4) is at *at, which moves behind it; 0: it does not lie in the code. */
static size_t package_end(const uint8_t *aml, size_t size, size_t *at)
{
    size_t begin = *at, more = aml[begin] >> 6;
    if (more >= size - begin) {
        return 0;
    }
    size_t length = more == 0 ? aml[begin] & 0x3fu : aml[begin] & 0xfu;
    for (size_t i = 0; i < more; i++) {
        length |= (size_t)aml[begin + 1 + i] << (4 + 8 * i);
    }
    *at = begin + 1 + more;
    return length > 1 + more && length <= size - begin ? begin + length : 0;
}

/* The package that begins behind its PackageOp: types in two elements, or in the two bytes of its only one. */
static bool read_types(const uint8_t *aml, size_t size, size_t at, uint8_t type[2])
{
    uint64_t a, b;
    size_t end = package_end(aml, size, &at);
    if (end == 0) {
        return false;
    }
    uint8_t elements = aml[at++];
    if (elements == 0 || !read_integer(aml, end, &at, &a)) {
        return false;
    }
    if (elements == 1) {
        b = a >> 8;
        a &= 0xff;
    } else if (!read_integer(aml, end, &at, &b)) {
        return false;
    }
    type[0] = (uint8_t)a;
    type[1] = (uint8_t)b;
    return a <= MAX_SLEEP_TYPE && b <= MAX_SLEEP_TYPE;
}

bool acpi_sleep_type(const uint8_t *aml, size_t size, unsigned state, uint8_t type[2])
{
    bool found = false;
    for (size_t at = 0; (at = find_state(aml, size, state, at)) < size; at++) {
        uint8_t here[2];
        if (!read_types(aml, size, at + NAME_SIZE + 1, here)) {
            continue;
        }
        if (found && memcmp(type, here, sizeof(here)) != 0) {
            return false;
        }
        memcpy(type, here, sizeof(here));
        found = true;
    }
    return found;
}

unsigned acpi_hide_sleep(uint8_t *dsdt, size_t length)
{
    unsigned hidden = 0;
    for (unsigned state = 1; state <= 4; state++) {
        for (size_t at = 0; (at = find_state(dsdt, length, state, at)) < length; at++) {
            dsdt[at] = 'X'; /* for '_' */
            dsdt[TABLE_CHECKSUM] = (uint8_t)(dsdt[TABLE_CHECKSUM] + '_' - 'X');
            hidden++;
        }
    }
    return hidden;
}
