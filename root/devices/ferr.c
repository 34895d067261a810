/* SPDX-License-Identifier: MIT */
#include "root/devices/ferr.h"

static void set_latch(struct ferr *f, bool on)
{
    f->latched = on;
    irq_set(&f->irq, on);
}

enum ferr_action ferr_error(struct ferr *f, const struct ferr_error *error)
{
    bool same = f->known && f->instruction == error->instruction && f->status == error->status;
    if (f->ignne && same && error->in_handler) {
        return FERR_IGNORE;
    }
    f->ignne = false;
    if (f->latched && same) {
        return error->taken ? FERR_IGNORE : FERR_FREEZE;
    }
    f->known = true;
    f->instruction = error->instruction;
    f->status = error->status;
    set_latch(f, false);
    set_latch(f, true);
    return FERR_FREEZE;
}

static uint64_t ferr_read(void *device, uint64_t offset, uint32_t size)
{
    (void)device;
    (void)offset;
    (void)size;
    return UINT64_MAX;
}

static void ferr_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct ferr *f = device;
    (void)offset;
    (void)size;
    (void)value; /* any */
    f->ignne = f->latched || f->ignne;
    set_latch(f, false);
}

static void ferr_reset(void *device)
{
    struct ferr *f = device;
    f->ignne = false;
    f->known = false;
    set_latch(f, false);
}

void ferr_init(struct ferr *f, const struct irq_line *irq)
{
    *f = (struct ferr){.irq = *irq};
}

const struct device_ops ferr_ops = {.read = ferr_read, .write = ferr_write, .reset = ferr_reset};
