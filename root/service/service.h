/* SPDX-License-Identifier: MIT */
/* The root service: guests from modules, the console's keys, and the demonstration that runs without guests. */
#pragma once

#include <stdbool.h>

#include "abi/handoff.h"

/* Runs the small guests that are built in, and prints what each did. True: all checks were true. */
bool demo_run(const struct whb_handoff *handoff);

/* Runs the guests that the modules describe until all have ended. True: all ended well. */
bool guests_run(const struct whb_handoff *handoff);

/* On the first CPU: takes what was typed. And whether there is something to take. */
void service_keys(void);
bool service_has_work(void);
/* Asks the other end of the line for input. From then on service_keys stops it (XOFF) while much of it waits. */
void service_take_input(void);

/* root/service/host.c. */
void host_show_debug(bool show);
void host_on_alarm(void);
void host_wake(void);
