/* SPDX-License-Identifier: MIT */
/* Years begin in March here, so that the day that comes and goes is their last one. */
#include "root/devices/rtc_date.h"

#define YEARS_BEFORE 400u
#define ERA_DAYS 146097u /* 400 years */

static uint64_t days_before_month(uint64_t months_since_march)
{
    return (153 * months_since_march + 2) / 5; /* 31, 30, 31, 30, 31 days, again and again */
}

uint64_t rtc_date_seconds(const struct rtc_date *d)
{
    uint64_t year = d->year + (d->month <= 2 ? YEARS_BEFORE - 1 : YEARS_BEFORE);
    uint64_t days = 365 * year + year / 4 - year / 100 + year / 400;
    days += days_before_month(d->month <= 2 ? d->month + 9 : d->month - 3) + d->day - 1;
    return days * RTC_DAY + d->hour * 3600ull + d->minute * 60ull + d->second;
}

struct rtc_date rtc_date_of(uint64_t seconds)
{
    uint64_t days = seconds / RTC_DAY, of_era = days % ERA_DAYS;
    uint32_t of_day = (uint32_t)(seconds % RTC_DAY);
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153; /* since March */
    return (struct rtc_date){
        .second = of_day % 60,
        .minute = of_day / 60 % 60,
        .hour = of_day / 3600,
        .day = (uint32_t)(of_year - days_before_month(month) + 1),
        .month = (uint32_t)(month < 10 ? month + 3 : month - 9),
        .year = (uint32_t)(days / ERA_DAYS * 400 + year + (month < 10 ? 0 : 1) - YEARS_BEFORE),
    };
}
