/* SPDX-License-Identifier: MIT */
/* Exit records in words. */
#pragma once

#include "root/libwhv/WinHvPlatform.h"

/* Name of an exit reason without its prefix; never NULL. */
const char *record_reason_name(WHV_RUN_VP_EXIT_REASON reason);

/* Prints VpContext and the reason's own fields by name, on lines indented by `indent` blanks. */
void record_print(const WHV_RUN_VP_EXIT_CONTEXT *record, unsigned indent);
