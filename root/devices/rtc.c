/* SPDX-License-Identifier: MIT */
/* Registers: Motorola MC146818A data sheet. Offsets: 0 the index (port 70H), 1 the data (port 71H). */
#include "root/devices/rtc.h"

#include "root/devices/rtc_date.h"
#include "root/devices/ticks.h"

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    EQUIPMENT = 0x14,
    CENTURY = 0x32
};

#define A_UPDATING 0x80u
#define A_WRITABLE 0x7fu
#define A_DIVIDER_HELD 0x60u /* both bits: the divider is reset */
#define A_RATE 0x0fu
#define A_DEFAULT 0x26u /* 32768 Hz, periodic rate 1024 Hz */
#define B_SET 0x80u
#define B_PERIODIC 0x40u
#define B_ALARM 0x20u
#define B_UPDATE 0x10u
#define B_BINARY 0x04u
#define B_24_HOURS 0x02u
#define INTERRUPTS 0x70u /* the enable bits of B and the flags of C have the same places */
#define C_IRQ 0x80u
#define D_VALID 0x80u
#define HOUR_PM 0x80u
#define DO_NOT_CARE 0xc0u
#define EQUIPMENT_FPU 0x02u
#define INDEX_NMI 0x80u

#define DIVIDER_HZ 32768u
#define HALF_SECOND (TICKS_NS_PER_S / 2)
#define UPDATING_NS 2228000u /* 244 us of warning and the 1984 us of the update, which is done at their end */
#define WEEKDAY_SHIFT 3u     /* 1970-01-01 was a Thursday */

static bool is_held(const struct rtc *r)
{
    return (r->cmos[REG_A] & A_DIVIDER_HELD) == A_DIVIDER_HELD;
}

/* CPUs' clocks may differ by a little; what was seen once stays. */
static uint64_t time_now(const struct rtc *r)
{
    uint64_t now = clock_now(&r->clock);
    return now > r->seen ? now : r->seen;
}

/* The time goes on; otherwise it stands in the registers, where the guest can write it. */
static bool is_running(const struct rtc *r)
{
    return (r->cmos[REG_B] & B_SET) == 0 && !is_held(r);
}

static uint64_t seconds_at(const struct rtc *r, uint64_t now)
{
    return is_running(r) ? r->seconds + (now - r->anchor) / TICKS_NS_PER_S : r->seconds;
}

static bool is_date(uint8_t index)
{
    bool is_alarm = index == SECONDS_ALARM || index == MINUTES_ALARM || index == HOURS_ALARM;
    return (index <= YEAR && !is_alarm) || index == CENTURY;
}

static uint8_t encode(const struct rtc *r, uint32_t value)
{
    return (uint8_t)((r->cmos[REG_B] & B_BINARY) != 0 ? value : value / 10 % 10 << 4 | value % 10);
}

static uint8_t encode_hour(const struct rtc *r, uint32_t hour)
{
    if ((r->cmos[REG_B] & B_24_HOURS) != 0) {
        return encode(r, hour);
    }
    return (uint8_t)(encode(r, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? HOUR_PM : 0));
}

/* Nonsense becomes the nearest value that is allowed. */
static uint32_t decode(const struct rtc *r, uint8_t value, uint32_t least, uint32_t most)
{
    uint32_t number = (r->cmos[REG_B] & B_BINARY) != 0 ? value : (value >> 4) * 10u + (value & 15u);
    number = number < most ? number : most;
    return number > least ? number : least;
}

static uint32_t decode_hour(const struct rtc *r, uint8_t value)
{
    if ((r->cmos[REG_B] & B_24_HOURS) != 0) {
        return decode(r, value, 0, 23);
    }
    return decode(r, value & (uint8_t)~HOUR_PM, 1, 12) % 12 + ((value & HOUR_PM) != 0 ? 12 : 0);
}

