/* SPDX-License-Identifier: MIT */
#include "tests/attack/arguments.h"

#define WRONG_ONCE_IN 24u

uint64_t argument_odd(struct random *r)
{
    static const uint64_t odd[] = {
        0,
        1,
        2,
        3,
        7,
        15,
        16,
        17,
        31,
        63,
        64,
        65,
        255,
        256,
        257,
        0xfff,
        0x1000,
        0x1001,
        0xffff,
        0x10000,
        0x7fffffff,
        0x80000000,
        0xfffff000,
        0xffffffff,
        1ull << 32,
        1ull << 39,
        (1ull << 47) - 1,
        1ull << 47,
        1ull << 52,
        1ull << 62,
        1ull << 63,
        ~0ull,
        ~0xfffull,
        ~0ull - 15,
        0xffff800000000000ull,
    };
    return random_once_in(r, 4) ? random_u64(r) : PICK(r, odd);
}

/* An address that is no good memory of the root. Never one in memory that this program uses. */
static uint64_t odd_address(struct random *r)
{
    const uint64_t odd[] = {
        arena.hypervisor,
        arena.hypervisor + 0x1000,
        arena.hypervisor_end - 0x1000,
        arena.hypervisor_end - 8,
        arena.ram_end - 0x1000,
        arena.ram_end - 4,
        arena.ram_end,
        arena.buffers + 1,
        arena.buffers + 0xfff,
        arena.base + 0x800,
        1ull << 40,
        1ull << 46,
        1ull << 52,
        1ull << 63,
        ~0ull,
        ~0xfffull,
        random_u64(r) | 1ull << 45,
    };
    return PICK(r, odd);
}

static uint64_t any_partition(struct random *r)
{
    if (random_once_in(r, 64)) {
        uint64_t handle = __atomic_load_n(&PICK(r, arena.stale), __ATOMIC_RELAXED);
        return random_once_in(r, 2) ? handle : handle + (1ull << random_below(r, 48));
    }
    return __atomic_load_n(&PICK(r, arena.partitions), __ATOMIC_RELAXED);
}

static uint64_t any_gpa(struct random *r)
{
    static const uint64_t far[] = {0x100000,   0x1ff000,   0x200000,   0x3ff000,
                                   0x3fffe000, 0xfee00000, 1ull << 36, 1ull << 38};
    return random_once_in(r, 3) ? PICK(r, far) : random_below(r, ARENA_GUEST / ROOT_PAGE) * ROOT_PAGE;
}

static uint64_t any_size(struct random *r)
{
    static const uint64_t sizes[] = {0x1000, 0x1000, 0x1000, 0x2000, 0x3000, 0x8000, 0x10000, 0x200000};
    return PICK(r, sizes);
}

static uint64_t any_guest_memory(struct random *r)
{
    uint64_t page = random_below(r, ARENA_GUEST / ROOT_PAGE) * ROOT_PAGE;
    return arena.base + (random_once_in(r, 4) ? page & ~0x1fffffull : page);
}

static uint64_t any_map_flags(struct random *r)
{
    static const uint8_t flags[] = {1, 3, 5, 7, 7, 7, 11, 15};
    return PICK(r, flags);
}

#define EXTENTS_MAX 64u

/* Mostly ascending, of the arena's memory; as long as its buffer, since the count is not known yet. */
static uint64_t make_extents(struct attacker *a)
{
    struct random *r = &a->random;
    struct whb_extent *extents = (struct whb_extent *)(void *)a->buffers;
    uint64_t gpa = any_gpa(r), flags = any_map_flags(r);
    bool small = random_once_in(r, 2);
    for (uint32_t i = 0; i < EXTENTS_MAX; i++) {
        uint64_t size = small ? ROOT_PAGE : any_size(r);
        extents[i] = (struct whb_extent){.gpa = gpa, .pa = any_guest_memory(r), .size = size, .flags = flags};
        gpa += size + (random_once_in(r, 8) ? random_below(r, 3) * ROOT_PAGE : 0);
    }
    if (random_once_in(r, 16)) {
        struct whb_extent *odd = &extents[random_below(r, 4)];
        const struct whb_extent values = {argument_odd(r), odd_address(r), argument_odd(r), argument_odd(r)};
        switch (random_below(r, 4)) {
        case 0:
            odd->gpa = values.gpa;
            break;
        case 1:
            odd->pa = values.pa;
            break;
        case 2:
            odd->size = values.size;
            break;
        default:
            odd->flags = values.flags;
            break;
        }
    }
    return (uintptr_t)extents;
}

