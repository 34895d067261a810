/* SPDX-License-Identifier: MIT */
/*
 * What the monitor needs of the system that it runs on, besides libwhv. The root service has it in root/service/host.c;
 * under another operating system this file's functions are all there is to write again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory at a 2 MiB boundary that stays where it is; NULL: none left. Never given back. */
void *host_alloc_memory(uint64_t bytes);

/* The time stamp counter that guests share, and its frequency in kHz. */
uint64_t host_tsc(void);
uint32_t host_tsc_khz(void);
/* Seconds since 1970-01-01 by the machine's own clock. */
uint64_t host_wall_clock(void);

/* From the calling CPU's alarm on, the run of this VP is canceled on it. NULL: nobody's. */
void host_alarm_target(void *partition, uint32_t vp);
/* The calling CPU's alarm comes at this value of the TSC; UINT64_MAX: none. */
void host_alarm(uint64_t tsc);
/* Called by an exit loop after a canceled run: the place to look at the console's keys. */
void host_poll(void);

/* Between tries for a lock. */
void host_pause(void);

/* Bytes to the person at the console. Any CPU; a call's bytes stay together. */
void host_write(const uint8_t *bytes, size_t size);

/* A line of the monitor's own, `debug` for those that only someone who looks for a fault wants to see. */
void host_log(bool debug, const char *line);
