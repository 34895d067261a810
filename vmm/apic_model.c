/* SPDX-License-Identifier: MIT */
#include "vmm/apic_model.h"

#include "kernel/string.h"

#define PAGE_SIZE 4096u
#define VERSION_VALUE (0x14u | 5u << 16) /* integrated, six LVT entries (SDM vol. 3A, 11.4.8) */
#define DFR_FLAT 0xffffffffu
#define SVR_RESET 0xffu
#define SVR_WRITABLE 0x1ffu
#define ESR_SEND_ILLEGAL (1u << 5)
#define ESR_RECEIVE_ILLEGAL (1u << 6)
#define ESR_REGISTER_ILLEGAL (1u << 7)
#define ICR_LOW_WRITABLE 0xccfffu
#define TIMER_MODE_SHIFT 17u
#define BASE_ENABLE (1ull << 11)
#define BASE_X2APIC (1ull << 10)

enum timer_mode {
    TIMER_ONE_SHOT,
    TIMER_PERIODIC,
    TIMER_DEADLINE,
};

static uint32_t get(const struct apic *a, uint32_t offset)
{
    return __atomic_load_n(&a->page[offset / 4], __ATOMIC_RELAXED);
}

static void set(struct apic *a, uint32_t offset, uint32_t value)
{
    __atomic_store_n(&a->page[offset / 4], value, __ATOMIC_RELAXED);
}

static uint32_t vector_word(uint32_t base, uint8_t vector)
{
    return base + (vector / 32u) * 16u;
}

static bool test_vector(const struct apic *a, uint32_t base, uint8_t vector)
{
    return (get(a, vector_word(base, vector)) >> (vector % 32u) & 1u) != 0;
}

static void change_vector(struct apic *a, uint32_t base, uint8_t vector, bool on)
{
    uint32_t word = vector_word(base, vector), bit = 1u << (vector % 32u);
    set(a, word, on ? get(a, word) | bit : get(a, word) & ~bit);
}

static uint8_t highest(const struct apic *a, uint32_t base)
{
    for (uint32_t i = 8; i-- > 0;) {
        uint32_t word = get(a, base + i * 16);
        if (word != 0) {
            return (uint8_t)(i * 32 + 31 - (uint32_t)__builtin_clz(word));
        }
    }
    return 0;
}

/* 11.8.3.1: the class of what is in service, or the TPR if that is higher. */
static void update_ppr(struct apic *a)
{
    uint32_t tpr = get(a, APIC_TPR) & 0xffu, in_service = highest(a, APIC_ISR);
    set(a, APIC_PPR, (tpr >> 4) >= (in_service >> 4) ? tpr : in_service & 0xf0u);
}

static enum timer_mode timer_mode(const struct apic *a)
{
    uint32_t mode = get(a, APIC_LVT_TIMER) >> TIMER_MODE_SHIFT & 3u;
    return mode == 2 ? TIMER_DEADLINE : mode == 1 ? TIMER_PERIODIC : TIMER_ONE_SHOT;
}

/* TSC ticks a count: the divide configuration's bits 3, 1 and 0 (11.5.4). */
static uint64_t divisor(const struct apic *a)
{
    uint32_t d = get(a, APIC_DIVIDE);
    uint32_t code = (d & 3u) | (d >> 1 & 4u);
    return 1ull << ((code + 1) & 7u);
}

static void disarm(struct apic *a)
{
    a->timer_armed = false;
    a->tsc_deadline = 0;
}

static void arm_count(struct apic *a, uint64_t now)
{
    uint64_t count = get(a, APIC_INITIAL_COUNT);
    a->timer_start = now;
    a->timer_armed = count != 0;
    a->expiry = now + count * divisor(a);
}

static uint32_t current_count(const struct apic *a, uint64_t now)
{
    uint64_t count = get(a, APIC_INITIAL_COUNT);
    if (timer_mode(a) == TIMER_DEADLINE || !a->timer_armed || count == 0) {
        return 0;
    }
    uint64_t passed = (now - a->timer_start) / divisor(a);
    if (timer_mode(a) == TIMER_PERIODIC) {
        return (uint32_t)(count - passed % count);
    }
    return passed < count ? (uint32_t)(count - passed) : 0;
}