static void time_to_registers(struct rtc *r, uint64_t now)
{
    uint64_t seconds = seconds_at(r, now);
    struct rtc_date d = rtc_date_of(seconds);
    r->cmos[SECONDS] = encode(r, d.second);
    r->cmos[MINUTES] = encode(r, d.minute);
    r->cmos[HOURS] = encode_hour(r, d.hour);
    r->cmos[WEEKDAY] = encode(r, (uint32_t)((seconds / RTC_DAY + r->weekday_shift) % 7 + 1));
    r->cmos[DAY] = encode(r, d.day);
    r->cmos[MONTH] = encode(r, d.month);
    r->cmos[YEAR] = encode(r, d.year % 100);
    r->cmos[CENTURY] = encode(r, d.year / 100 % 100);
}

static void registers_to_time(struct rtc *r)
{
    const uint8_t *c = r->cmos;
    struct rtc_date d = {.second = decode(r, c[SECONDS], 0, 59),
                         .minute = decode(r, c[MINUTES], 0, 59),
                         .hour = decode_hour(r, c[HOURS]),
                         .day = decode(r, c[DAY], 1, 31),
                         .month = decode(r, c[MONTH], 1, 12),
                         .year = decode(r, c[CENTURY], 0, 99) * 100 + decode(r, c[YEAR], 0, 99)};
    r->seconds = rtc_date_seconds(&d);
    uint64_t weekday = decode(r, c[WEEKDAY], 1, 7) - 1;
    r->weekday_shift = (uint32_t)((weekday + 7 - r->seconds / RTC_DAY % 7) % 7);
}

/* A period is this power of two of the divider's pulses; rates 1 and 2 are as 8 and 9. Rate 0 has none. */
static uint32_t period_shift(const struct rtc *r)
{
    uint32_t rate = r->cmos[REG_A] & A_RATE;
    return rate <= 2 ? rate + 6 : rate - 1;
}

static bool has_periods(const struct rtc *r)
{
    return (r->cmos[REG_A] & A_RATE) != 0 && !is_held(r);
}

static uint64_t periods_at(const struct rtc *r, uint64_t now)
{
    return ticks_at(now - r->anchor, DIVIDER_HZ) >> period_shift(r);
}

static uint64_t gap(const struct rtc *r)
{
    uint64_t half = ticks_ns(1ull << period_shift(r), DIVIDER_HZ) / 2;
    return half < RTC_GAP ? half : RTC_GAP;
}

static bool alarm_matches(const struct rtc *r, uint32_t alarm, uint8_t time)
{
    return (r->cmos[alarm] & DO_NOT_CARE) == DO_NOT_CARE || r->cmos[alarm] == time;
}

/* Of seconds or minutes: whether the alarm's byte is one of them. */
static bool alarm_is_possible(const struct rtc *r, uint32_t alarm)
{
    return alarm_matches(r, alarm, encode(r, decode(r, r->cmos[alarm], 0, 59)));
}

/* The first second from `from` on that the alarm is for; UINT64_MAX if there is none in a day. */
static uint64_t next_alarm(const struct rtc *r, uint64_t from)
{
    if (!alarm_is_possible(r, MINUTES_ALARM) || !alarm_is_possible(r, SECONDS_ALARM)) {
        return UINT64_MAX;
    }
    uint64_t t = from;
    while (t - from <= RTC_DAY) {
        if (!alarm_matches(r, HOURS_ALARM, encode_hour(r, (uint32_t)(t / 3600 % 24)))) {
            t += 3600 - t % 3600;
        } else if (!alarm_matches(r, MINUTES_ALARM, encode(r, (uint32_t)(t / 60 % 60)))) {
            t += 60 - t % 60;
        } else if (!alarm_matches(r, SECONDS_ALARM, encode(r, (uint32_t)(t % 60)))) {
            t++;
        } else {
            return t;
        }
    }
    return UINT64_MAX;
}

static void give_periodic(struct rtc *r, uint64_t now)
{
    r->cmos[REG_C] |= B_PERIODIC;
    r->last_periodic = now;
}

static void count_periods(struct rtc *r, uint64_t now)
{
    uint64_t periods = has_periods(r) ? periods_at(r, now) - periods_at(r, r->seen) : 0;
    uint64_t most = DIVIDER_HZ >> period_shift(r);
    if (periods != 0 && (r->cmos[REG_C] & B_PERIODIC) == 0) {
        give_periodic(r, now);
        periods--;
    }
    bool wanted = (r->cmos[REG_B] & B_PERIODIC) != 0;
    r->owed = !wanted ? 0 : periods < most - r->owed ? r->owed + periods : most;
}

