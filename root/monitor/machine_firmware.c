/* SPDX-License-Identifier: MIT */
#include "root/monitor/machine_devices.h"

#define BOOT_MENU_WAIT_MS 5000u

struct acpi_machine machine_acpi(const struct machine *m)
{
    const struct guest_config *c = m->config;
    uint32_t devices = c->disk_count + (c->disk_count < PLATFORM_VIRTIO_SLOTS ? 1 : 0); /* and the console */
    return (struct acpi_machine){
        .cpus = c->cpus, .virtio_slots = (1u << devices) - 1, .serial = true, .keyboard = true};
}

const char *machine_fill_fw_cfg(struct machine *m)
{
    struct acpi_machine acpi = machine_acpi(m);
    struct firmware_options options = {
        .boot_menu = m->config->boot_menu, .boot_menu_wait = BOOT_MENU_WAIT_MS, .console = true};
    return firmware_config_init(&m->firmware_config, &m->memory, &acpi, &options)
               ? NULL
               : "it has more VPs than its ACPI tables can name";
}
