/* SPDX-License-Identifier: MIT */
/* ACPI specification 6.4, 4.8.3. */
#include "root/devices/acpi_pm.h"

#include "root/devices/platform.h"
#include "root/devices/scale.h"

#define REG_STATUS 0u
#define REG_ENABLE 2u
#define REG_CONTROL 4u
#define REG_TIMER 8u
#define NS_PER_S 1000000000ull
#define TIMER_MASK 0xffffffu  /* 24 bits, as the FADT says */
#define HALF_PERIOD_SHIFT 23u /* TMR_STS is set when the highest bit changes */

#define STATUS_TIMER 0x0001u
#define STATUS_BUTTON 0x0100u
#define STATUS_BITS 0x8f31u
#define ENABLE_BITS 0x0721u
#define CONTROL_SCI_EN 0x0001u
#define CONTROL_SLP_TYP_SHIFT 10u
#define CONTROL_SLP_TYP 0x1c00u
#define CONTROL_SLP_EN 0x2000u
#define CONTROL_BITS 0x1c02u

static uint64_t ticks(const struct acpi_pm *p)
{
    return scale(clock_now(&p->clock), ACPI_PM_TIMER_HZ, NS_PER_S);
}

static void update(struct acpi_pm *p)
{
    irq_set(&p->sci, (p->status & p->enable) != 0);
}

void acpi_pm_press_power_button(struct acpi_pm *p)
{
    p->status |= STATUS_BUTTON;
    update(p);
}

/* The registers are 16 bits wide and may be read by bytes. */
static uint16_t word_at(struct acpi_pm *p, uint64_t offset)
{
    switch (offset) {
    case REG_STATUS:
        return p->status;
    case REG_ENABLE:
        return p->enable;
    case REG_CONTROL:
        return p->control;
    default:
        return 0;
    }
}

static uint64_t pm_read(void *device, uint64_t offset, uint32_t size)
{
    struct acpi_pm *p = device;
    uint64_t value = 0;
    if (offset >= REG_TIMER) {
        return (ticks(p) & TIMER_MASK) >> 8 * (offset - REG_TIMER);
    }
    for (uint32_t i = 0; i < size; i++) {
        uint64_t at = offset + i;
        value |= (uint64_t)(uint8_t)(word_at(p, at & ~1ull) >> 8 * (at & 1)) << 8 * i;
    }
    return value;
}

static void write_control(struct acpi_pm *p, uint16_t value)
{
    p->control = (value & CONTROL_BITS) | CONTROL_SCI_EN; /* there is no other mode, as without an SMI command port */
    if ((value & CONTROL_SLP_EN) != 0 && (value & CONTROL_SLP_TYP) >> CONTROL_SLP_TYP_SHIFT == PLATFORM_SLP_TYP_S5) {
        p->power_off(p->context);
    }
}

static void write_word(struct acpi_pm *p, uint64_t offset, uint16_t value)
{
    switch (offset) {
    case REG_STATUS:
        p->status &= (uint16_t) ~(value & STATUS_BITS);
        break;
    case REG_ENABLE:
        p->enable = value & ENABLE_BITS;
        p->overflows = ticks(p) >> HALF_PERIOD_SHIFT;
        break;
    case REG_CONTROL:
        write_control(p, value);
        break;
    default:
        break;
    }
    update(p);
}

/* A byte changes its half; of the status register, it clears bits of its half alone. */
static void pm_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct acpi_pm *p = device;
    if (size == 1) {
        uint64_t at = offset & ~1ull, shift = 8 * (offset & 1);
        uint16_t kept = at == REG_STATUS ? 0 : word_at(p, at) & (uint16_t)(0xff00u >> shift);
        write_word(p, at, (uint16_t)(kept | (value & 0xff) << shift));
        return;
    }
    for (uint32_t i = 0; i + 1 < size; i += 2) {
        write_word(p, offset + i, (uint16_t)(value >> 8 * i));
    }
}

static uint64_t pm_deadline(const void *device)
{
    const struct acpi_pm *p = device;
    if ((p->enable & STATUS_TIMER) == 0) {
        return DEVICE_NEVER;
    }
    return scale_up((p->overflows + 1) << HALF_PERIOD_SHIFT, NS_PER_S, ACPI_PM_TIMER_HZ);
}

static void pm_advance(void *device, uint64_t now)
{
    struct acpi_pm *p = device;
    if (pm_deadline(p) <= now) {
        p->overflows = ticks(p) >> HALF_PERIOD_SHIFT;
        p->status |= STATUS_TIMER;
        update(p);
    }
}

static void pm_reset(void *device)
{
    struct acpi_pm *p = device;
    p->status = 0;
    p->enable = 0;
    p->control = CONTROL_SCI_EN;
    update(p);
}

void acpi_pm_init(struct acpi_pm *p, const struct device_clock *clock, const struct irq_line *sci,
                  void (*power_off)(void *context), void *context)
{
    *p = (struct acpi_pm){.clock = *clock, .sci = *sci, .power_off = power_off, .context = context};
    pm_reset(p);
}

const struct device_ops acpi_pm_ops = {
    .read = pm_read, .write = pm_write, .deadline = pm_deadline, .advance = pm_advance, .reset = pm_reset};
