/* SPDX-License-Identifier: MIT */
/* sources: kernel/boot/acpi.c kernel/boot/acpi_power.c */
#include <stdbool.h>
#include <string.h>

#include "kernel/boot/acpi_power.h"
#include "tests/fuzz/check.h"

/*
 * The input is the machine's memory from address 0; the RSDP is its first 36 bytes. With REPAIR the checksums of what
 * the parser asks for are made right first, and the addresses that lead to the MADT are small numbers: otherwise no
 * input would get far.
 */
#define MEMORY_SIZE 4096u
#define MAX_MAPPINGS 4096u

struct machine {
    uint8_t memory[MEMORY_SIZE];
    size_t size;
    bool repair;
    void *mappings[MAX_MAPPINGS];
    size_t mapping_count;
};

static uint8_t sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    return total;
}

static const void *map(uint64_t pa, size_t size, void *ctx)
{
    struct machine *machine = ctx;

    CHECK(size > 0 && size <= ACPI_MAX_TABLE);
    if (machine->repair) {
        pa %= MEMORY_SIZE;
    }
    if (pa > machine->size || size > machine->size - pa || machine->mapping_count == MAX_MAPPINGS) {
        return NULL;
    }
    uint8_t *copy = malloc(size);
    memcpy(copy, machine->memory + pa, size);
    if (machine->repair && size >= 36) {
        copy[9] = (uint8_t)(copy[9] - sum(copy, size));
    }
    machine->mappings[machine->mapping_count++] = copy;
    return copy;
}

static void repair_rsdp(uint8_t *rsdp)
{
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[8] = (uint8_t)(rsdp[8] - sum(rsdp, 20));
    rsdp[32] = (uint8_t)(rsdp[32] - sum(rsdp, 36));
}

static void check_cpus(enum acpi_status status, const struct acpi_cpus *cpus)
{
    CHECK(status < ACPI_STATUS_COUNT);
    CHECK(cpus->count <= ACPI_MAX_CPUS);
    CHECK((status == ACPI_OK) == (cpus->count > 0));
    CHECK(cpus->left_out == 0 || cpus->count == ACPI_MAX_CPUS);
    for (uint32_t i = 0; i < cpus->count; i++) {
        CHECK(cpus->apic_id[i] != UINT32_MAX);
        for (uint32_t j = 0; j < i; j++) {
            CHECK(cpus->apic_id[i] != cpus->apic_id[j]);
        }
    }
}

static void check_power(bool found, const struct acpi_power *power)
{
    CHECK(!power->s5_known || (found && power->dsdt != 0 && power->s5_type[0] <= 7 && power->s5_type[1] <= 7));
    CHECK(power->dsdt == 0 || (found && power->dsdt_length >= 36 && power->dsdt_length <= ACPI_MAX_TABLE));
    for (unsigned i = 0; i < ACPI_LEAVING_COUNT; i++) {
        CHECK(power->leaving[i].address == 0 || found);
        CHECK(power->leaving[i].memory || power->leaving[i].address <= 0xffff);
    }
}

/* AML alone: what is hidden is not found any more, the rest stays, and so does the sum. */
static void run_aml(const uint8_t *data, size_t size)
{
    uint8_t *aml = malloc(size), type[2], before[2], after[2];
    memcpy(aml, data, size);
    bool s5 = acpi_sleep_type(aml, size, 5, before);
    CHECK(!s5 || (before[0] <= 7 && before[1] <= 7));
    if (size >= 36) {
        memset(aml, 0, 36);
        s5 = acpi_sleep_type(aml, size, 5, before);
        unsigned hidden = acpi_hide_sleep(aml, size);
        CHECK(hidden <= size / 6);
        CHECK(sum(aml, size) == (uint8_t)(sum(data + 36, size - 36)));
        for (unsigned state = 1; state <= 4; state++) {
            CHECK(!acpi_sleep_type(aml, size, state, type));
        }
        CHECK(acpi_sleep_type(aml, size, 5, after) == s5 && (!s5 || memcmp(before, after, 2) == 0));
    }
    free(aml);
}

static void run(const uint8_t *data, size_t size, bool repair)
{
    static struct machine machine;
    struct acpi_reader reader = {map, &machine};
    struct acpi_cpus cpus;
    uint8_t rsdp[36];
    size_t rsdp_size = size < sizeof(rsdp) ? size : sizeof(rsdp);

    machine.size = size < MEMORY_SIZE ? size : MEMORY_SIZE;
    machine.repair = repair;
    memcpy(machine.memory, data, machine.size);
    memcpy(rsdp, data, rsdp_size);
    if (repair && rsdp_size == sizeof(rsdp)) {
        repair_rsdp(rsdp);
    }
    check_cpus(acpi_find_cpus(rsdp, rsdp_size, &reader, &cpus), &cpus);
    struct acpi_power power;
    check_power(acpi_find_power(rsdp, rsdp_size, &reader, &power), &power);
    while (machine.mapping_count > 0) {
        free(machine.mappings[--machine.mapping_count]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        run(data, size, false);
        run(data, size, true);
        run_aml(data, size);
    }
    return 0;
}