void apic_reset(struct apic *a)
{
    uint32_t tpr = 0;
    memset(a->page, 0, PAGE_SIZE);
    a->mode = APIC_XAPIC;
    a->pending_errors = 0;
    a->timer_start = 0;
    a->expiry = 0;
    disarm(a);
    set(a, APIC_ID, a->id << 24);
    set(a, APIC_VERSION, VERSION_VALUE);
    set(a, APIC_TPR, tpr);
    set(a, APIC_DFR, DFR_FLAT);
    set(a, APIC_SVR, SVR_RESET);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
        set(a, lvt, APIC_LVT_MASKED);
    }
}

bool apic_mode_change(enum apic_mode now, uint64_t base, bool has_x2apic, enum apic_mode *next)
{
    bool enable = (base & BASE_ENABLE) != 0, extended = (base & BASE_X2APIC) != 0;
    *next = !enable ? APIC_DISABLED : extended ? APIC_X2APIC : APIC_XAPIC;
    if (extended && (!enable || !has_x2apic)) {
        return false;
    }
    if (*next == APIC_X2APIC && now == APIC_DISABLED) {
        return false;
    }
    return !(now == APIC_X2APIC && *next == APIC_XAPIC);
}

void apic_set_mode(struct apic *a, enum apic_mode mode)
{
    if (mode == APIC_DISABLED || a->mode == APIC_DISABLED) {
        apic_reset(a); /* the registers' values are lost (11.4.3) */
    }
    if (mode == APIC_X2APIC && a->mode != APIC_X2APIC) {
        set(a, APIC_ID, a->id);
        set(a, APIC_LDR, (a->id >> 4) << 16 | 1u << (a->id & 15u));
        set(a, APIC_ICR_HIGH, 0);
    }
    a->mode = mode;
}

static bool is_lvt(uint32_t offset)
{
    return offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR;
}

/* Registers whose value is the word in the page. */
static bool is_plain(const struct apic *a, uint32_t offset)
{
    switch (offset) {
    case APIC_ID:
    case APIC_VERSION:
    case APIC_TPR:
    case APIC_LDR:
    case APIC_SVR:
    case APIC_ESR:
    case APIC_ICR:
    case APIC_INITIAL_COUNT:
    case APIC_DIVIDE:
        return true;
    case APIC_APR:
    case APIC_REMOTE_READ:
    case APIC_DFR:
    case APIC_ICR_HIGH:
        return a->mode == APIC_XAPIC;
    default:
        return is_lvt(offset) || (offset >= APIC_ISR && offset < APIC_ESR);
    }
}

bool apic_read(const struct apic *a, uint32_t offset, uint64_t now, uint32_t *value)
{
    *value = 0;
    if (offset == APIC_CURRENT_COUNT) {
        *value = current_count(a, now);
        return true;
    }
    if (offset == APIC_PPR) {
        uint32_t tpr = get(a, APIC_TPR) & 0xffu, in_service = highest(a, APIC_ISR);
        *value = (tpr >> 4) >= (in_service >> 4) ? tpr : in_service & 0xf0u;
        return true;
    }
    if (offset % 16 != 0 || !is_plain(a, offset)) {
        return false;
    }
    *value = get(a, offset);
    return true;
}

static uint32_t lvt_writable(uint32_t offset)
{
    switch (offset) {
    case APIC_LVT_TIMER:
        return 0x700ffu;
    case APIC_LVT_LINT0:
    case APIC_LVT_LINT1:
        return 0x1a7ffu;
    case APIC_LVT_ERROR:
        return 0x100ffu;
    default:
        return 0x107ffu;
    }
}

