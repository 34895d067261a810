/* SPDX-License-Identifier: MIT */
/* sources: vmm/apic_model.c */
/* Any sequence of accesses, interrupts and time leaves an APIC that keeps its own rules. */
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/check.h"
#include "vmm/apic_model.h"

static uint32_t page[1024];

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
    CHECK(apic_read(a, APIC_PPR, 0, &value) && value <= 0xff);
    CHECK(apic_read(a, APIC_CURRENT_COUNT, 1ull << 40, &value));
}

static void take_step(struct apic *a, const struct step *s, uint64_t *now)
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
        *now += s->value & 0xffffffffffu;
        (void)apic_timer_expire(a, *now, &vector);
        CHECK(!a->timer_armed || (int64_t)(a->expiry - *now) > 0);
        break;
    case 5:
        if (apic_mode_change(a->mode, s->value, true, &next)) {
            apic_set_mode(a, next);
            CHECK(a->mode == next);
        }
        break;
    case 6:
        apic_write_deadline(a, *now + (s->value & 0xffffffffu), *now);
        break;
    default:
        apic_poke(a, s->offset & 0x3f0u, s->value, *now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct apic a = {.page = page, .id = 1};
    uint64_t now = 0;
    apic_reset(&a);
    for (; size >= sizeof(struct step); data += sizeof(struct step), size -= sizeof(struct step)) {
        struct step s;
        memcpy(&s, data, sizeof(s));
        take_step(&a, &s, &now);
        check_rules(&a);
    }
    return 0;
}
