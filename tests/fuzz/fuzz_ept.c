/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/ept.c vmm/memory/ept_retired.c vmm/memory/ept_protect.c vmm/memory/ept_dirty.c
 * kernel/memory/page_alloc.c tests/unit/ept_model.c tests/unit/stubs.c */
#include "kernel/memory/page_alloc.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "tests/unit/ept_model.h"

#define HEAP (512u * 1024)
#define PAGE 4096ull
#define CHANGES_MAX 40u

/* Corners of the address space where something happens: ends of tables of each level, and of everything. */
static uint64_t choose_corner(struct tape *tape)
{
    static const uint64_t corners[] = {0,          2ull << 20,   1ull << 30,   3ull << 30,
                                       1ull << 39, 510ull << 30, 511ull << 39, EPT_ADDRESS_LIMIT};
    return corners[tape_choose(tape, sizeof(corners) / sizeof(corners[0]))];
}

static uint64_t choose_size(struct tape *tape)
{
    static const uint64_t units[] = {PAGE, PAGE, 2ull << 20, 1ull << 30};
    uint64_t size = units[tape_choose(tape, 4)] * tape_byte(tape);
    return size + PAGE * tape_choose(tape, 4);
}

#define EXTENTS_MAX 8u

/* Ascending extents from `gpa` on, with gaps of 0 to 3 pages, each as large as one of one_change's or a few pages. */
static void one_list(struct ept_model *m, struct tape *tape, uint64_t gpa)
{
    static const unsigned rights[] = {EPT_READ, 7, 7, 15};
    struct whb_extent extents[EXTENTS_MAX];
    uint32_t count = 0;
    for (uint32_t wanted = 1 + tape_choose(tape, EXTENTS_MAX); count < wanted; count++) {
        uint64_t size = tape_choose(tape, 4) == 0 ? choose_size(tape) : PAGE * (1 + tape_choose(tape, 3));
        gpa += PAGE * tape_choose(tape, 4);
        if (size == 0 || gpa >= EPT_ADDRESS_LIMIT || size > EPT_ADDRESS_LIMIT - gpa) {
            break;
        }
        uint64_t hpa = tape_choose(tape, 2) == 0 ? tape_byte(tape) * PAGE : gpa;
        extents[count] = (struct whb_extent){gpa, hpa, size, rights[tape_choose(tape, 4)]};
        gpa += size;
    }
    (void)ept_model_map_list(m, extents, count);
}

static void one_change(struct ept_model *m, struct tape *tape)
{
    uint64_t size = choose_size(tape), gpa = choose_corner(tape), back = choose_size(tape), hpa;
    gpa = gpa >= back ? gpa - back : gpa;
    hpa = tape_choose(tape, 4) == 0 ? tape_byte(tape) * PAGE : gpa;
    unsigned kind = tape_choose(tape, 16);
    uint8_t fail = tape_byte(tape);
    if (size == 0 || gpa >= EPT_ADDRESS_LIMIT || size > EPT_ADDRESS_LIMIT - gpa) {
        CHECK(ept_unmap(&m->ept, gpa, size, &m->retired) == EPT_INVALID);
        CHECK(ept_map(&m->ept, gpa, hpa, size, EPT_READ, ept_model_type, NULL, &m->retired) == EPT_INVALID);
        return;
    }
    page_alloc_fail_after(fail < 16 ? fail : PAGE_ALLOC_NEVER_FAIL);
    if (kind < 3) {
        (void)ept_model_unmap(m, gpa, size);
    } else if (kind < 8) {
        static const unsigned rights[] = {EPT_READ, EPT_READ | EPT_WRITE, EPT_READ | EPT_EXECUTE, 7, 15};
        (void)ept_model_map(m, gpa, hpa, size, rights[kind - 3]);
    } else if (kind < 11) {
        static const unsigned rights[] = {EPT_READ | EPT_TRACK, 7, 15};
        (void)ept_model_protect(m, gpa, size, rights[kind - 8]);
    } else if (kind < 12) {
        one_list(m, tape, gpa);
    } else if (kind < 14) {
        (void)ept_model_write(m, gpa + (size & 0x1fffff));
    } else if (size <= 1ull << 30) {
        (void)ept_model_query(m, gpa, size, ept_model_tracked(m, gpa, size) ? EPT_OK : EPT_NOT_MAPPED);
    }
    page_alloc_fail_after(PAGE_ALLOC_NEVER_FAIL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ept_model m;
    struct tape tape = {data, size};
    ept_model_heap_begin(HEAP);
    uint8_t config = tape_byte(&tape);
    ept_model_begin(&m, (config & 1) != 0, (config & 2) != 0);
    for (unsigned i = 0; i < CHANGES_MAX && tape.left > 0; i++) {
        one_change(&m, &tape);
        if ((config & 4) != 0) {
            ept_model_check(&m);
        }
    }
    ept_model_check(&m);
    ept_model_end(&m);
    ept_model_heap_end();
    return 0;
}
