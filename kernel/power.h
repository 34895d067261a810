/* SPDX-License-Identifier: MIT */
/* Turning the machine over. */
#pragma once

/* Resets the machine: keyboard controller, reset register, triple fault, whichever works. */
_Noreturn void power_reset(void);