/* Brings register C to `now`. */
static void settle(struct rtc *r, uint64_t now)
{
    count_periods(r, now);
    uint64_t before = seconds_at(r, r->seen), seconds = seconds_at(r, now);
    if (seconds != before) {
        r->cmos[REG_C] |= B_UPDATE;
        r->cmos[REG_C] |= next_alarm(r, before + 1) <= seconds ? B_ALARM : 0;
    }
    r->seen = now;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* `ns` after the anchor; DEVICE_NEVER if 64 bits do not hold it. */
static uint64_t after_anchor(const struct rtc *r, uint64_t ns)
{
    return ticks_later(r->seen, ns - (r->seen - r->anchor));
}

static uint64_t second_begins(const struct rtc *r, uint64_t second)
{
    return after_anchor(r, (second - r->seconds) * TICKS_NS_PER_S);
}

/* The flags that are down and would interrupt decide when there is something to do. The others are seen when read. */
static void plan(struct rtc *r)
{
    uint32_t wanted = r->cmos[REG_B] & ~r->cmos[REG_C] & INTERRUPTS;
    r->due = DEVICE_NEVER;
    if ((wanted & B_PERIODIC) != 0 && has_periods(r)) {
        r->due = after_anchor(r, ticks_ns((periods_at(r, r->seen) + 1) << period_shift(r), DIVIDER_HZ));
    }
    if ((wanted & B_PERIODIC) != 0 && r->owed != 0) {
        r->due = earlier(r->due, ticks_later(r->last_periodic, gap(r)));
    }
    uint64_t next = seconds_at(r, r->seen) + 1;
    if ((wanted & B_UPDATE) != 0 && is_running(r)) {
        r->due = earlier(r->due, second_begins(r, next));
    }
    uint64_t alarm = (wanted & B_ALARM) != 0 && is_running(r) ? next_alarm(r, next) : UINT64_MAX;
    if (alarm != UINT64_MAX) {
        r->due = earlier(r->due, second_begins(r, alarm));
    }
}

static void update_line(struct rtc *r)
{
    bool up = (r->cmos[REG_C] & r->cmos[REG_B] & INTERRUPTS) != 0;
    r->cmos[REG_C] = (uint8_t)((r->cmos[REG_C] & INTERRUPTS) | (up ? C_IRQ : 0));
    irq_set(&r->irq, up);
    plan(r);
}

/* Registers A and B say whether the time and the divider go. The divider goes on while B_SET stops the time alone. */
static void change(struct rtc *r, uint8_t a, uint8_t b, uint64_t now)
{
    bool ran = is_running(r), was_held = is_held(r);
    if (ran) {
        time_to_registers(r, now);
        r->seconds = seconds_at(r, now);
    }
    r->anchor = now - (now - r->anchor) % TICKS_NS_PER_S;
    r->cmos[REG_A] = a;
    r->cmos[REG_B] = b;
    if (was_held && !is_held(r)) {
        r->anchor = now - HALF_SECOND; /* the first update comes half a second after the divider's reset */
    }
    if (is_running(r) && !ran) {
        registers_to_time(r);
    }
}

static void write_a(struct rtc *r, uint8_t value, uint64_t now)
{
    if (((value ^ r->cmos[REG_A]) & A_RATE) != 0) {
        r->owed = 0;
    }
    change(r, value & A_WRITABLE, r->cmos[REG_B], now);
}

static void write_b(struct rtc *r, uint8_t value, uint64_t now)
{
    bool sets = (value & B_SET) != 0;
    change(r, r->cmos[REG_A], (uint8_t)(value & ~(sets ? B_UPDATE : 0)), now);
    r->owed = (value & B_PERIODIC) != 0 ? r->owed : 0;
}

static void write_memory(struct rtc *r, uint8_t value, uint64_t now)
{
    bool date = is_date(r->index) && is_running(r);
    if (date) {
        time_to_registers(r, now);
        r->anchor = now - (now - r->anchor) % TICKS_NS_PER_S;
    }
    r->cmos[r->index] = value;
    if (date) {
        registers_to_time(r);
    }
}

static void write_data(struct rtc *r, uint8_t value)
{
    uint64_t now = time_now(r);
    settle(r, now);
    if (r->index == REG_A) {
        write_a(r, value, now);
    } else if (r->index == REG_B) {
        write_b(r, value, now);
    } else if (r->index != REG_C && r->index != REG_D) {
        write_memory(r, value, now);
    }
    update_line(r);
}

static uint8_t read_a(const struct rtc *r, uint64_t now)
{
    bool updating = is_running(r) && (now - r->anchor) % TICKS_NS_PER_S >= TICKS_NS_PER_S - UPDATING_NS;
    return (uint8_t)(r->cmos[REG_A] | (updating ? A_UPDATING : 0));
}

static uint8_t read_c(struct rtc *r, uint64_t now)
{
    settle(r, now);
    update_line(r);
    uint8_t value = r->cmos[REG_C];
    r->cmos[REG_C] = 0;
    update_line(r);
    return value;
}

static uint8_t read_data(struct rtc *r)
{
    uint64_t now = time_now(r);
    switch (r->index) {
    case REG_A:
        return read_a(r, now);
    case REG_C:
        return read_c(r, now);
    case REG_D:
        return D_VALID;
    default:
        if (is_date(r->index) && is_running(r)) {
            time_to_registers(r, now);
        }
        return r->cmos[r->index];
    }
}

/* A word is the index and the data. The index cannot be read back. */
static uint64_t rtc_read(void *device, uint64_t offset, uint32_t size)
{
    uint64_t value = UINT64_MAX;
    if (offset <= 1 && offset + size > 1) {
        value = (value << 8 | read_data(device)) << (offset == 0 ? 8 : 0);
        value |= offset == 0 ? 0xff : 0;
    }
    return value;
}

static void rtc_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct rtc *r = device;
    if (offset == 0) {
        r->index = (uint8_t)value & (RTC_CMOS - 1);
        r->nmi_masked = (value & INDEX_NMI) != 0;
    }
    if (offset <= 1 && offset + size > 1) {
        write_data(r, (uint8_t)(value >> (offset == 0 ? 8 : 0)));
    }
}

