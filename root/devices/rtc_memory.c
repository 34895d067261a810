/* SPDX-License-Identifier: MIT */
/* CMOS bytes as QEMU fills them, which SeaBIOS and others read. */
#include "root/devices/rtc.h"

#define CMOS_BASE 0x15u       /* KiB below 640 KiB */
#define CMOS_EXTENDED 0x17u   /* KiB from 1 MiB on, by the set-up */
#define CMOS_EXTENDED_2 0x30u /* and by the self-test */
#define CMOS_ABOVE_16 0x34u   /* 64 KiB from 16 MiB on, below 4 GiB */
#define CMOS_HIGH 0x5bu       /* 64 KiB from 4 GiB on, three bytes */
#define BASE_KIB 640u

static uint64_t without(uint64_t size, uint64_t part)
{
    return size > part ? size - part : 0;
}

static void put(struct rtc *r, uint32_t at, uint32_t bytes, uint64_t value)
{
    uint64_t most = (1ull << 8 * bytes) - 1;
    value = value < most ? value : most;
    for (uint32_t i = 0; i < bytes; i++) {
        r->cmos[at + i] = (uint8_t)(value >> 8 * i);
    }
}

void rtc_set_memory(struct rtc *r, uint64_t low, uint64_t high)
{
    uint64_t base = low >> 10, extended = without(low, 1ull << 20) >> 10;
    put(r, CMOS_BASE, 2, base < BASE_KIB ? base : BASE_KIB);
    put(r, CMOS_EXTENDED, 2, extended);
    put(r, CMOS_EXTENDED_2, 2, extended);
    put(r, CMOS_ABOVE_16, 2, without(low, 16ull << 20) >> 16);
    put(r, CMOS_HIGH, 3, high >> 16);
}

void rtc_set_boot_order(struct rtc *r, uint8_t first, uint8_t second, uint8_t third)
{
    r->cmos[RTC_CMOS_BOOT_ORDER] = (uint8_t)((first & 15u) | (second & 15u) << 4);
    r->cmos[RTC_CMOS_BOOT_FLAGS] = (uint8_t)((third & 15u) << 4);
}
