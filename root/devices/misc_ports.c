/* SPDX-License-Identifier: MIT */
#include "root/devices/misc_ports.h"

#include "root/devices/platform.h"

#define PORT_POST 0x80u
#define PORT_CONTROL 0x92u
#define PORT_RESET 0xcf9u
#define DEBUG_PRESENT 0xe9u

#define CONTROL_RESET 0x01u
#define CONTROL_A20 0x02u
#define RESET_CPU 0x04u
#define RESET_BITS 0x0eu

static uint64_t misc_read(void *device, uint64_t offset, uint32_t size)
{
    const struct misc_ports *p = device;
    if (size != 1) {
        return UINT64_MAX;
    }
    switch (offset) {
    case PORT_POST:
        return p->post;
    case PORT_CONTROL:
        return p->control;
    case PORT_RESET:
        return p->reset_control;
    case PLATFORM_DEBUG_PORT:
    case PLATFORM_BIOS_DEBUG_PORT:
        return DEBUG_PRESENT;
    default:
        return UINT64_MAX;
    }
}

static void write_reset(struct misc_ports *p, uint8_t value)
{
    bool was = (p->reset_control & RESET_CPU) != 0;
    p->reset_control = value & RESET_BITS;
    if (!was && (value & RESET_CPU) != 0) {
        p->reset(p->context);
    }
}

/* CF9H lies in PCI's address register CF8H, which takes doublewords alone: only a byte is for the reset control. */
static void misc_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct misc_ports *p = device;
    switch (offset) {
    case PORT_POST:
        p->post = (uint8_t)value;
        break;
    case PORT_CONTROL:
        p->control = (uint8_t)(value & ~(uint64_t)CONTROL_RESET) | CONTROL_A20; /* the A20 gate is always open */
        if ((value & CONTROL_RESET) != 0) {
            p->reset(p->context);
        }
        break;
    case PORT_RESET:
        if (size == 1) {
            write_reset(p, (uint8_t)value);
        }
        break;
    case PLATFORM_DEBUG_PORT:
        sink_put(&p->debug, (uint8_t)value);
        break;
    case PLATFORM_BIOS_DEBUG_PORT:
        sink_put(&p->firmware_debug, (uint8_t)value);
        break;
    case PLATFORM_EXIT_PORT:
        p->exit(p->context, (uint32_t)value << 1 | 1);
        break;
    default:
        break;
    }
}

static void misc_reset(void *device)
{
    struct misc_ports *p = device;
    p->post = 0;
    p->control = CONTROL_A20;
    p->reset_control = 0;
}

void misc_ports_init(struct misc_ports *p, const struct byte_sink *debug, const struct byte_sink *firmware_debug,
                     void (*reset)(void *context), void (*exit)(void *context, uint32_t status), void *context)
{
    *p = (struct misc_ports){
        .debug = *debug, .firmware_debug = *firmware_debug, .reset = reset, .exit = exit, .context = context};
    misc_reset(p);
}

const struct device_ops misc_ports_ops = {.read = misc_read, .write = misc_write, .reset = misc_reset};
