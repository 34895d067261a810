/* SPDX-License-Identifier: MIT */
/* What a root program includes: it defines root_main, everything else is ready when that is called. */
#pragma once

#include "abi/handoff.h"
#include "root/lib/apic.h"
#include "root/lib/clock.h"
#include "root/lib/console.h"
#include "root/lib/cpu.h"
#include "root/lib/hypercall.h"
#include "root/lib/library.h"
#include "root/lib/memory.h"
#include "root/lib/power.h"
#include "root/lib/serial.h"
#include "root/lib/smp.h"
#include "root/lib/string.h"
#include "root/lib/trap.h"

/* The program. Called on the first CPU with interrupts off; the others wait for work. Its return powers off. */
void root_main(const struct whb_handoff *handoff);