static uint64_t rtc_deadline(const void *device)
{
    const struct rtc *r = device;
    return r->due;
}

static void rtc_advance(void *device, uint64_t now)
{
    struct rtc *r = device;
    if (r->due > now || r->seen > now) {
        return;
    }
    settle(r, now);
    if (r->owed != 0 && (r->cmos[REG_C] & B_PERIODIC) == 0 && now >= ticks_later(r->last_periodic, gap(r))) {
        give_periodic(r, now);
        r->owed--;
    }
    update_line(r);
}

/* The chip has a battery: its time and memory stay over the PC's reset, and the interrupts are switched off. */
static void rtc_reset(void *device)
{
    struct rtc *r = device;
    r->index = REG_D;
    r->nmi_masked = false;
    r->owed = 0;
    r->seen = time_now(r);
    r->cmos[REG_B] &= (uint8_t)~INTERRUPTS;
    r->cmos[REG_C] = 0;
    update_line(r);
}

void rtc_init(struct rtc *r, const struct device_clock *clock, const struct irq_line *irq, uint64_t seconds)
{
    *r = (struct rtc){.clock = *clock, .irq = *irq, .weekday_shift = WEEKDAY_SHIFT};
    r->seconds = RTC_SECONDS_1970 + seconds;
    r->anchor = clock_now(clock);
    r->cmos[REG_A] = A_DEFAULT;
    r->cmos[REG_B] = B_24_HOURS;
    r->cmos[EQUIPMENT] = EQUIPMENT_FPU;
    rtc_set_boot_order(r, RTC_BOOT_DISK, RTC_BOOT_CD, 0);
    rtc_reset(r);
}

const struct device_ops rtc_ops = {
    .read = rtc_read, .write = rtc_write, .deadline = rtc_deadline, .advance = rtc_advance, .reset = rtc_reset};