static void write_lvt(struct apic *a, uint32_t offset, uint32_t value, uint64_t now)
{
    enum timer_mode before = timer_mode(a);
    value &= lvt_writable(offset);
    if ((get(a, APIC_SVR) & APIC_SVR_ENABLE) == 0) {
        value |= APIC_LVT_MASKED; /* 11.4.7.2 */
    }
    set(a, offset, value);
    if (offset != APIC_LVT_TIMER || timer_mode(a) == before) {
        return;
    }
    if (before == TIMER_DEADLINE || timer_mode(a) == TIMER_DEADLINE) {
        disarm(a); /* 11.5.4.1 */
    } else if (a->timer_armed && timer_mode(a) == TIMER_ONE_SHOT && now >= a->expiry) {
        a->timer_armed = false;
    }
}

static void write_svr(struct apic *a, uint32_t value)
{
    set(a, APIC_SVR, value & SVR_WRITABLE);
    if ((value & APIC_SVR_ENABLE) == 0) {
        for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
            set(a, lvt, get(a, lvt) | APIC_LVT_MASKED);
        }
    }
}

static struct apic_write end_service(struct apic *a)
{
    struct apic_write w = {.effect = APIC_NOTHING, .vector = highest(a, APIC_ISR)};
    if (w.vector != 0) {
        w.effect = APIC_ENDED;
        w.level = test_vector(a, APIC_TMR, w.vector);
        change_vector(a, APIC_ISR, w.vector, false);
        update_ppr(a);
    }
    return w;
}

static struct apic_write write_icr(struct apic *a, uint64_t value)
{
    struct apic_write w = {.effect = APIC_SEND};
    if (a->mode == APIC_X2APIC) {
        set(a, APIC_ICR, (uint32_t)value & ICR_LOW_WRITABLE);
        set(a, APIC_ICR_HIGH, (uint32_t)(value >> 32));
        w.icr = (value & ~0xffffffffull) | ((uint32_t)value & ICR_LOW_WRITABLE);
        return w;
    }
    set(a, APIC_ICR, (uint32_t)value & ICR_LOW_WRITABLE);
    w.icr = (uint64_t)(get(a, APIC_ICR_HIGH) >> 24) << 32 | get(a, APIC_ICR);
    return w;
}

/* Bits that make WRMSR fault in x2APIC mode (11.12.1.2 and table 11-6). */
static bool x2apic_reserved(uint32_t offset, uint64_t value)
{
    if (offset == APIC_ICR) {
        return ((uint32_t)value & ~ICR_LOW_WRITABLE) != 0;
    }
    if (value >> 32 != 0) {
        return true;
    }
    switch (offset) {
    case APIC_TPR:
    case APIC_SELF_IPI:
        return value > 0xff;
    case APIC_EOI:
    case APIC_ESR:
        return value != 0;
    case APIC_SVR:
        return (value & ~0x1ffull) != 0;
    case APIC_DIVIDE:
        return (value & ~0xbull) != 0;
    case APIC_INITIAL_COUNT:
        return false;
    default:
        return !is_lvt(offset) || (value & ~(uint64_t)(lvt_writable(offset) | 1u << 12 | 1u << 14)) != 0;
    }
}

static struct apic_write write_register(struct apic *a, uint32_t offset, uint32_t value, uint64_t now)
{
    struct apic_write w = {.effect = APIC_NOTHING};
    switch (offset) {
    case APIC_TPR:
        set(a, APIC_TPR, value & 0xffu);
        update_ppr(a);
        return w;
    case APIC_EOI:
        return end_service(a);
    case APIC_SVR:
        write_svr(a, value);
        return w;
    case APIC_ESR:
        set(a, APIC_ESR, a->pending_errors);
        a->pending_errors = 0;
        return w;
    case APIC_INITIAL_COUNT:
        if (timer_mode(a) != TIMER_DEADLINE) {
            set(a, offset, value);
            arm_count(a, now);
        }
        return w;
    case APIC_DIVIDE:
        set(a, offset, value & 0xbu);
        if (timer_mode(a) != TIMER_DEADLINE && a->timer_armed) {
            arm_count(a, now);
        }
        return w;
    default:
        if (is_lvt(offset)) {
            write_lvt(a, offset, value, now);
        } else {
            w.effect = APIC_REFUSED;
        }
        return w;
    }
}

