/* SPDX-License-Identifier: MIT */
/* Registers: Motorola MC146818A data sheet. Offsets: 0 the index (port 70H), 1 the data (port 71H). */
#include "root/devices/rtc.h"

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
    REG_D
};
#define CENTURY 0x32u

#define A_UPDATING 0x80u
#define A_DEFAULT 0x26u /* 32768 Hz, periodic rate 1024 Hz */
#define B_SET 0x80u
#define B_PERIODIC 0x40u
#define B_ALARM 0x20u
#define B_UPDATE 0x10u
#define B_BINARY 0x04u
#define B_24_HOURS 0x02u
#define C_IRQ 0x80u
#define C_PERIODIC 0x40u
#define C_ALARM 0x20u
#define C_UPDATE 0x10u
#define D_VALID 0x80u
#define HOUR_PM 0x80u
#define DO_NOT_CARE 0xc0u

#define NS_PER_S 1000000000ull
#define UPDATE_NS 244000u /* UIP is up this long before the second changes */
#define DAY_SECONDS 86400u

struct date {
    uint32_t second, minute, hour, day, month, year, weekday; /* weekday 1 is Sunday */
};

/* Days to a date and back: Gregorian, with years that begin in March. */
static uint64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static struct date date_of(uint64_t seconds)
{
    uint64_t days = seconds / DAY_SECONDS, z = days + 719468, era = z / 146097, of_era = z % 146097;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    uint32_t month = (uint32_t)(m < 10 ? m + 3 : m - 9), rest = (uint32_t)(seconds % DAY_SECONDS);
    return (struct date){.second = rest % 60,
                         .minute = rest / 60 % 60,
                         .hour = rest / 3600,
                         .day = (uint32_t)(of_year - (153 * m + 2) / 5 + 1),
                         .month = month,
                         .year = (uint32_t)(year + era * 400 + (month <= 2 ? 1 : 0)),
                         .weekday = (uint32_t)((days + 4) % 7 + 1)};
}

static uint8_t encode(const struct rtc *r, uint32_t value)
{
    return (uint8_t)((r->cmos[REG_B] & B_BINARY) != 0 ? value : value / 10 % 10 << 4 | value % 10);
}