static uint64_t any_property(struct random *r)
{
    static const uint32_t codes[] = {
        WHvPartitionPropertyCodeExtendedVmExits,
        WHvPartitionPropertyCodeExceptionExitBitmap,
        WHvPartitionPropertyCodeX64MsrExitBitmap,
        WHvPartitionPropertyCodeSeparateSecurityDomain,
        WHvPartitionPropertyCodeProcessorFeatures,
        WHvPartitionPropertyCodeProcessorClFlushSize,
        WHvPartitionPropertyCodeCpuidExitList,
        WHvPartitionPropertyCodeCpuidResultList,
        WHvPartitionPropertyCodeLocalApicEmulationMode,
        WHvPartitionPropertyCodeProcessorXsaveFeatures,
        WHvPartitionPropertyCodeProcessorFeaturesBanks,
        WHvPartitionPropertyCodeReferenceTime,
        WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks,
        WHvPartitionPropertyCodeCpuidResultList2,
        WHvPartitionPropertyCodeMsrActionList,
        WHvPartitionPropertyCodeUnimplementedMsrAction,
        WHvPartitionPropertyCodePhysicalAddressWidth,
        WHvPartitionPropertyCodeProcessorCount,
        WHvPartitionPropertyCodeProcessorClockFrequency,
        WHvPartitionPropertyCodeApicRemoteReadSupport,
        WHB_PROPERTY_HEAP_BOUND,
        WHB_PROPERTY_HEAP_USED,
    };
    return PICK(r, codes);
}

/* Small numbers in every word: counts, masks and lists that are nearly right. */
static uint64_t property_value(struct attacker *a)
{
    uint32_t *words = (uint32_t *)(void *)a->buffers;
    uint32_t limit = 1u << random_below(&a->random, 7);
    for (unsigned i = 0; i < 16; i++) {
        words[i] = random_once_in(&a->random, 16) ? (uint32_t)random_u64(&a->random) : random_below(&a->random, limit);
    }
    return (uintptr_t)a->buffers;
}

static uint64_t property_size(struct random *r, uint64_t code)
{
    switch (code) {
    case WHvPartitionPropertyCodeProcessorCount:
    case WHvPartitionPropertyCodeLocalApicEmulationMode:
        return 4;
    case WHvPartitionPropertyCodeCpuidExitList:
        return 4 * random_below(r, 8);
    case WHvPartitionPropertyCodeCpuidResultList:
        return sizeof(WHV_X64_CPUID_RESULT) * random_below(r, 4);
    case WHvPartitionPropertyCodeCpuidResultList2:
        return sizeof(WHV_X64_CPUID_RESULT2) * random_below(r, 4);
    case WHvPartitionPropertyCodeProcessorFeaturesBanks:
    case WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks:
        return 24;
    default:
        return 8;
    }
}

static uint32_t any_name(struct random *r)
{
    static const uint32_t odd[] = {
        WHvRegisterPendingInterruption,
        WHvRegisterInterruptState,
        WHvRegisterPendingEvent,
        WHvX64RegisterDeliverabilityNotifications,
        WHvRegisterInternalActivityState,
        WHvX64RegisterPendingDebugException,
        WHvX64RegisterXCr0,
        WHvX64RegisterTsc,
        WHvX64RegisterEfer,
        WHvX64RegisterKernelGsBase,
        WHvX64RegisterApicBase,
        WHvX64RegisterPat,
        WHvX64RegisterSysenterCs,
        WHvX64RegisterStar,
        WHvX64RegisterSfmask,
        WHvX64RegisterMsrMtrrDefType,
        WHvX64RegisterMsrMtrrPhysMask0,
        WHvX64RegisterTscAux,
        WHvX64RegisterXmmControlStatus,
        WHvX64RegisterFpControlStatus,
        WHvX64RegisterXmm0,
        WHvX64RegisterCr8,
        WHvX64RegisterDr7,
    };
    switch (random_below(r, 8)) {
    case 0:
        return PICK(r, odd);
    case 1: /* segments, tables, control registers */
        return WHvX64RegisterEs + random_below(r, 0x20);
    default:
        return random_below(r, WHvX64RegisterRflags);
    }
}

static uint64_t make_names(struct attacker *a)
{
    uint32_t *names = (uint32_t *)(void *)a->buffers;
    for (unsigned i = 0; i < 8; i++) {
        names[i] = random_once_in(&a->random, 256) ? (uint32_t)random_u64(&a->random) : any_name(&a->random);
    }
    return (uintptr_t)names;
}