struct apic_write apic_write(struct apic *a, uint32_t offset, uint64_t value, uint64_t now)
{
    struct apic_write w = {.effect = APIC_NOTHING};
    if (a->mode == APIC_X2APIC) {
        if (offset % 16 != 0 || x2apic_reserved(offset, value)) {
            return (struct apic_write){.effect = APIC_REFUSED};
        }
        if (offset == APIC_SELF_IPI) {
            return (struct apic_write){.effect = APIC_SEND, .icr = (value & 0xffu) | 1u << 18};
        }
    } else if (offset % 16 != 0) { /* between two registers, which LVT's range would take for one */
        return (struct apic_write){.effect = APIC_REFUSED};
    } else {
        value = (uint32_t)value;
    }
    switch (offset) {
    case APIC_ICR:
        return write_icr(a, value);
    case APIC_LDR:
        set(a, offset, (uint32_t)value & 0xff000000u);
        return w;
    case APIC_DFR:
        set(a, offset, (uint32_t)value | 0x0fffffffu);
        return w;
    case APIC_ICR_HIGH:
        set(a, offset, (uint32_t)value & 0xff000000u);
        return w;
    case APIC_ID:
        return w; /* read-only here: the VP's index is its identity */
    default:
        w = write_register(a, offset, (uint32_t)value, now);
        if (w.effect == APIC_REFUSED && a->mode == APIC_XAPIC) {
            a->pending_errors |= ESR_REGISTER_ILLEGAL;
        }
        return w;
    }
}

void apic_accept(struct apic *a, uint8_t vector, bool level)
{
    if (a->mode == APIC_DISABLED || (get(a, APIC_SVR) & APIC_SVR_ENABLE) == 0) {
        return;
    }
    if (vector < 16) {
        a->pending_errors |= ESR_RECEIVE_ILLEGAL;
        return;
    }
    change_vector(a, APIC_IRR, vector, true);
    change_vector(a, APIC_TMR, vector, level);
}

uint8_t apic_pending(const struct apic *a)
{
    if (a->mode == APIC_DISABLED || (get(a, APIC_SVR) & APIC_SVR_ENABLE) == 0) {
        return 0;
    }
    uint8_t vector = highest(a, APIC_IRR);
    return (vector >> 4) > (highest(a, APIC_ISR) >> 4) ? vector : 0;
}

void apic_deliver(struct apic *a, uint8_t vector)
{
    change_vector(a, APIC_IRR, vector, false);
    change_vector(a, APIC_ISR, vector, true);
    update_ppr(a);
}

bool apic_timer_expire(struct apic *a, uint64_t now, uint8_t *vector)
{
    if (!a->timer_armed || (int64_t)(now - a->expiry) < 0) {
        return false;
    }
    uint32_t lvt = get(a, APIC_LVT_TIMER);
    uint64_t period = get(a, APIC_INITIAL_COUNT) * divisor(a);
    if (timer_mode(a) == TIMER_PERIODIC && period != 0) {
        a->timer_start += (now - a->timer_start) / period * period;
        a->expiry = a->timer_start + period;
    } else {
        disarm(a);
    }
    *vector = (uint8_t)lvt;
    return (lvt & APIC_LVT_MASKED) == 0;
}

void apic_write_deadline(struct apic *a, uint64_t value, uint64_t now)
{
    (void)now;
    if (timer_mode(a) != TIMER_DEADLINE) {
        return;
    }
    a->tsc_deadline = value;
    a->expiry = value;
    a->timer_armed = value != 0;
}

/* Bits that can be set by restoring; 0: the register is not restored. */
static uint32_t restorable(uint32_t offset)
{
    switch (offset) {
    case APIC_TPR:
        return 0xffu;
    case APIC_LDR:
    case APIC_INITIAL_COUNT:
    case APIC_ESR:
        return ~0u;
    case APIC_DFR:
        return 0xf0000000u;
    case APIC_SVR:
        return SVR_WRITABLE;
    case APIC_ICR:
        return ICR_LOW_WRITABLE;
    case APIC_ICR_HIGH:
        return ~0u;
    case APIC_DIVIDE:
        return 0xbu;
    default:
        if (offset >= APIC_ISR && offset < APIC_ESR) {
            return (offset & 0x70u) == 0 ? ~0xffffu : ~0u; /* vectors below 16 cannot be */
        }
        return is_lvt(offset) ? lvt_writable(offset) : 0;
    }
}

