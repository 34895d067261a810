/* SPDX-License-Identifier: MIT */
/* The timer of the PC interrupts through the 8259 pair, and only while IF is set and the line is not masked. */
#include "tests/guest/checks/check.h"

#define ALL_BUT_TIMER 0xfffeu
#define MILLISECOND 1193u /* in ticks of the PIT */
#define LONG_ENOUGH 2000000u

void check_interrupts(void);

void check_interrupts(void)
{
    pic_start(ALL_BUT_TIMER);
    pit_start(MILLISECOND);
    uint64_t until = read_tsc() + LONG_ENOUGH;
    while (read_tsc() < until) {
    }
    verdict_equal("interrupts/none-with-if-clear", 0, trap_log.counts[PIC_VECTOR]);
    wait_with_interrupts(LONG_ENOUGH);
    note("interrupts", "of the timer", trap_log.counts[PIC_VECTOR]);
    verdict("interrupts/timer", trap_log.counts[PIC_VECTOR] >= 3);
    pic_start(0xffff);
    trap_clear();
    wait_with_interrupts(LONG_ENOUGH);
    verdict_equal("interrupts/masked", 0, trap_log.counts[PIC_VECTOR]);
    pit_stop();
}
