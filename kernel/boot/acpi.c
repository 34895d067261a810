/* SPDX-License-Identifier: MIT */
#include "kernel/boot/acpi.h"

#include <stdbool.h>

#include "arch/cpu/string.h"

/* RSDP, ACPI 6.4 table 5.3. */
#define RSDP_V1_SIZE 20u
#define RSDP_V2_SIZE 36u
#define RSDP_REVISION 15u
#define RSDP_RSDT 16u
#define RSDP_XSDT 24u

/* The header that all other tables begin with, table 5.4. */
#define TABLE_HEADER 36u
#define TABLE_LENGTH 4u

/* MADT, 5.2.12. */
#define MADT_LOCAL_APIC_ADDRESS 36u
#define MADT_ENTRIES 44u
#define MADT_LOCAL_APIC 0u          /* 5.2.12.2 */
#define MADT_LOCAL_APIC_OVERRIDE 5u /* 5.2.12.8 */
#define MADT_LOCAL_X2APIC 9u        /* 5.2.12.12 */
#define MADT_ENABLED 1u
#define LOCAL_APIC_NONE 0xffu
#define LOCAL_X2APIC_NONE 0xffffffffu

/* The XSDT or the RSDT. */
struct root_table {
    uint64_t address; /* 0: none */
    const char *signature;
    uint32_t entry_size;
};

