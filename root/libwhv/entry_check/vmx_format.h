/* SPDX-License-Identifier: MIT */
/* Formats of VMX that VM entry and event delivery speak of (SDM vol. 3C, chapter 25), for libwhv's diagnostics. */
#pragma once

/* 25.8.3, 25.9.2, 25.9.3: interruption information; the type values are those of WHV_X64_PENDING_INTERRUPTION_TYPE */
#define INTERRUPTION_VECTOR 0xffu
#define INTERRUPTION_TYPE_SHIFT 8u
#define INTERRUPTION_TYPE (7u << 8)
#define INTERRUPTION_ERROR_CODE (1u << 11)
#define INTERRUPTION_VALID (1u << 31)
enum interruption_type {
    INTERRUPTION_EXTERNAL = 0,
    INTERRUPTION_NMI = 2,
    INTERRUPTION_HARDWARE_EXCEPTION = 3,
    INTERRUPTION_SOFTWARE_INTERRUPT = 4,
    INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION = 5,
    INTERRUPTION_SOFTWARE_EXCEPTION = 6,
};

enum exception_vector {
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_DF = 8,
    VECTOR_PF = 14,
    VECTOR_MC = 18,
};
