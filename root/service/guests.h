/* SPDX-License-Identifier: MIT */
/* The guests that the service runs, and what their records must say. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "root/libwhv/WinHvPlatform.h"

#define GUEST_MAX_STEPS 48u

/* What a guest must do next, and what the service does then. */
struct step {
    WHV_RUN_VP_EXIT_REASON reason;
    const uint8_t *rip; /* in the payload; NULL: anywhere in it */
    uint64_t first;     /* by reason: port, GPA, MSR, CPUID leaf */
    uint64_t second;    /* by reason: AccessInfo, AccessInfo, IsWrite, 0 */
    uint8_t skip;       /* bytes to skip for exits whose InstructionLength is 0 */
};

struct guest_kind {
    const char *name, *what;
    const uint8_t *begin, *end;
    const struct step *steps; /* ends with reason 0 */
    bool text;                /* all steps but the last are one, repeated: a character each on port 0x3f8 */
    bool cancel;              /* is stopped by WHvCancelRunVirtualProcessor */
    bool break_rflags;        /* starts with RFLAGS bit 1 clear, which no processor accepts */
};

extern const struct guest_kind guest_kinds[];
extern const uint32_t guest_kind_count;
