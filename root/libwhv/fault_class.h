/* SPDX-License-Identifier: MIT */
/* What an exception becomes that is raised while another event is delivered: SDM vol. 3A, tables 6-4 and 6-5. Pure. */
#pragma once

#include <stdint.h>

enum fault_outcome {
    FAULT_SERIAL, /* it is delivered next */
    FAULT_DOUBLE, /* a double fault is delivered next */
    FAULT_TRIPLE, /* the processor shuts down */
};

/*
 * `during`: interruption information (SDM vol. 3C, 25.9.2) of the event in delivery, not valid if there is none;
 * `raised`: of the exception.
 */
enum fault_outcome fault_escalate(uint32_t during, uint32_t raised);
