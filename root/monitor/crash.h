/* SPDX-License-Identifier: MIT */
/* The report about a guest that cannot run on: the record, registers, code, stack, and how to get more. */
#pragma once

#include "root/monitor/machine.h"

/* The machine has ended after each of these. `why` is an English sentence without its full stop. */
void crash_report(struct machine_vp *vp, const char *why);
void crash_call_failed(struct machine_vp *vp, const char *call, HRESULT hr);