static void restore_register(struct apic *a, uint32_t offset, uint32_t value)
{
    uint32_t mask = restorable(offset);
    if (a->mode == APIC_X2APIC && (offset == APIC_LDR || offset == APIC_DFR)) {
        return; /* the identity gives the LDR, and there is no DFR */
    }
    if (mask != 0) {
        set(a, offset, (value & mask) | (offset == APIC_DFR ? 0x0fffffffu : 0));
    }
}

static void restart_timer(struct apic *a, uint32_t count, uint64_t now)
{
    uint64_t initial = get(a, APIC_INITIAL_COUNT);
    disarm(a);
    if (timer_mode(a) != TIMER_DEADLINE && count != 0 && count <= initial) {
        a->timer_armed = true;
        a->timer_start = now - (initial - count) * divisor(a);
        a->expiry = a->timer_start + initial * divisor(a);
    }
}

void apic_restore(struct apic *a, const uint32_t *words, uint64_t now)
{
    for (uint32_t offset = 0; offset < 0x400; offset += 16) {
        restore_register(a, offset, words[offset / 4]);
    }
    restart_timer(a, words[APIC_CURRENT_COUNT / 4], now);
    update_ppr(a);
}

void apic_poke(struct apic *a, uint32_t offset, uint64_t value, uint64_t now)
{
    if (offset == APIC_CURRENT_COUNT) {
        restart_timer(a, (uint32_t)value, now);
        return;
    }
    restore_register(a, offset, (uint32_t)value);
    if (offset == APIC_ICR) {
        restore_register(a, APIC_ICR_HIGH, (uint32_t)(value >> 32));
    } else if (offset == APIC_INITIAL_COUNT) {
        arm_count(a, now);
    }
    update_ppr(a);
}

struct apic_ipi apic_decode_icr(uint64_t icr, enum apic_mode mode)
{
    uint32_t low = (uint32_t)icr;
    (void)mode;
    return (struct apic_ipi){
        .delivery = (enum apic_delivery)(low >> 8 & 7u),
        .vector = (uint8_t)low,
        .logical = (low >> 11 & 1u) != 0,
        .level_assert = (low >> 14 & 1u) != 0,
        .level_triggered = (low >> 15 & 1u) != 0,
        .shorthand = (uint8_t)(low >> 18 & 3u),
        .destination = (uint32_t)(icr >> 32),
    };
}

/* Logical destinations of xAPIC mode: flat or clusters, as the target's DFR says (11.6.2.2). */
static bool matches_xapic_logical(const struct apic_address *t, uint32_t destination)
{
    uint32_t ldr = t->ldr >> 24;
    if (destination > 0xff) {
        return false; /* a destination of x2APIC mode */
    }
    if (destination == 0xff) {
        return true;
    }
    if (t->dfr >> 28 == 0xf) {
        return (ldr & destination) != 0;
    }
    return t->dfr >> 28 == 0 && ldr >> 4 == destination >> 4 && (ldr & destination & 15u) != 0;
}

bool apic_matches(const struct apic_address *t, uint32_t destination, bool logical, enum apic_mode sender)
{
    bool wide = sender == APIC_X2APIC;
    if (t->mode == APIC_DISABLED) {
        return false;
    }
    if (destination == (wide ? 0xffffffffu : 0xffu)) {
        return true;
    }
    if (!logical) {
        return destination == t->id;
    }
    if (t->mode == APIC_X2APIC) {
        return t->ldr >> 16 == destination >> 16 && (t->ldr & destination & 0xffffu) != 0;
    }
    return matches_xapic_logical(t, destination);
}
