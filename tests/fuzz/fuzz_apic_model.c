/* SPDX-License-Identifier: MIT */
/* sources: vmm/apic/model/apic_model.c vmm/apic/model/apic_timer.c vmm/apic/model/apic_restore.c
 * vmm/apic/model/apic_address.c */
/* Any sequence of accesses, interrupts and time leaves an APIC that keeps its own rules. */
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/check.h"
#include "vmm/apic/model/apic_model.h"

static uint32_t page[1024], other_page[1024], block[APIC_BLOCK_WORDS];

struct step {
    uint8_t what, vector;
    uint16_t offset;
    uint64_t value;
};

static void check_rules(const struct apic *a)
{
    uint32_t value;
    CHECK((page[APIC_ISR / 4] & 0xffffu) == 0 && (page[APIC_IRR / 4] & 0xffffu) == 0);
    CHECK(page[APIC_TPR / 4] <= 0xff);
    CHECK((page[APIC_SVR / 4] & ~0x1ffu) == 0);
    CHECK(apic_pending(a) == 0 || apic_pending(a) >= 16);
    const struct apic_time late = {1ull << 40, 1ull << 40};
    CHECK(apic_peek(a, APIC_PPR, late, &value) && value <= 0xff);
    CHECK(apic_peek(a, APIC_CURRENT_COUNT, late, &value) && value <= page[APIC_INITIAL_COUNT / 4]);
}

/* What is saved is all there is: another APIC, at another time, goes on as this one does. */
static void check_block(const struct apic *a, struct apic_time now)
{
    struct apic b = {.page = other_page, .id = 1};
    const struct apic_time later = {now.clock + 12345, now.tsc};
    uint32_t counts[2];
    apic_reset(&b);
    if (a->mode != APIC_XAPIC) {
        apic_set_mode(&b, a->mode);
    }
    apic_save(a, block, now);
    apic_restore(&b, block, APIC_BLOCK_WORDS, later);
    CHECK(memcmp(page, other_page, APIC_BLOCK_FLAGS) == 0);
    CHECK(apic_timer_left(a, now) == apic_timer_left(&b, later));
    CHECK(apic_peek(a, APIC_CURRENT_COUNT, now, &counts[0]) && apic_peek(&b, APIC_CURRENT_COUNT, later, &counts[1]));
    CHECK(counts[0] == counts[1] && a->tsc_deadline == b.tsc_deadline && a->pending_errors == b.pending_errors);
}

static void take_step(struct apic *a, const struct step *s, struct apic_time *now)
{
    uint8_t vector;
    uint32_t value;
    enum apic_mode next;
    switch (s->what % 8) {
    case 0:
        (void)apic_write(a, s->offset & 0xff0u, s->value, *now);
        break;
    case 1:
        (void)apic_read(a, s->offset & 0xfffu, *now, &value);
        break;
    case 2:
        apic_accept(a, s->vector, (s->what & 8) != 0);
        break;
    case 3:
        vector = apic_pending(a);
        if (vector != 0) {
            apic_deliver(a, vector);
            CHECK(apic_pending(a) == 0 || apic_pending(a) >> 4 > vector >> 4);
        }
        break;
    case 4:
        now->clock += s->value & 0xffffffffffu;
        now->tsc = (s->vector & 1) != 0 ? s->value : now->tsc + (s->value & 0xffffffffffu);
        (void)apic_timer_expire(a, *now);
        CHECK(apic_timer_left(a, *now) != 0);
        check_block(a, *now);
        break;
    case 5:
        if (apic_mode_change(a->mode, s->value, true, &next)) {
            apic_set_mode(a, next);
            CHECK(a->mode == next);
        }
        break;
    case 6:
        apic_write_deadline(a, (s->vector & 1) != 0 ? s->value : now->tsc + (s->value & 0xffffffffu), *now);
        break;
    default:
        apic_poke(a, s->offset & 0x3f0u, s->value, *now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct apic a = {.page = page, .id = 1};
    struct apic_time now = {0, 0};
    apic_reset(&a);
    for (; size >= sizeof(struct step); data += sizeof(struct step), size -= sizeof(struct step)) {
        struct step s;
        memcpy(&s, data, sizeof(s));
        take_step(&a, &s, &now);
        check_rules(&a);
    }
    return 0;
}
