/* SPDX-License-Identifier: MIT */
#include "vmm/apic/model/apic_model.h"

#include "arch/cpu/string.h"
#include "vmm/apic/model/apic_words.h"

#define PAGE_SIZE 4096u
#define VERSION_VALUE (0x14u | 5u << 16) /* integrated, six LVT entries (SDM vol. 3A, 11.4.8) */
#define DFR_FLAT 0xffffffffu
#define SVR_RESET 0xffu
#define BASE_ENABLE (1ull << 11)
#define BASE_X2APIC (1ull << 10)

static uint32_t vector_word(uint32_t base, uint8_t vector)
{
    return base + (vector / 32u) * 16u;
}

static bool test_vector(const struct apic *a, uint32_t base, uint8_t vector)
{
    return (apic_get(a, vector_word(base, vector)) >> (vector % 32u) & 1u) != 0;
}

static void change_vector(struct apic *a, uint32_t base, uint8_t vector, bool on)
{
    uint32_t word = vector_word(base, vector), bit = 1u << (vector % 32u);
    apic_set(a, word, on ? apic_get(a, word) | bit : apic_get(a, word) & ~bit);
}

static uint8_t highest(const struct apic *a, uint32_t base)
{
    for (uint32_t i = 8; i-- > 0;) {
        uint32_t word = apic_get(a, base + i * 16);
        if (word != 0) {
            return (uint8_t)(i * 32 + 31 - (uint32_t)__builtin_clz(word));
        }
    }
    return 0;
}

/* 11.8.3.1: the class of what is in service, or the TPR if that is higher. */
void apic_update_ppr(struct apic *a)
{
    uint32_t tpr = apic_get(a, APIC_TPR) & 0xffu, in_service = highest(a, APIC_ISR);
    apic_set(a, APIC_PPR, (tpr >> 4) >= (in_service >> 4) ? tpr : in_service & 0xf0u);
}

static void request_vector(struct apic *a, uint8_t vector, bool level)
{
    change_vector(a, APIC_IRR, vector, true);
    change_vector(a, APIC_TMR, vector, level);
}

/*
 * The first error since the last write of ESR, which rearms this, interrupts as LVT's error entry says (11.5.3). An
 * illegal vector there is one error more, and no interrupt.
 */
static void note_error(struct apic *a, uint32_t error)
{
    uint32_t lvt = apic_get(a, APIC_LVT_ERROR), before = a->pending_errors;
    a->pending_errors |= error;
    if (before != 0 || (lvt & APIC_LVT_MASKED) != 0) {
        return;
    }
    if (apic_is_legal((uint8_t)lvt)) {
        request_vector(a, (uint8_t)lvt, false);
    } else {
        a->pending_errors |= ESR_RECEIVE_ILLEGAL;
    }
}

void apic_reset(struct apic *a)
{
    memset(a->page, 0, PAGE_SIZE);
    a->mode = APIC_XAPIC;
    a->pending_errors = 0;
    a->expiry = 0;
    apic_timer_disarm(a);
    apic_set(a, APIC_ID, a->id << 24);
    apic_set(a, APIC_VERSION, VERSION_VALUE);
    apic_set(a, APIC_DFR, DFR_FLAT);
    apic_set(a, APIC_SVR, SVR_RESET);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
        apic_set(a, lvt, APIC_LVT_MASKED);
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
        apic_set(a, APIC_ID, a->id);
        apic_set(a, APIC_LDR, (a->id >> 4) << 16 | 1u << (a->id & 15u));
        apic_set(a, APIC_ICR_HIGH, 0);
    }
    a->mode = mode;
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
        return apic_is_lvt(offset) || (offset >= APIC_ISR && offset < APIC_ESR);
    }
}

/* Where table 11-1 has a register, if only to write. */
static bool is_register(uint32_t offset)
{
    switch (offset) {
    case APIC_ID:
    case APIC_VERSION:
    case APIC_TPR ... APIC_ESR:
    case APIC_ICR:
    case APIC_ICR_HIGH:
    case APIC_LVT_TIMER ... APIC_CURRENT_COUNT:
    case APIC_DIVIDE:
        return true;
    default:
        return false;
    }
}

