/* SPDX-License-Identifier: MIT */
/*
 * The real-time clock and CMOS memory (MC146818A). Its time goes by the machine's clock, exactly, and can be set.
 *
 * Periodic interrupts that the guest could not be given, since the machine was late or the last one is not yet
 * acknowledged (by a read of register C), are owed: each comes RTC_GAP or half a period after the one before was
 * acknowledged, at most a second of them. Update and alarm interrupts that come together are one, as the chip says.
 */
#pragma once

#include "root/devices/device.h"

#define RTC_CMOS 128u
#define RTC_GAP 200000u /* ns */

/* CMOS bytes that firmware reads. */
#define RTC_CMOS_SHUTDOWN 0x0fu
#define RTC_CMOS_BOOT_FLAGS 0x38u /* bits 4-7 the third device */
#define RTC_CMOS_BOOT_ORDER 0x3du /* bits 0-3 the first device, 4-7 the second */
#define RTC_BOOT_FLOPPY 1u
#define RTC_BOOT_DISK 2u
#define RTC_BOOT_CD 3u
#define RTC_BOOT_NET 4u

struct rtc {
    struct device_clock clock;
    struct irq_line irq;
    uint64_t seconds;       /* rtc_date.h; the time when it began to be so, at `anchor`, or at which the clock stands */
    uint64_t anchor;        /* ns, the beginning of a second; modulo 2^64 */
    uint64_t seen;          /* ns up to which register C is right */
    uint64_t owed;          /* periodic interrupts */
    uint64_t last_periodic; /* ns, when the last one was given */
    uint64_t due;           /* ns, the deadline */
    uint32_t weekday_shift;
    bool nmi_masked; /* bit 7 of port 70H */
    uint8_t index;
    uint8_t cmos[RTC_CMOS]; /* while the clock goes, the date in it is old */
};

/* `seconds`: the time now, since 1970-01-01. */
void rtc_init(struct rtc *r, const struct device_clock *clock, const struct irq_line *irq, uint64_t seconds);

/* The sizes of the memory below and above 4 GiB in bytes, where firmware looks for them. Stays over a reset. */
void rtc_set_memory(struct rtc *r, uint64_t low, uint64_t high);
/* RTC_BOOT_..., or 0: nothing. At first the disk, then the CD. */
void rtc_set_boot_order(struct rtc *r, uint8_t first, uint8_t second, uint8_t third);

extern const struct device_ops rtc_ops;
