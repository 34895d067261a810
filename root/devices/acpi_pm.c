/* SPDX-License-Identifier: MIT */
/* Registers: ACPI specification 6.4, 4.8.3. */
#include "root/devices/acpi_pm.h"

#include "root/devices/platform.h"
#include "root/devices/ticks.h"

#define EVENT (PLATFORM_PM_EVENT - PLATFORM_PM_BASE) /* status, then enable, 16 bits each */
#define CONTROL (PLATFORM_PM_CONTROL - PLATFORM_PM_BASE)
#define TIMER (PLATFORM_PM_TIMER - PLATFORM_PM_BASE)

#define STATUS_TIMER 0x0001u
#define STATUS_BUTTON 0x0100u
#define ENABLE_BITS 0x0721u /* timer, global lock, power and sleep button, RTC */
#define CONTROL_SCI_EN 0x0001u
#define CONTROL_SLP_TYP_SHIFT 10u
#define CONTROL_SLP_TYP 0x1c00u
#define CONTROL_SLP_EN 0x2000u
#define CONTROL_BITS 0x1c02u /* those that are kept: SLP_TYP and BM_RLD; SLP_EN and GBL_RLS read as 0 */

static uint64_t halves_at(uint64_t now)
{
    return ticks_at(now, ACPI_PM_TIMER_HZ) >> (ACPI_PM_TIMER_BITS - 1);
}

static void update_line(struct acpi_pm *p)
{
    irq_set(&p->sci, (p->status & p->enable) != 0);
}

/* The status bit is set when the timer's highest bit changes, asked for or not (4.8.3.1.1). */
static void settle(struct acpi_pm *p, uint64_t now)
{
    uint64_t halves = halves_at(now);
    if (halves > p->halves) {
        p->halves = halves;
        p->status |= STATUS_TIMER;
        update_line(p);
    }
}

void acpi_pm_press_power_button(struct acpi_pm *p)
{
    p->status |= STATUS_BUTTON;
    update_line(p);
}

static uint8_t read_byte(const struct acpi_pm *p, uint64_t offset, uint64_t now)
{
    uint64_t timer = ticks_at(now, ACPI_PM_TIMER_HZ) & ((1u << ACPI_PM_TIMER_BITS) - 1);
    uint64_t registers = p->status | (uint64_t)p->enable << 16 | (uint64_t)p->control << 32;
    return (uint8_t)(offset < TIMER ? registers >> 8 * offset : timer >> 8 * (offset - TIMER));
}

static uint64_t pm_read(void *device, uint64_t offset, uint32_t size)
{
    struct acpi_pm *p = device;
    uint64_t value = 0, now = clock_now(&p->clock);
    settle(p, now);
    for (uint32_t i = 0; i < size; i++) {
        uint8_t byte = offset + i < ACPI_PM_SIZE ? read_byte(p, offset + i, now) : 0xff;
        value |= (uint64_t)byte << 8 * i;
    }
    return value;
}

static void write_control_high(struct acpi_pm *p, uint8_t byte)
{
    uint32_t value = (uint32_t)byte << 8;
    p->control = (uint16_t)((p->control & 0xff) | (value & CONTROL_BITS));
    if ((value & CONTROL_SLP_EN) != 0 && (value & CONTROL_SLP_TYP) >> CONTROL_SLP_TYP_SHIFT == PLATFORM_SLP_TYP_S5 &&
        p->power_off != NULL) {
        p->power_off(p->context);
    }
}

/* Each byte has its own bits, so that an access of any size is its bytes. A 1 clears a status bit. */
static void write_byte(struct acpi_pm *p, uint64_t offset, uint8_t value)
{
    switch (offset) {
    case EVENT:
        p->status &= (uint16_t)~value;
        break;
    case EVENT + 1:
        p->status &= (uint16_t) ~(value << 8);
        break;
    case EVENT + 2:
        p->enable = (uint16_t)((p->enable & 0xff00) | (value & ENABLE_BITS));
        break;
    case EVENT + 3:
        p->enable = (uint16_t)((p->enable & 0x00ff) | ((uint32_t)value << 8 & ENABLE_BITS));
        break;
    case CONTROL:
        p->control = (uint16_t)((p->control & 0xff00) | (value & CONTROL_BITS) | CONTROL_SCI_EN);
        break;
    case CONTROL + 1:
        write_control_high(p, value);
        break;
    default: /* the timer only counts */
        break;
    }
}

static void pm_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct acpi_pm *p = device;
    settle(p, clock_now(&p->clock));
    for (uint32_t i = 0; i < size; i++) {
        write_byte(p, offset + i, (uint8_t)(value >> 8 * i));
    }
    update_line(p);
}

static uint64_t pm_deadline(const void *device)
{
    const struct acpi_pm *p = device;
    if ((p->enable & ~p->status & STATUS_TIMER) == 0) {
        return DEVICE_NEVER;
    }
    return ticks_ns((p->halves + 1) << (ACPI_PM_TIMER_BITS - 1), ACPI_PM_TIMER_HZ);
}

static void pm_advance(void *device, uint64_t now)
{
    struct acpi_pm *p = device;
    if (pm_deadline(p) <= now) {
        settle(p, now);
    }
}

static void pm_reset(void *device)
{
    struct acpi_pm *p = device;
    p->status = 0;
    p->enable = 0;
    p->control = CONTROL_SCI_EN;
    p->halves = halves_at(clock_now(&p->clock));
    update_line(p);
}

void acpi_pm_init(struct acpi_pm *p, const struct device_clock *clock, const struct irq_line *sci,
                  void (*power_off)(void *context), void *context)
{
    *p = (struct acpi_pm){.clock = *clock, .sci = *sci, .power_off = power_off, .context = context};
    pm_reset(p);
}

const struct device_ops acpi_pm_ops = {
    .read = pm_read, .write = pm_write, .deadline = pm_deadline, .advance = pm_advance, .reset = pm_reset};
