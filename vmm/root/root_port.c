/* SPDX-License-Identifier: MIT */
#include "vmm/root/root_port.h"

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"
#include "kernel/boot/main.h"
#include "kernel/core/clock.h"
#include "kernel/core/spinlock.h"
#include "kernel/debug/log.h"
#include "kernel/debug/power.h"
#include "vmm/run/guest_exit.h"

#define KEYBOARD_DATA 0x60u
#define KEYBOARD_STATUS 0x64u
#define KEYBOARD_INPUT_FULL 2u
#define KEYBOARD_OUTPUT_PORT 0xd1u
#define KEYBOARD_A20_OFF 0xddu
#define SYSTEM_CONTROL_A 0x92u
#define A20_ON 2u /* in either port */
#define KEYBOARD_TRIES 1000u
#define KEYBOARD_WAIT_US 10u
#define MAX_REFUSALS 16u /* lines on the console: the root shall not fill it */

/* Exit qualification, SDM vol. 3C, table 28-5. */
#define IO_SIZE(q) (((unsigned)(q)&7u) + 1)
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_PORT(q) ((uint16_t)((q) >> 16))

/* Writes are one at a time, so that what is known of the keyboard controller's state is what it has. */
static struct spinlock port_lock;
static bool output_port;
static unsigned refusals;

static uint32_t port_in(uint16_t port, unsigned size)
{
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static void port_out(uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1) {
        outb(port, (uint8_t)value);
    } else if (size == 2) {
        outw(port, (uint16_t)value);
    } else {
        outl(port, value);
    }
}

/* Whether the access reaches the port `at`; if so, *byte is what of `value` does. */
static bool covers(uint16_t port, unsigned size, uint32_t value, uint16_t at, uint8_t *byte)
{
    unsigned offset = (uint16_t)(at - port);
    *byte = (uint8_t)(value >> (8 * (offset & 3u)));
    return offset < size;
}

/* A byte written while the controller has not taken the one before would be lost, and the command with it. */
static bool keyboard_ready(void)
{
    for (unsigned i = 0; i < KEYBOARD_TRIES; i++) {
        if ((inb(KEYBOARD_STATUS) & KEYBOARD_INPUT_FULL) == 0) {
            return true;
        }
        clock_delay_us(KEYBOARD_WAIT_US);
    }
    return false;
}

/* What keeps A20 on: processors ignore the gate in VMX operation, emulators do not. `port` is the access's first. */
static uint32_t a20_on(uint16_t port, unsigned size, uint16_t at)
{
    uint8_t byte;
    return covers(port, size, 0, at, &byte) ? (uint32_t)A20_ON << (8 * ((unsigned)(at - port) & 3u)) : 0;
}

static void pass(uint16_t port, unsigned size, uint32_t value)
{
    uint8_t byte;
    value |= a20_on(port, size, SYSTEM_CONTROL_A) | (output_port ? a20_on(port, size, KEYBOARD_DATA) : 0);
    bool command = covers(port, size, value, KEYBOARD_STATUS, &byte);
    if (command || covers(port, size, value, KEYBOARD_DATA, &byte)) {
        if (!keyboard_ready()) {
            return;
        }
        output_port = command && byte == KEYBOARD_OUTPUT_PORT;
        if (command && byte == KEYBOARD_A20_OFF) {
            return;
        }
    }
    port_out(port, size, value);
}

static void write_port(const struct vp *root, uint16_t port, unsigned size, uint32_t value)
{
    spin_lock(&port_lock);
    switch (root_port_decode(&acpi_power, output_port, port, size, value)) {
    case ROOT_PORT_PASS:
        pass(port, size, value);
        break;
    case ROOT_PORT_REFUSE:
        if (refusals < MAX_REFUSALS) {
            refusals++;
            log_warn("root VP %u: a sleep state is refused (0x%x to port 0x%x): only S5, power off, is offered",
                     root->index, value, port);
        }
        break;
    case ROOT_PORT_RESET:
        log_info("root VP %u resets the machine (0x%x to port 0x%x)", root->index, value, port);
        power_reset();
    }
    spin_unlock(&port_lock);
}

void root_port_exit(struct vp *root)
{
    uint64_t q = vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    unsigned size = IO_SIZE(q);
    uint32_t mask = size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
    uint16_t port = IO_PORT(q);
    if ((q & IO_STRING) != 0) {
        event_inject(root, VECTOR_GP, 0); /* nobody moves strings through these ports: not offered */
        return;
    }
    if ((q & IO_IN) == 0) {
        write_port(root, port, size, (uint32_t)root->gpr[0] & mask);
    } else if (size == 4) {
        root->gpr[0] = port_in(port, size);
    } else {
        root->gpr[0] = (root->gpr[0] & ~(uint64_t)mask) | port_in(port, size);
    }
    advance_rip();
}
