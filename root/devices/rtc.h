/* SPDX-License-Identifier: MIT */
/* The real-time clock and CMOS memory (MC146818A). Its time goes by the machine's clock and can be set. */
#pragma once

#include "root/devices/device.h"

#define RTC_CMOS 128u

struct rtc {
    struct device_clock clock;
    struct irq_line irq;
    uint64_t epoch_ns;                   /* ns since 1970-01-01 at guest time 0 */
    uint64_t set_ns;                     /* guest time at which SET stopped the clock */
    uint64_t next_periodic, next_update; /* ns, DEVICE_NEVER if none */
    uint8_t index, cmos[RTC_CMOS];       /* the time registers in cmos[] are what was written while SET */
};

/* `seconds`: since 1970-01-01, at guest time 0. */
void rtc_init(struct rtc *r, const struct device_clock *clock, const struct irq_line *irq, uint64_t seconds);
/* The memory sizes in bytes where firmware looks for them. Stays over a reset. */
void rtc_set_memory(struct rtc *r, uint64_t low, uint64_t high);

extern const struct device_ops rtc_ops;