/* In x2APIC mode such an access faults, and no error is noted (11.5.3). */
static void note_access(struct apic *a, uint32_t offset)
{
    if (a->mode == APIC_XAPIC && offset % 16 == 0 && !is_register(offset)) {
        note_error(a, ESR_REGISTER_ILLEGAL);
    }
}

bool apic_read(struct apic *a, uint32_t offset, struct apic_time now, uint32_t *value)
{
    note_access(a, offset);
    return apic_peek(a, offset, now, value);
}

bool apic_peek(const struct apic *a, uint32_t offset, struct apic_time now, uint32_t *value)
{
    *value = 0;
    if (offset == APIC_CURRENT_COUNT) {
        *value = apic_timer_count(a, now);
        return true;
    }
    if (offset == APIC_PPR) {
        uint32_t tpr = apic_get(a, APIC_TPR) & 0xffu, in_service = highest(a, APIC_ISR);
        *value = (tpr >> 4) >= (in_service >> 4) ? tpr : in_service & 0xf0u;
        return true;
    }
    if (offset % 16 != 0 || !is_plain(a, offset)) {
        return false;
    }
    *value = apic_get(a, offset);
    return true;
}

uint32_t apic_lvt_writable(uint32_t offset)
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

/* A change to or from TSC-deadline mode disarms the timer (11.5.4.1); the initial count is not one any more. */
static void write_lvt(struct apic *a, uint32_t offset, uint32_t value)
{
    bool deadline = apic_timer_mode(a) == APIC_TIMER_DEADLINE;
    value &= apic_lvt_writable(offset);
    if ((apic_get(a, APIC_SVR) & APIC_SVR_ENABLE) == 0) {
        value |= APIC_LVT_MASKED; /* 11.4.7.2 */
    }
    apic_set(a, offset, value);
    if ((apic_timer_mode(a) == APIC_TIMER_DEADLINE) != deadline) {
        apic_timer_disarm(a);
        apic_set(a, APIC_INITIAL_COUNT, 0);
    }
}

static void write_svr(struct apic *a, uint32_t value)
{
    apic_set(a, APIC_SVR, value & APIC_SVR_WRITABLE);
    if ((value & APIC_SVR_ENABLE) == 0) {
        for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
            apic_set(a, lvt, apic_get(a, lvt) | APIC_LVT_MASKED);
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
        apic_update_ppr(a);
    }
    return w;
}

/* An illegal vector is noted, and nothing sent (11.5.3). */
static struct apic_write send(struct apic *a, uint64_t icr)
{
    struct apic_ipi ipi = apic_decode_icr(icr, a->mode);
    if ((ipi.delivery == APIC_FIXED || ipi.delivery == APIC_LOWEST) && !apic_is_legal(ipi.vector)) {
        note_error(a, ESR_SEND_ILLEGAL);
        return (struct apic_write){.effect = APIC_NOTHING};
    }
    return (struct apic_write){.effect = APIC_SEND, .icr = icr};
}

static struct apic_write write_icr(struct apic *a, uint64_t value)
{
    uint32_t low = (uint32_t)value & APIC_ICR_LOW_WRITABLE;
    apic_set(a, APIC_ICR, low);
    if (a->mode == APIC_X2APIC) {
        apic_set(a, APIC_ICR_HIGH, (uint32_t)(value >> 32));
        return send(a, (value & ~0xffffffffull) | low);
    }
    return send(a, (uint64_t)(apic_get(a, APIC_ICR_HIGH) >> 24) << 32 | low);
}

/* Delivery status, and remote IRR of the LINT pins: a write is no fault, and has no effect. */
static uint32_t lvt_read_only(uint32_t offset)
{
    return 1u << 12 | (offset == APIC_LVT_LINT0 || offset == APIC_LVT_LINT1 ? 1u << 14 : 0);
}

/* Bits that make WRMSR fault in x2APIC mode (11.12.1.2 and table 11-6). */
static bool x2apic_reserved(uint32_t offset, uint64_t value)
{
    if (offset == APIC_ICR) {
        return ((uint32_t)value & ~APIC_ICR_LOW_WRITABLE) != 0;
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
        return !apic_is_lvt(offset) || (value & ~(uint64_t)(apic_lvt_writable(offset) | lvt_read_only(offset))) != 0;
    }
}

