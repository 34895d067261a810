/* SPDX-License-Identifier: MIT */
#include "root/lib/cmos.h"

#include <stdbool.h>

#include "root/lib/cpu.h"

#define CMOS_INDEX 0x70u
#define CMOS_DATA 0x71u
#define CMOS_STATUS_A 0x0au
#define CMOS_STATUS_B 0x0bu
#define STATUS_A_UPDATING 0x80u
#define STATUS_B_BINARY 0x04u
#define CMOS_TRIES 1000000u

static uint8_t cmos(uint8_t index)
{
    cpu_outb(CMOS_INDEX, index);
    return cpu_inb(CMOS_DATA);
}

static uint32_t number(uint8_t value, bool binary)
{
    return binary ? value : (uint32_t)(value >> 4) * 10 + (value & 15);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar, years from March on. */
static uint64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t cmos_seconds(void)
{
    for (uint32_t i = 0; i < CMOS_TRIES && (cmos(CMOS_STATUS_A) & STATUS_A_UPDATING) != 0; i++) {
    }
    bool binary = (cmos(CMOS_STATUS_B) & STATUS_B_BINARY) != 0;
    uint32_t second = number(cmos(0), binary), minute = number(cmos(2), binary), hour = number(cmos(4), binary);
    uint32_t day = number(cmos(7), binary), month = number(cmos(8), binary), year = 2000 + number(cmos(9), binary);
    if (day == 0 || month == 0 || month > 12) {
        return 0;
    }
    return days_of(year, month, day) * 86400 + hour * 3600ull + minute * 60ull + second;
}
