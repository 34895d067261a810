/* SPDX-License-Identifier: MIT */
/* sources: root/devices/bus.c root/devices/pit*.c root/devices/rtc*.c root/devices/acpi_pm.c */
#include "root/devices/acpi_pm.h"
#include "root/devices/bus.h"
#include "root/devices/pit.h"
#include "root/devices/platform.h"
#include "root/devices/rtc.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

#define LAST_TIME (1ull << 62) /* 146 years */

struct machine {
    struct bus bus;
    struct pit pit;
    struct rtc rtc;
    struct acpi_pm pm;
    uint64_t now;
    uint32_t edges;
    enum pit_rise last_tick;
    bool levels[16];
};

static uint64_t machine_now(void *context)
{
    const struct machine *m = context;
    return m->now;
}

static void set_line(void *context, uint32_t line, bool level)
{
    struct machine *m = context;
    m->edges += line == PLATFORM_IRQ_PIT && level && !m->levels[line];
    m->levels[line] = level;
}

static enum pit_rise last_tick(void *context)
{
    const struct machine *m = context;
    return m->last_tick;
}

static void no_power_off(void *context)
{
    (void)context;
}

static void build(struct machine *m, uint64_t start)
{
    struct device_clock clock = {machine_now, m};
    struct irq_line pit = {set_line, m, PLATFORM_IRQ_PIT}, rtc = {set_line, m, PLATFORM_IRQ_RTC};
    struct irq_line sci = {set_line, m, PLATFORM_IRQ_SCI};
    *m = (struct machine){.now = start >> 8};
    pit_init(&m->pit, &clock, &pit);
    pit_set_last_rise(&m->pit, last_tick, m);
    rtc_init(&m->rtc, &clock, &rtc, start & 0xffffffff);
    acpi_pm_init(&m->pm, &clock, &sci, no_power_off, NULL);
    CHECK(bus_add(&m->bus, 0x40, 4, 0, &m->pit, &pit_ops) && bus_add(&m->bus, 0x61, 1, 0x21, &m->pit, &pit_ops) &&
          bus_add(&m->bus, 0x70, 2, 0, &m->rtc, &rtc_ops) &&
          bus_add(&m->bus, PLATFORM_PM_BASE, ACPI_PM_SIZE, 0, &m->pm, &acpi_pm_ops));
}

/* From nanoseconds to months. */
static void pass_time(struct machine *m, struct tape *tape)
{
    uint64_t step = (uint64_t)(tape_byte(tape) + 1) << tape_choose(tape, 48);
    m->now = step < LAST_TIME - m->now ? m->now + step : m->now;
}

/* Nothing is due any more, so that the machine goes on; one edge at most; and what is owed has a bound. */
static void advance(struct machine *m)
{
    uint32_t edges = m->edges;
    bus_advance(&m->bus, m->now);
    CHECK(m->edges - edges <= 1);
    CHECK(bus_deadline(&m->bus) > m->now);
    CHECK(m->pit.owed <= PIT_HZ && m->rtc.owed <= 8192);
}

static void access_port(struct machine *m, struct tape *tape)
{
    static const uint16_t bases[] = {0x3e, 0x40, 0x43, 0x60, 0x61, 0x70, 0x71, PLATFORM_PM_BASE - 1, PLATFORM_PM_BASE};
    uint64_t port = bases[tape_choose(tape, sizeof(bases) / sizeof(bases[0]))] + tape_choose(tape, 12);
    uint32_t size = 1u << tape_choose(tape, 4);
    if (tape_choose(tape, 2) != 0) {
        bus_write(&m->bus, port, size, size <= 2 ? tape_byte(tape) * 0x101u : tape_u64(tape));
    } else {
        uint64_t value = bus_read(&m->bus, port, size);
        CHECK(size == 8 || value >> 8 * size == 0);
    }
}

static void write_cmos(struct machine *m, struct tape *tape)
{
    bus_write(&m->bus, 0x70, 1, tape_choose(tape, 16));
    bus_write(&m->bus, 0x71, 1, tape_byte(tape));
}

static void program_pit(struct machine *m, struct tape *tape)
{
    uint32_t channel = tape_choose(tape, 3);
    bus_write(&m->bus, 0x43, 1, channel << 6 | 0x30 | tape_choose(tape, 16));
    bus_write(&m->bus, 0x40 + channel, 1, tape_byte(tape));
    bus_write(&m->bus, 0x40 + channel, 1, tape_choose(tape, 4));
}

static uint8_t cmos(struct rtc *r, uint8_t index)
{
    rtc_ops.write(r, 0, 1, index);
    return (uint8_t)rtc_ops.read(r, 1, 1);
}

/* A clock that goes shows a date; looked at on a copy, since a look changes the index. */
static void check_date(const struct rtc *real)
{
    struct rtc r = *real;
    uint8_t b = cmos(&r, 11), a = cmos(&r, 10);
    if ((b & 0x86) == 2 && (a & 0x60) != 0x60) {
        CHECK(cmos(&r, 0) <= 0x59 && cmos(&r, 2) <= 0x59 && cmos(&r, 4) <= 0x23);
        CHECK(cmos(&r, 6) - 1u < 7 && cmos(&r, 7) - 1u < 0x31 && cmos(&r, 8) - 1u < 0x12);
        CHECK((cmos(&r, 0) & 15) <= 9 && (cmos(&r, 7) & 15) <= 9 && (cmos(&r, 9) & 15) <= 9 && cmos(&r, 9) <= 0x99);
    }
}

static void check_lines(const struct machine *m)
{
    bool rtc = (m->rtc.cmos[11] & m->rtc.cmos[12] & 0x70) != 0;
    CHECK(m->levels[PLATFORM_IRQ_RTC] == rtc && (m->rtc.cmos[12] >> 7 != 0) == rtc);
    CHECK(m->levels[PLATFORM_IRQ_SCI] == ((m->pm.status & m->pm.enable) != 0));
    CHECK(m->pm.control & 1);
}

static void step(struct machine *m, struct tape *tape)
{
    switch (tape_choose(tape, 8)) {
    case 0:
        pass_time(m, tape);
        break;
    case 1:
        advance(m);
        break;
    case 2:
        m->now = bus_deadline(&m->bus) < LAST_TIME && bus_deadline(&m->bus) > m->now ? bus_deadline(&m->bus) : m->now;
        advance(m);
        break;
    case 3:
        write_cmos(m, tape);
        break;
    case 4:
        program_pit(m, tape);
        break;
    case 5:
        m->last_tick = (enum pit_rise)tape_choose(tape, 4);
        if (tape_choose(tape, 8) == 0) {
            bus_reset(&m->bus);
        } else {
            acpi_pm_press_power_button(&m->pm);
        }
        break;
    default:
        access_port(m, tape);
        break;
    }
}

/* Whatever a guest writes and however late the machine is: values fit, lines say what the registers say, time ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine m;
    struct tape tape = {data, size};
    build(&m, tape_u64(&tape));
    while (tape.left > 0) {
        step(&m, &tape);
        check_lines(&m);
        check_date(&m.rtc);
    }
    return 0;
}