static uint32_t read32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint64_t read64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static bool check_sum(const uint8_t *bytes, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

static enum acpi_status map_header(const struct acpi_reader *reader, uint64_t pa, const char *signature,
                                   uint32_t *length)
{
    const uint8_t *header = reader->map(pa, TABLE_HEADER, reader->ctx);

    if (header == NULL) {
        return ACPI_UNREADABLE;
    }
    if (memcmp(header, signature, 4) != 0) {
        return ACPI_BAD_TABLE;
    }
    *length = read32(header + TABLE_LENGTH);
    return *length >= TABLE_HEADER && *length <= ACPI_MAX_TABLE ? ACPI_OK : ACPI_BAD_TABLE;
}

enum acpi_status acpi_map_table(const struct acpi_reader *reader, uint64_t pa, const char *signature,
                                struct acpi_table *out)
{
    enum acpi_status status = map_header(reader, pa, signature, &out->length);

    if (status != ACPI_OK) {
        return status;
    }
    out->bytes = reader->map(pa, out->length, reader->ctx);
    if (out->bytes == NULL) {
        return ACPI_UNREADABLE;
    }
    return check_sum(out->bytes, out->length) ? ACPI_OK : ACPI_BAD_TABLE;
}

static bool is_table(const struct acpi_reader *reader, uint64_t pa, const char *signature)
{
    const uint8_t *found = reader->map(pa, 4, reader->ctx);
    return found != NULL && memcmp(found, signature, 4) == 0;
}

static enum acpi_status find_in(const struct acpi_reader *reader, const struct root_table *root, const char *signature,
                                struct acpi_table *out)
{
    struct acpi_table list;
    enum acpi_status status = acpi_map_table(reader, root->address, root->signature, &list);

    if (status != ACPI_OK) {
        return status;
    }
    for (uint32_t at = TABLE_HEADER; list.length - at >= root->entry_size; at += root->entry_size) {
        const uint8_t *entry = list.bytes + at;
        uint64_t pa = root->entry_size == 8 ? read64(entry) : read32(entry);
        if (pa != 0 && is_table(reader, pa, signature)) {
            return acpi_map_table(reader, pa, signature, out);
        }
    }
    return ACPI_NO_TABLE;
}

static void add_cpu(struct acpi_cpus *out, uint32_t apic_id)
{
    for (uint32_t i = 0; i < out->count; i++) {
        if (out->apic_id[i] == apic_id) {
            return;
        }
    }
    if (out->count == ACPI_MAX_CPUS) {
        out->left_out++;
    } else {
        out->apic_id[out->count++] = apic_id;
    }
}

/* Shortest length of an entry of this type that holds what is read of it. */
static uint8_t entry_min_length(uint8_t type)
{
    switch (type) {
    case MADT_LOCAL_APIC:
        return 8;
    case MADT_LOCAL_APIC_OVERRIDE:
        return 12;
    case MADT_LOCAL_X2APIC:
        return 16;
    default:
        return 2;
    }
}

static void take_entry(const uint8_t *entry, struct acpi_cpus *out)
{
    if (entry[0] == MADT_LOCAL_APIC) {
        if ((read32(entry + 4) & MADT_ENABLED) != 0 && entry[3] != LOCAL_APIC_NONE) {
            add_cpu(out, entry[3]);
        }
    } else if (entry[0] == MADT_LOCAL_X2APIC) {
        uint32_t apic_id = read32(entry + 4);
        if ((read32(entry + 8) & MADT_ENABLED) != 0 && apic_id != LOCAL_X2APIC_NONE) {
            add_cpu(out, apic_id);
        }
    } else if (entry[0] == MADT_LOCAL_APIC_OVERRIDE) {
        out->local_apic_address = read64(entry + 4);
    }
}

static enum acpi_status parse_madt(const struct acpi_table *madt, struct acpi_cpus *out)
{
    if (madt->length < MADT_ENTRIES) {
        return ACPI_BAD_MADT;
    }
    out->local_apic_address = read32(madt->bytes + MADT_LOCAL_APIC_ADDRESS);
    for (uint32_t at = MADT_ENTRIES; at < madt->length;) {
        const uint8_t *entry = madt->bytes + at;
        uint32_t left = madt->length - at;
        if (left < 2 || entry[1] > left || entry[1] < entry_min_length(entry[0])) {
            return ACPI_BAD_MADT;
        }
        take_entry(entry, out);
        at += entry[1];
    }
    return out->count > 0 ? ACPI_OK : ACPI_NO_CPU;
}

static bool check_rsdp(const uint8_t *rsdp, size_t size)
{
    return size >= RSDP_V1_SIZE && memcmp(rsdp, "RSD PTR ", 8) == 0 && check_sum(rsdp, RSDP_V1_SIZE);
}

static uint64_t xsdt_address(const uint8_t *rsdp, size_t size)
{
    if (size < RSDP_V2_SIZE || rsdp[RSDP_REVISION] < 2 || !check_sum(rsdp, RSDP_V2_SIZE)) {
        return 0;
    }
    return read64(rsdp + RSDP_XSDT);
}

enum acpi_status acpi_find_table(const void *rsdp, size_t rsdp_size, const struct acpi_reader *reader,
                                 const char *signature, struct acpi_table *out)
{
    enum acpi_status status = ACPI_NO_TABLE;

    if (!check_rsdp(rsdp, rsdp_size)) {
        return ACPI_NO_RSDP;
    }
    const struct root_table roots[] = {
        {xsdt_address(rsdp, rsdp_size), "XSDT", 8},
        {read32((const uint8_t *)rsdp + RSDP_RSDT), "RSDT", 4},
    };
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        enum acpi_status found = roots[i].address != 0 ? find_in(reader, &roots[i], signature, out) : ACPI_NO_TABLE;
        if (found == ACPI_OK) {
            return ACPI_OK;
        }
        /* What is damaged says more than what is missing. */
        status = found != ACPI_NO_TABLE ? found : status;
    }
    return status;
}

enum acpi_status acpi_find_cpus(const void *rsdp, size_t rsdp_size, const struct acpi_reader *reader,
                                struct acpi_cpus *out)
{
    struct acpi_table madt;
    enum acpi_status status = acpi_find_table(rsdp, rsdp_size, reader, "APIC", &madt);

    memset(out, 0, sizeof(*out));
    if (status == ACPI_OK) {
        status = parse_madt(&madt, out);
    }
    if (status != ACPI_OK) {
        memset(out, 0, sizeof(*out));
    }
    return status;
}

const char *acpi_status_text(enum acpi_status status)
{
    static const char *const texts[ACPI_STATUS_COUNT] = {
        [ACPI_OK] = "the ACPI tables list the CPUs",
        [ACPI_NO_RSDP] = "there is no valid ACPI RSDP",
        [ACPI_UNREADABLE] = "an ACPI table lies outside of readable memory",
        [ACPI_BAD_TABLE] = "an ACPI table is damaged",
        [ACPI_NO_TABLE] = "the ACPI tables have no MADT",
        [ACPI_BAD_MADT] = "the ACPI MADT is damaged",
        [ACPI_NO_CPU] = "the ACPI MADT lists no enabled CPU",
    };
    return (unsigned int)status < ACPI_STATUS_COUNT ? texts[status] : "unknown status";
}