static uint64_t any_register_value(struct random *r)
{
    static const uint64_t values[] = {0,      1,          2,          8,     0x10,  0x20,       0x30,     0x202,
                                      0x500,  0x1000,     0x80000011, 0xfff, 0x9b,  0xfee00900, 0x8000,   0x40,
                                      0xfff0, 0x80000013, 0xffffffff, ~0ull, 0x620, 0x100000,   0x3f3f3f, 0x1f80};
    return random_once_in(r, 8) ? random_u64(r) >> random_below(r, 64) : PICK(r, values);
}

static uint64_t make_values(struct attacker *a)
{
    uint64_t *values = (uint64_t *)(void *)(a->buffers + ATTACK_BUFFER);
    for (unsigned i = 0; i < 16; i++) {
        values[i] = i % 2 == 0 || random_once_in(&a->random, 4) ? any_register_value(&a->random) : 0;
        if (((const uint32_t *)(const void *)a->buffers)[i / 2] == WHvX64RegisterEfer) {
            values[i] &= ~0x400ull; /* LMA without paging: Bochs 2.7 enters it and gives up */
        }
    }
    return (uintptr_t)values;
}

/* Of registers with 16 bytes and 32 bytes for lists; sometimes any number of bytes that fits in the buffer. */
static uint64_t any_output_size(struct random *r)
{
    return random_once_in(r, 4) ? random_below(r, ATTACK_BUFFER) : ATTACK_BUFFER;
}

static uint64_t any_state_type(struct random *r)
{
    static const uint16_t types[] = {
        WHvVirtualProcessorStateTypeSynicMessagePage,
        WHvVirtualProcessorStateTypeSynicTimerState,
        WHvVirtualProcessorStateTypeInterruptControllerState2,
        WHvVirtualProcessorStateTypeInterruptControllerState2,
        WHvVirtualProcessorStateTypeXsaveState,
        WHvVirtualProcessorStateTypeXsaveState,
        WHvVirtualProcessorStateTypeXsaveState,
        WHvVirtualProcessorStateTypeNestedState,
    };
    return PICK(r, types);
}

/* The VP's own state, which the next argument's size fits, with up to three changed bytes. */
static uint64_t make_state(struct attacker *a, const uint64_t *arguments, uint64_t *size)
{
    uint8_t *buffer = a->buffers + 2 * ATTACK_BUFFER;
    const uint64_t get[5] = {arguments[0], arguments[1], arguments[2], (uintptr_t)buffer, ATTACK_BUFFER};
    if (attack_call(a, WHB_CALL(WHB_CALL_VP_STATE_GET), get, size) != WHB_OK) {
        *size = 0;
    }
    for (uint32_t i = random_below(&a->random, 4); *size != 0 && i > 0; i--) {
        buffer[random_below(&a->random, (uint32_t)*size)] = (uint8_t)random_u64(&a->random);
    }
    return (uintptr_t)buffer;
}

static uint64_t any_interrupt(struct random *r)
{
    static const uint8_t types[] = {0, 0, 0, 1, 4, 5, 6};
    return PICK(r, types) | (uint64_t)random_below(r, 2) << 8 | (uint64_t)random_below(r, 2) << 12;
}

static uint64_t make_doorbell(struct attacker *a)
{
    WHV_DOORBELL_MATCH_DATA match = {
        .GuestAddress = 0x9000 + random_below(&a->random, 4) * 0x6000,
        .Value = random_below(&a->random, 3) * 0x5a,
        .Length = 1u << random_below(&a->random, 4),
        .MatchOnValue = random_below(&a->random, 2) & 1u,
        .MatchOnLength = random_below(&a->random, 2) & 1u,
    };
    uint8_t *buffer = a->buffers + 3 * ATTACK_BUFFER;
    memcpy(buffer, &match, sizeof(match));
    return (uintptr_t)buffer;
}

/* Few, so that ranges meet and are found again. */
static uint64_t any_posted(struct random *r)
{
    return (random_once_in(r, 2) ? WHB_POSTED_PORT : 0x8000) + random_below(r, 16) * 0x1000;
}

