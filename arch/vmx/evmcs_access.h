/* SPDX-License-Identifier: MIT */
/* vmcs_raw_read and the others of arch/vmx/vmcs.h, which includes this, by the current enlightened VMCS. */
#pragma once

#include "arch/cpu/count.h"
#include "arch/cpu/percpu.h"
#include "arch/vmx/evmcs.h"

/* For encodings that are not known to the compiler. */
uint32_t evmcs_find(uint32_t encoding);

static inline __attribute__((always_inline)) uint8_t *evmcs_at(uint32_t encoding)
{
    uint32_t place = __builtin_constant_p(encoding) ? evmcs_place(encoding) : evmcs_find(encoding);
    if (place == EVMCS_NOWHERE) {
        vmcs_access_failed(encoding);
    }
    return (uint8_t *)this_cpu()->evmcs + place;
}

/* Bits 14:13 of the encoding are the width (SDM vol. 3C, 24.11.2). */
static inline __attribute__((always_inline)) uint64_t vmcs_raw_read(uint32_t encoding)
{
    const volatile uint8_t *at = evmcs_at(encoding);
    count_instruction(COUNTED_VMREAD);
    switch (encoding >> 13 & 3u) {
    case 0:
        return *(const volatile uint16_t *)at;
    case 2:
        return *(const volatile uint32_t *)at;
    default:
        return *(const volatile uint64_t *)at;
    }
}

/* RIP is read at each entry, everything else unless it is said to be clean. */
static inline __attribute__((always_inline)) void vmcs_raw_write(uint32_t encoding, uint64_t value)
{
    volatile uint8_t *at = evmcs_at(encoding);
    count_instruction(COUNTED_VMWRITE);
    switch (encoding >> 13 & 3u) {
    case 0:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 2:
        *(volatile uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)at = value;
        break;
    }
    if (encoding != VMCS_GUEST_RIP_ENCODING) {
        *(volatile uint32_t *)((uint8_t *)this_cpu()->evmcs + EVMCS_CLEAN_FIELDS) = 0;
    }
}

static inline void vmcs_readnw_to(struct vmcsnw field, uint64_t *to)
{
    *to = vmcs_raw_read(field.encoding);
}
