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

/* 25.4.2: guest interruptibility and activity */
#define BLOCKING_BY_STI (1u << 0)
#define BLOCKING_BY_MOV_SS (1u << 1)
#define BLOCKING_BY_NMI (1u << 3)
#define ACTIVITY_ACTIVE 0u
#define ACTIVITY_HLT 1u
#define ACTIVITY_WAIT_FOR_SIPI 3u

/* 25.4.1: segment access rights */
#define ACCESS_UNUSABLE (1u << 16)
#define ACCESS_CONFORMING (1u << 2) /* of a code segment */

#define CR0_PE (1ull << 0)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define CR4_PCIDE (1ull << 17)
#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)
#define RFLAGS_VM (1ull << 17)

enum exception_vector {
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_DF = 8,
    VECTOR_PF = 14,
    VECTOR_MC = 18,
};