static void write_timer(struct apic *a, uint32_t offset, uint32_t value, struct apic_time now)
{
    if (offset == APIC_LVT_TIMER) {
        write_lvt(a, offset, value);
    } else if (offset == APIC_DIVIDE) {
        apic_timer_divide(a, value, now);
    } else if (apic_timer_mode(a) != APIC_TIMER_DEADLINE) {
        apic_set(a, offset, value);
        apic_timer_start(a, value, 0, now);
    }
}

static struct apic_write write_register(struct apic *a, uint32_t offset, uint32_t value, struct apic_time now)
{
    struct apic_write w = {.effect = APIC_NOTHING};
    switch (offset) {
    case APIC_TPR:
        apic_set(a, APIC_TPR, value & 0xffu);
        apic_update_ppr(a);
        return w;
    case APIC_EOI:
        return end_service(a);
    case APIC_SVR:
        write_svr(a, value);
        return w;
    case APIC_ESR:
        apic_set(a, APIC_ESR, a->pending_errors);
        a->pending_errors = 0;
        return w;
    case APIC_LVT_TIMER:
    case APIC_INITIAL_COUNT:
    case APIC_DIVIDE:
        write_timer(a, offset, value, now);
        return w;
    default:
        if (apic_is_lvt(offset)) {
            write_lvt(a, offset, value);
        } else {
            w.effect = APIC_REFUSED;
        }
        return w;
    }
}

struct apic_write apic_write(struct apic *a, uint32_t offset, uint64_t value, struct apic_time now)
{
    struct apic_write w = {.effect = APIC_NOTHING};
    if (a->mode == APIC_X2APIC) {
        if (offset % 16 != 0 || x2apic_reserved(offset, value)) {
            return (struct apic_write){.effect = APIC_REFUSED};
        }
        if (offset == APIC_SELF_IPI) {
            return send(a, (value & 0xffu) | 1u << 18);
        }
    } else if (offset % 16 != 0) { /* between two registers, which LVT's range would take for one */
        return (struct apic_write){.effect = APIC_REFUSED};
    } else {
        value = (uint32_t)value;
    }
    if (apic_timer_runs(a)) {
        (void)apic_timer_expire(a, now); /* what the timer did until now comes before the write */
    }
    note_access(a, offset);
    switch (offset) {
    case APIC_ICR:
        return write_icr(a, value);
    case APIC_LDR:
        apic_set(a, offset, (uint32_t)value & 0xff000000u);
        return w;
    case APIC_DFR:
        apic_set(a, offset, (uint32_t)value | 0x0fffffffu);
        return w;
    case APIC_ICR_HIGH:
        apic_set(a, offset, (uint32_t)value & 0xff000000u);
        return w;
    case APIC_ID:
        return w; /* read-only here: the VP's index is its identity */
    default:
        return write_register(a, offset, (uint32_t)value, now);
    }
}

void apic_accept(struct apic *a, uint8_t vector, bool level)
{
    if (a->mode == APIC_DISABLED || (apic_get(a, APIC_SVR) & APIC_SVR_ENABLE) == 0) {
        return;
    }
    if (apic_is_legal(vector)) {
        request_vector(a, vector, level);
    } else {
        note_error(a, ESR_RECEIVE_ILLEGAL);
    }
}

uint8_t apic_pending(const struct apic *a)
{
    if (a->mode == APIC_DISABLED) {
        return 0;
    }
    uint8_t vector = highest(a, APIC_IRR);
    return (vector >> 4) > (highest(a, APIC_ISR) >> 4) ? vector : 0;
}

uint16_t apic_interrupt_status(const struct apic *a)
{
    uint8_t requested = a->mode != APIC_DISABLED ? highest(a, APIC_IRR) : 0;
    return (uint16_t)((uint16_t)highest(a, APIC_ISR) << 8 | requested);
}

void apic_deliver(struct apic *a, uint8_t vector)
{
    change_vector(a, APIC_IRR, vector, false);
    change_vector(a, APIC_ISR, vector, true);
    apic_update_ppr(a);
}
