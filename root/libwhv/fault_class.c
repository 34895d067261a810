/* SPDX-License-Identifier: MIT */
#include "root/libwhv/fault_class.h"

#include "root/libwhv/entry_check/vmx_format.h"

#define CONTRIBUTORY ((1u << 0) | (0xfu << 10) | (1u << 21)) /* #DE, #TS, #NP, #SS, #GP, #CP */
#define PAGE_FAULTS ((1u << VECTOR_PF) | (1u << 20))         /* #PF, #VE */

/* Interrupts and software exceptions are benign whatever their vector. */
static uint32_t class_bit(uint32_t info)
{
    uint32_t vector = info & INTERRUPTION_VECTOR, type = (info & INTERRUPTION_TYPE) >> INTERRUPTION_TYPE_SHIFT;
    return type == INTERRUPTION_HARDWARE_EXCEPTION && vector < 32 ? 1u << vector : 0;
}

enum fault_outcome fault_escalate(uint32_t during, uint32_t raised)
{
    uint32_t first = (during & INTERRUPTION_VALID) != 0 ? class_bit(during) : 0, second = class_bit(raised);
    if ((second & (CONTRIBUTORY | PAGE_FAULTS)) == 0) {
        return FAULT_SERIAL;
    }
    if ((first & (1u << VECTOR_DF)) != 0) {
        return FAULT_TRIPLE;
    }
    if ((first & PAGE_FAULTS) != 0 || ((first & CONTRIBUTORY) != 0 && (second & CONTRIBUTORY) != 0)) {
        return FAULT_DOUBLE;
    }
    return FAULT_SERIAL;
}
