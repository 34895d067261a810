/* SPDX-License-Identifier: MIT */
/*
 * Which partition properties exist, and which values they take. Pure: what the machine offers comes as an argument.
 * Values are copies that nobody else can change, in whole or as the first bytes of a union WHV_PARTITION_PROPERTY.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/whv.h"
#include "vmm/partition/machine_offer.h"

#define EXCEPTION_EXITS_OFFERED WHB_EXCEPTION_EXITS_ALL

/* WHV_X64_MSR_EXIT_BITMAP: all that WHP has. */
#define MSR_EXITS_OFFERED 0x3full

enum property_kind {
    PROPERTY_VALUE,   /* kept by the partition */
    PROPERTY_LIST,    /* kept; any number of entries up to a limit */
    PROPERTY_MACHINE, /* a fact of the machine: may be set to what it is */
    PROPERTY_DEFAULT, /* without meaning here: 0, and may be set to 0 */
    PROPERTY_READ_ONLY,
};

struct property_info {
    uint32_t code; /* WHV_PARTITION_PROPERTY_CODE or WHB_PROPERTY_ */
    uint16_t size; /* bytes of the value, or of a list's entry */
    uint16_t most; /* entries of a list; else 0 */
    enum property_kind kind;
    bool changeable; /* after setup too */
};

/* NULL: neither WHP nor abi/hypercall.h knows such a property. */
const struct property_info *property_find(uint64_t code);

/*
 * If property `info` of a partition (set up or not) may take this value of `size` bytes: WHB_ERROR_INVALID_ARGUMENT
 * (size, reserved bits, values without meaning), WHB_ERROR_INVALID_STATE (frozen by setup), WHB_ERROR_NOT_SUPPORTED.
 */
enum whb_status property_check(const struct property_info *info, const struct machine_offer *offer, bool set_up,
                               const void *value, uint64_t size);

/* ExtendedVmExits that a machine offers. */
uint64_t property_exits_offered(bool apic);
