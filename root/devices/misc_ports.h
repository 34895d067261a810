/* SPDX-License-Identifier: MIT */
/*
 * Single ports: POST codes (80H), system control (92H), reset control (CF9H), debug consoles (E9H, 402H), and the exit
 * port (F4H to F7H). An offset is the port. CF8H to CFBH must be one region: there is no PCI bus, and what a guest
 * writes there to look for one must not come to CF9H by bytes.
 */
#pragma once

#include "root/devices/device.h"

struct misc_ports {
    struct byte_sink debug, firmware_debug;
    void (*reset)(void *context);
    void (*exit)(void *context, uint32_t status); /* status as QEMU's isa-debug-exit makes it: value * 2 + 1 */
    void *context;
    uint8_t post, control, reset_control;
};

void misc_ports_init(struct misc_ports *p, const struct byte_sink *debug, const struct byte_sink *firmware_debug,
                     void (*reset)(void *context), void (*exit)(void *context, uint32_t status), void *context);

extern const struct device_ops misc_ports_ops;
