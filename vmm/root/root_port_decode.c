/* SPDX-License-Identifier: MIT */
#include "vmm/root/root_port.h"

#define KEYBOARD_DATA 0x60u
#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_PULSE 0xf0u /* FXH: pulses each output line whose bit is clear; bit 0 is reset */
#define SYSTEM_CONTROL_A 0x92u
#define RESET_CONTROL 0xcf9u
#define RESET_CONTROL_CPU 4u
#define PCI_ADDRESS 0xcf8u /* as a doubleword; it covers the reset register, which is a byte */
#define LINE_RESET 1u

static void set_bit(uint8_t *bitmap, uint64_t port)
{
    bitmap[port / 8] = (uint8_t)(bitmap[port / 8] | 1u << (port % 8));
}

void root_port_bitmap(uint8_t bitmap[ROOT_PORT_BITMAP_BYTES], const struct acpi_power *power)
{
    static const uint16_t fixed[] = {KEYBOARD_DATA, KEYBOARD_COMMAND, SYSTEM_CONTROL_A, RESET_CONTROL};
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        set_bit(bitmap, fixed[i]);
    }
    for (unsigned i = 0; i < ACPI_LEAVING_COUNT; i++) {
        if (power->leaving[i].address != 0 && !power->leaving[i].memory) {
            set_bit(bitmap, power->leaving[i].address);
        }
    }
}

static bool is_port(const struct acpi_register *r, uint16_t port)
{
    return r->address != 0 && !r->memory && r->address == port;
}

static bool resets(const struct acpi_power *power, bool output_port, uint16_t port, uint8_t byte)
{
    if (is_port(&power->leaving[ACPI_RESET], port) && byte == power->reset_value) {
        return true;
    }
    switch (port) {
    case KEYBOARD_DATA:
        return output_port && (byte & LINE_RESET) == 0;
    case KEYBOARD_COMMAND:
        return byte >= KEYBOARD_PULSE && (byte & LINE_RESET) == 0;
    case SYSTEM_CONTROL_A:
        return (byte & LINE_RESET) != 0;
    case RESET_CONTROL:
        return (byte & RESET_CONTROL_CPU) != 0; /* bit 1: a hard reset, else INIT */
    default:
        return false;
    }
}

/* Writes without SLP_EN do nothing, and both fields are in one byte. */
static bool sleeps(const struct acpi_power *power, uint16_t port, uint8_t byte)
{
    for (unsigned i = 0; i <= ACPI_SLEEP_CONTROL && (byte & ACPI_SLEEP_ENABLE) != 0; i++) {
        if (is_port(&power->leaving[i], port) &&
            (!power->s5_known || ACPI_SLEEP_TYPE(byte) != power->s5_type[i & 1u])) {
            return true;
        }
    }
    return false;
}

enum root_port_action root_port_decode(const struct acpi_power *power, bool output_port, uint16_t port, unsigned size,
                                       uint32_t value)
{
    enum root_port_action action = ROOT_PORT_PASS;
    if (port == PCI_ADDRESS && size == 4) {
        return ROOT_PORT_PASS;
    }
    for (unsigned i = 0; i < size; i++) {
        uint16_t at = (uint16_t)(port + i);
        uint8_t byte = (uint8_t)(value >> (8 * i));
        if (resets(power, output_port, at, byte)) {
            return ROOT_PORT_RESET;
        }
        action = sleeps(power, at, byte) ? ROOT_PORT_REFUSE : action;
    }
    return action;
}

bool root_port_in_range(const struct acpi_power *power, uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < ACPI_LEAVING_COUNT; i++) {
        uint64_t address = power->leaving[i].address;
        if (power->leaving[i].memory && address >= base && address - base < size) {
            return true;
        }
    }
    return false;
}