static uint64_t right_number(struct attacker *a, enum argument kind, const uint64_t *before)
{
    struct random *r = &a->random;
    static const uint16_t capabilities[] = {0,      1,      2,      3,      4,      5,      6,      0x1000,
                                            0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1008, 0x100a};
    static const uint32_t leaves[] = {0, 1, 7, 0xb, 0xd, 0x40000000, 0x40000001, 0x80000000, 0x80000001, 0x80000008};
    switch (kind) {
    case ARG_VP:
        return random_below(r, ARENA_VPS);
    case ARG_GPA_BYTE:
        return any_gpa(r) + random_below(r, 4096);
    case ARG_CAPABILITY:
        return PICK(r, capabilities);
    case ARG_PROPERTY_SIZE:
        return property_size(r, before[1]);
    case ARG_OUTPUT_SIZE:
        return any_output_size(r);
    case ARG_COUNT:
        return 1 + random_below(r, 3);
    case ARG_EXTENT_COUNT:
        return 1 + random_below(r, random_once_in(r, 16) ? EXTENTS_MAX : 3);
    case ARG_ACCESS_SIZE:
        return 1 + random_below(r, WHB_MAX_GPA_ACCESS);
    case ARG_TRANSLATE_FLAGS:
        return random_u64(r) & 0x31f;
    case ARG_COUNTER_SET:
        return random_below(r, 5);
    case ARG_POSITION:
        return random_below(r, 0x8000);
    case ARG_DESTINATION:
        return random_below(r, 4) | (uint64_t)(16 + random_below(r, 240)) << 32;
    case ARG_POSTED:
        return any_posted(r);
    case ARG_POSTED_SIZE:
        return 1u << 4 * random_below(r, 4);
    case ARG_LEAF:
        return PICK(r, leaves) | (uint64_t)random_below(r, 4) << 32;
    case ARG_ALLOCATION:
        return random_once_in(r, 2) ? 0 : 1 + random_below(r, 6);
    case ARG_TRACE:
        return random_once_in(r, 3) ? 0 : 64u << random_below(r, 12);
    case ARG_APIC_OFFSET:
        return 16 * random_below(r, 64);
    case ARG_APIC_WRITE:
        return random_below(r, 2);
    case ARG_APIC_VALUE:
        return random_u64(r) & 0xffffffff;
    default:
        return 0;
    }
}

/* `state_size` goes from ARG_STATE to ARG_STATE_SIZE. */
static uint64_t right(struct attacker *a, enum argument kind, const uint64_t *before, uint64_t *state_size)
{
    struct random *r = &a->random;
    switch (kind) {
    case ARG_PARTITION:
        return any_partition(r);
    case ARG_GPA:
        return any_gpa(r);
    case ARG_PAGES:
        return any_size(r);
    case ARG_GUEST_MEMORY:
        return any_guest_memory(r);
    case ARG_RUN_PAGE:
        return arena.run_pages + random_below(r, ARENA_RUN_PAGES) * ROOT_PAGE;
    case ARG_MAP_FLAGS:
        return any_map_flags(r);
    case ARG_OUTPUT:
        return (uintptr_t)a->buffers + 2 * ATTACK_BUFFER;
    case ARG_PROPERTY:
        return any_property(r);
    case ARG_PROPERTY_VALUE:
        return property_value(a);
    case ARG_EXTENTS:
        return make_extents(a);
    case ARG_NAMES:
        return make_names(a);
    case ARG_VALUES:
        return make_values(a);
    case ARG_STATE_TYPE:
        return any_state_type(r);
    case ARG_STATE:
        return make_state(a, before, state_size);
    case ARG_STATE_SIZE:
        return *state_size;
    case ARG_INTERRUPT:
        return any_interrupt(r);
    case ARG_DOORBELL:
        return make_doorbell(a);
    case ARG_EVENT:
        return arena.events + random_below(r, 512) * 8;
    default:
        return right_number(a, kind, before);
    }
}

static bool is_address(enum argument kind)
{
    return kind == ARG_GUEST_MEMORY || kind == ARG_RUN_PAGE || kind == ARG_OUTPUT || kind == ARG_PROPERTY_VALUE ||
           kind == ARG_EXTENTS || kind == ARG_NAMES || kind == ARG_VALUES || kind == ARG_STATE ||
           kind == ARG_DOORBELL || kind == ARG_EVENT;
}

void arguments_make(struct attacker *a, const uint8_t kinds[5], uint64_t arguments[5])
{
    uint64_t state_size = 0;
    for (unsigned i = 0; i < 5; i++) {
        enum argument kind = (enum argument)kinds[i];
        if (kind == ARG_NONE || !random_once_in(&a->random, WRONG_ONCE_IN)) {
            arguments[i] = right(a, kind, arguments, &state_size);
        } else {
            arguments[i] = is_address(kind) ? odd_address(&a->random) : argument_odd(&a->random);
        }
    }
}
