/* SPDX-License-Identifier: MIT */
/* The Gregorian calendar, for the years 0 to 9999 and somewhat more. */
#pragma once

#include <stdint.h>

#define RTC_DAY 86400u                         /* seconds */
#define RTC_SECONDS_1970 (865565ull * RTC_DAY) /* at the beginning of 1970-01-01 */

/* Days and seconds are counted from the 1st of March of the year -400 on: then nothing is negative. */
struct rtc_date {
    uint32_t second, minute, hour, day, month, year; /* day and month from 1 */
};

struct rtc_date rtc_date_of(uint64_t seconds);

/* A day that its month has not is one in the next month. Month 1 to 12. */
uint64_t rtc_date_seconds(const struct rtc_date *date);
