/* SPDX-License-Identifier: MIT */
#include "root/monitor/firmware_config.h"

#include "root/lib/string.h"
#include "root/monitor/boot_state.h"

/* Packed, as firmware of 32 bits reads it. Firmware takes its own memory out of the map itself. */
static uint32_t put_range(uint8_t *to, uint64_t base, uint64_t size)
{
    const uint32_t type = E820_RAM;
    if (size == 0) {
        return 0;
    }
    memcpy(to, &base, 8);
    memcpy(to + 8, &size, 8);
    memcpy(to + 16, &type, 4);
    return FIRMWARE_E820_ENTRY;
}

static bool add_memory(struct firmware_config *config, const struct guest_memory *memory)
{
    uint32_t used = put_range(config->e820, 0, memory->low_size);
    used += put_range(config->e820 + used, GUEST_HIGH_BASE, memory->high_size);
    return fw_cfg_add_number(&config->fw_cfg, FW_CFG_RAM_SIZE, memory->low_size + memory->high_size, 8) &&
           fw_cfg_add_file(&config->fw_cfg, "etc/e820", config->e820, used);
}

static bool add_options(struct fw_cfg *cfg, const struct firmware_options *options)
{
    return fw_cfg_add_number(cfg, FW_CFG_NO_GRAPHIC, options->console, 2) &&
           fw_cfg_add_number(cfg, FW_CFG_BOOT_MENU, options->boot_menu, 2) &&
           fw_cfg_add_file_number(cfg, "etc/boot-menu-wait", options->boot_menu_wait, 2);
}

bool firmware_config_init(struct firmware_config *config, const struct guest_memory *memory,
                          const struct acpi_machine *machine, const struct firmware_options *options)
{
    struct fw_cfg *cfg = &config->fw_cfg;
    fw_cfg_init(cfg, memory);
    return acpi_loader_build(&config->loader, machine) && acpi_loader_add(&config->loader, cfg) &&
           add_memory(config, memory) && add_options(cfg, options) &&
           fw_cfg_add_number(cfg, FW_CFG_CPUS, machine->cpus, 2) &&
           fw_cfg_add_number(cfg, FW_CFG_MAX_CPUS, machine->cpus, 2) &&
           fw_cfg_add_number(cfg, FW_CFG_IRQ0_OVERRIDE, 1, 1);
}