static uint32_t decode(const struct rtc *r, uint8_t value)
{
    return (r->cmos[REG_B] & B_BINARY) != 0 ? value : (uint32_t)(value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const struct rtc *r, uint32_t hour)
{
    if ((r->cmos[REG_B] & B_24_HOURS) != 0) {
        return encode(r, hour);
    }
    uint8_t value = encode(r, hour % 12 == 0 ? 12 : hour % 12);
    return (uint8_t)(value | (hour >= 12 ? HOUR_PM : 0));
}

static uint32_t decode_hour(const struct rtc *r, uint8_t value)
{
    if ((r->cmos[REG_B] & B_24_HOURS) != 0) {
        return decode(r, value) % 24;
    }
    return decode(r, value & (uint8_t)~HOUR_PM) % 12 + ((value & HOUR_PM) != 0 ? 12 : 0);
}

static uint64_t time_ns(const struct rtc *r)
{
    bool stopped = (r->cmos[REG_B] & B_SET) != 0;
    return r->epoch_ns + (stopped ? r->set_ns : clock_now(&r->clock));
}

static void time_to_registers(struct rtc *r)
{
    struct date d = date_of(time_ns(r) / NS_PER_S);
    r->cmos[SECONDS] = encode(r, d.second);
    r->cmos[MINUTES] = encode(r, d.minute);
    r->cmos[HOURS] = encode_hour(r, d.hour);
    r->cmos[WEEKDAY] = encode(r, d.weekday);
    r->cmos[DAY] = encode(r, d.day);
    r->cmos[MONTH] = encode(r, d.month);
    r->cmos[YEAR] = encode(r, d.year % 100);
    r->cmos[CENTURY] = encode(r, d.year / 100);
}

static uint64_t within(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Nonsense in the registers becomes the nearest date. */
static void registers_to_time(struct rtc *r)
{
    uint32_t year = decode(r, r->cmos[CENTURY]) * 100 + decode(r, r->cmos[YEAR]);
    uint32_t month = (uint32_t)within(decode(r, r->cmos[MONTH]), 1, 12);
    uint32_t day = (uint32_t)within(decode(r, r->cmos[DAY]), 1, 31);
    uint64_t seconds = days_of((uint32_t)within(year, 1970, 2400), month, day) * DAY_SECONDS +
                       decode_hour(r, r->cmos[HOURS]) * 3600ull + within(decode(r, r->cmos[MINUTES]), 0, 59) * 60 +
                       within(decode(r, r->cmos[SECONDS]), 0, 59);
    r->epoch_ns = seconds * NS_PER_S - clock_now(&r->clock); /* modulo 2^64: sums come out right */
}

static void update_line(struct rtc *r)
{
    uint8_t *c = &r->cmos[REG_C];
    bool up = (*c & r->cmos[REG_B] & (C_PERIODIC | C_ALARM | C_UPDATE)) != 0;
    *c = (uint8_t)(up ? *c | C_IRQ : *c & ~C_IRQ);
    irq_set(&r->irq, up);
}

/* 32768 Hz divided by a power of two; rates 1 and 2 are as 8 and 9. */
static uint64_t period_ns(const struct rtc *r)
{
    uint32_t rate = r->cmos[REG_A] & 15u;
    if (rate == 0) {
        return 0;
    }
    rate = rate <= 2 ? rate + 7 : rate;
    return (NS_PER_S << (rate - 1)) / 32768;
}

/* Which times somebody waits for; what nobody asked for needs no alarm. */
static void plan(struct rtc *r)
{
    uint64_t now = clock_now(&r->clock), period = period_ns(r);
    uint8_t b = r->cmos[REG_B];
    bool periodic = (b & B_PERIODIC) != 0 && period != 0;
    bool update = (b & (B_UPDATE | B_ALARM)) != 0 && (b & B_SET) == 0;
    r->next_periodic = periodic ? (now / period + 1) * period : DEVICE_NEVER;
    r->next_update = update ? now + NS_PER_S - time_ns(r) % NS_PER_S : DEVICE_NEVER;
}

static bool alarm_matches(const struct rtc *r, uint32_t time, uint32_t alarm)
{
    return (r->cmos[alarm] & DO_NOT_CARE) == DO_NOT_CARE || r->cmos[alarm] == r->cmos[time];
}

static uint8_t read_a(const struct rtc *r)
{
    bool updating = (r->cmos[REG_B] & B_SET) == 0 && time_ns(r) % NS_PER_S >= NS_PER_S - UPDATE_NS;
    return (uint8_t)(r->cmos[REG_A] | (updating ? A_UPDATING : 0));
}

static uint8_t read_c(struct rtc *r)
{
    uint8_t value = r->cmos[REG_C];
    r->cmos[REG_C] = 0;
    update_line(r);
    return value;
}

static uint8_t read_data(struct rtc *r)
{
    switch (r->index) {
    case REG_A:
        return read_a(r);
    case REG_C:
        return read_c(r);
    case REG_D:
        return D_VALID;
    default:
        if ((r->cmos[REG_B] & B_SET) == 0 && (r->index <= YEAR || r->index == CENTURY)) {
            time_to_registers(r);
        }
        return r->cmos[r->index];
    }
}

static void write_b(struct rtc *r, uint8_t value)
{
    uint8_t old = r->cmos[REG_B];
    bool was = (old & B_SET) != 0, set = (value & B_SET) != 0;
    if (!was) {
        time_to_registers(r);
        r->set_ns = clock_now(&r->clock);
    } else if (!set) {
        registers_to_time(r);
    }
    r->cmos[REG_B] = value;
    if (!was && !set && ((old ^ value) & (B_BINARY | B_24_HOURS)) != 0) {
        time_to_registers(r);
    }
    plan(r);
    update_line(r);
}

static void write_data(struct rtc *r, uint8_t value)
{
    switch (r->index) {
    case REG_A:
        r->cmos[REG_A] = value & (uint8_t)~A_UPDATING;
        plan(r);
        break;
    case REG_B:
        write_b(r, value);
        break;
    case REG_C:
    case REG_D:
        break;
    default:
        if ((r->cmos[REG_B] & B_SET) == 0 && r->index <= YEAR) {
            time_to_registers(r);
        }
        r->cmos[r->index] = value;
        if ((r->cmos[REG_B] & B_SET) == 0 &&
            (r->index == CENTURY ||
             (r->index <= YEAR && r->index != SECONDS_ALARM && r->index != MINUTES_ALARM && r->index != HOURS_ALARM))) {
            registers_to_time(r);
        }
        break;
    }
}

static uint64_t rtc_read(void *device, uint64_t offset, uint32_t size)
{
    struct rtc *r = device;
    (void)size;
    return offset == 1 ? read_data(r) : UINT64_MAX; /* the index cannot be read back */
}

static void rtc_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct rtc *r = device;
    if (offset == 0) {
        r->index = (uint8_t)value & (RTC_CMOS - 1); /* bit 7 masks NMIs on a PC; nothing here raises one */
        if (size > 1) {
            write_data(r, (uint8_t)(value >> 8));
        }
    } else {
        write_data(r, (uint8_t)value);
    }
}

static uint64_t rtc_deadline(const void *device)
{
    const struct rtc *r = device;
    return r->next_periodic < r->next_update ? r->next_periodic : r->next_update;
}

static void rtc_advance(void *device, uint64_t now)
{
    struct rtc *r = device;
    if (r->next_periodic <= now) {
        r->cmos[REG_C] |= C_PERIODIC;
        r->next_periodic += period_ns(r);
        if (r->next_periodic <= now) { /* late: the flag is one bit, those missed are one */
            plan(r);
        }
    }
    if (r->next_update <= now) {
        r->next_update += NS_PER_S;
        r->cmos[REG_C] |= C_UPDATE;
        time_to_registers(r);
        if (alarm_matches(r, SECONDS, SECONDS_ALARM) && alarm_matches(r, MINUTES, MINUTES_ALARM) &&
            alarm_matches(r, HOURS, HOURS_ALARM)) {
            r->cmos[REG_C] |= C_ALARM;
        }
    }
    update_line(r);
}

/* The chip keeps its time and memory over a PC's reset; the interrupts are switched off. */
static void rtc_reset(void *device)
{
    struct rtc *r = device;
    r->index = REG_D;
    r->cmos[REG_B] &= B_BINARY | B_24_HOURS;
    r->cmos[REG_C] = 0;
    plan(r);
    update_line(r);
}

void rtc_init(struct rtc *r, const struct device_clock *clock, const struct irq_line *irq, uint64_t seconds)
{
    *r = (struct rtc){.clock = *clock, .irq = *irq, .epoch_ns = seconds * NS_PER_S - clock_now(clock)};
    r->cmos[REG_A] = A_DEFAULT;
    r->cmos[REG_B] = B_24_HOURS;
    rtc_reset(r);
}

static void put16(struct rtc *r, uint32_t at, uint64_t value)
{
    r->cmos[at] = (uint8_t)value;
    r->cmos[at + 1] = (uint8_t)(value >> 8);
}

void rtc_set_memory(struct rtc *r, uint64_t low, uint64_t high)
{
    uint64_t kib = low >> 10, above_16 = low > (16u << 20) ? (low >> 16) - 256 : 0,
             extended = kib > 1024 ? kib - 1024 : 0;
    put16(r, 0x15, 640);
    extended = extended < 65535 ? extended : 65535;
    put16(r, 0x17, extended);
    put16(r, 0x30, extended);
    put16(r, 0x34, above_16 < 65535 ? above_16 : 65535);
    put16(r, 0x5b, high >> 16);
    r->cmos[0x5d] = (uint8_t)(high >> 32);
}

const struct device_ops rtc_ops = {
    .read = rtc_read, .write = rtc_write, .deadline = rtc_deadline, .advance = rtc_advance, .reset = rtc_reset};
