/* SPDX-License-Identifier: MIT */
/* The console's keys, and what the other files of the service need of the guests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "root/monitor/machine.h"

/* Whether `word` is one of the words of `text`. */
bool keys_option(const char *text, const char *word);

/* root/service/run.c */
uint32_t run_guest_count(void);
struct machine *run_machine(uint32_t guest);
void run_statistics(uint32_t guest);
