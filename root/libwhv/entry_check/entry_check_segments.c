/* SPDX-License-Identifier: MIT */
/* Checks of VM entry on segment registers: SDM vol. 3C, 27.3.1.2, in its order. */
#include "root/libwhv/entry_check/entry_check.h"
#include "root/libwhv/entry_check/vmx_format.h"

#define TYPE_MASK 0xfu
#define TYPE_ACCESSED 1u
#define TYPE_READABLE 2u
#define TYPE_CODE 8u
#define TYPE_DATA_RW 3u
#define TYPE_LDT 2u
#define TYPE_TSS16_BUSY 3u
#define TYPE_TSS_BUSY 11u
#define ACCESS_S (1u << 4)
#define ACCESS_DPL_SHIFT 5u
#define ACCESS_P (1u << 7)
#define ACCESS_L (1u << 13)
#define ACCESS_DB (1u << 14)
#define ACCESS_G (1u << 15)
#define ACCESS_RESERVED 0xfffe0f00u
#define ACCESS_V86 0xf3u
#define SELECTOR_TI (1u << 2)

static struct entry_verdict wrong(enum whb_entry_check check, enum entry_segment_name segment)
{
    return entry_verdict(check, (WHV_REGISTER_NAME)((uint32_t)WHvX64RegisterEs + (uint32_t)segment));
}

static bool usable(const struct entry_state *s, enum entry_segment_name segment)
{
    return (s->segment[segment].access_rights & ACCESS_UNUSABLE) == 0;
}

static uint32_t type_of(const struct entry_segment *segment)
{
    return segment->access_rights & TYPE_MASK;
}

static uint32_t dpl_of(const struct entry_segment *segment)
{
    return segment->access_rights >> ACCESS_DPL_SHIFT & 3u;
}

static bool is_v86(const struct entry_state *s)
{
    return (s->rflags & RFLAGS_VM) != 0;
}

static struct entry_verdict check_selectors(const struct entry_state *s)
{
    if ((s->segment[ENTRY_SEGMENT_TR].selector & SELECTOR_TI) != 0) {
        return wrong(WHB_CHECK_TABLE_INDICATOR, ENTRY_SEGMENT_TR);
    }
    if (usable(s, ENTRY_SEGMENT_LDTR) && (s->segment[ENTRY_SEGMENT_LDTR].selector & SELECTOR_TI) != 0) {
        return wrong(WHB_CHECK_TABLE_INDICATOR, ENTRY_SEGMENT_LDTR);
    }
    return ENTRY_PASSES;
}

static bool base_must_be_canonical(const struct entry_state *s, enum entry_segment_name i)
{
    return i == ENTRY_SEGMENT_TR || i == ENTRY_SEGMENT_FS || i == ENTRY_SEGMENT_GS ||
           (i == ENTRY_SEGMENT_LDTR && usable(s, i));
}

static struct entry_verdict check_bases(const struct entry_state *s)
{
    for (enum entry_segment_name i = ENTRY_SEGMENT_ES; is_v86(s) && i <= ENTRY_SEGMENT_GS; i++) {
        if (s->segment[i].base != (uint64_t)s->segment[i].selector << 4) {
            return wrong(WHB_CHECK_V86_BASE, i);
        }
    }
    for (enum entry_segment_name i = ENTRY_SEGMENT_ES; i <= ENTRY_SEGMENT_TR; i++) {
        if (base_must_be_canonical(s, i) && !entry_is_canonical(s->segment[i].base, s->limits.linear_bits)) {
            return wrong(WHB_CHECK_BASE_CANONICAL, i);
        }
    }
    for (enum entry_segment_name i = ENTRY_SEGMENT_ES; i <= ENTRY_SEGMENT_DS; i++) {
        if ((i == ENTRY_SEGMENT_CS || usable(s, i)) && s->segment[i].base >> 32 != 0) {
            return wrong(WHB_CHECK_BASE_HIGH, i);
        }
    }
    return ENTRY_PASSES;
}

/* Virtual-8086 mode fixes limits and access rights, and nothing else is checked of them then. */
static struct entry_verdict check_v86(const struct entry_state *s)
{
    for (enum entry_segment_name i = ENTRY_SEGMENT_ES; i <= ENTRY_SEGMENT_GS; i++) {
        if (s->segment[i].limit != 0xffff) {
            return wrong(WHB_CHECK_V86_LIMIT, i);
        }
    }
    for (enum entry_segment_name i = ENTRY_SEGMENT_ES; i <= ENTRY_SEGMENT_GS; i++) {
        if (s->segment[i].access_rights != ACCESS_V86) {
            return wrong(WHB_CHECK_V86_ACCESS, i);
        }
    }
    return ENTRY_PASSES;
}

static struct entry_verdict check_type(const struct entry_state *s, enum entry_segment_name i)
{
    uint32_t type = type_of(&s->segment[i]);
    bool accessed_code = (type & (TYPE_CODE | TYPE_ACCESSED)) == (TYPE_CODE | TYPE_ACCESSED);
    switch (i) {
    case ENTRY_SEGMENT_CS: /* 3 by grace of unrestricted guest */
        return accessed_code || type == TYPE_DATA_RW ? ENTRY_PASSES : wrong(WHB_CHECK_CODE_TYPE, i);
    case ENTRY_SEGMENT_SS:
        return type == TYPE_DATA_RW || type == 7 ? ENTRY_PASSES : wrong(WHB_CHECK_STACK_TYPE, i);
    default:
        break;
    }
    bool good = (type & TYPE_ACCESSED) != 0 && ((type & TYPE_CODE) == 0 || (type & TYPE_READABLE) != 0);
    return good ? ENTRY_PASSES : wrong(WHB_CHECK_DATA_TYPE, i);
}

/* SS.DPL is the privilege level. Of the data segments unrestricted guest frees the DPL. */
static struct entry_verdict check_privilege(const struct entry_state *s)
{
    const struct entry_segment *cs = &s->segment[ENTRY_SEGMENT_CS], *ss = &s->segment[ENTRY_SEGMENT_SS];
    uint32_t type = type_of(cs), dpl = dpl_of(cs), cpl = dpl_of(ss);
    bool good = type == TYPE_DATA_RW ? dpl == 0 : type == 9 || type == 11 ? dpl == cpl : dpl <= cpl;
    if (!good) {
        return wrong(WHB_CHECK_CODE_DPL, ENTRY_SEGMENT_CS);
    }
    if ((type == TYPE_DATA_RW || (s->cr0 & CR0_PE) == 0) && cpl != 0) {
        return wrong(WHB_CHECK_STACK_DPL, ENTRY_SEGMENT_SS);
    }
    return ENTRY_PASSES;
}

/* A limit that ends inside a page needs byte granularity, one above 1 MiB page granularity. */
static bool granularity_fits(const struct entry_segment *segment)
{
    bool pages = (segment->access_rights & ACCESS_G) != 0;
    return pages ? (segment->limit & 0xfffu) == 0xfffu : segment->limit >> 20 == 0;
}

static struct entry_verdict check_rights(const struct entry_state *s, enum entry_segment_name i)
{
    const struct entry_segment *segment = &s->segment[i];
    if ((segment->access_rights & ACCESS_P) == 0) {
        return wrong(WHB_CHECK_PRESENT, i);
    }
    if ((segment->access_rights & ACCESS_RESERVED) != 0) {
        return wrong(WHB_CHECK_ACCESS_RESERVED, i);
    }
    bool both = (segment->access_rights & (ACCESS_L | ACCESS_DB)) == (ACCESS_L | ACCESS_DB);
    if (i == ENTRY_SEGMENT_CS && s->ia32e && both) {
        return wrong(WHB_CHECK_CODE_SIZE, i);
    }
    return granularity_fits(segment) ? ENTRY_PASSES : wrong(WHB_CHECK_GRANULARITY, i);
}

/* CS first: most that is wrong with the others follows from it. */
static struct entry_verdict check_code_and_data(const struct entry_state *s)
{
    static const uint8_t order[] = {ENTRY_SEGMENT_CS, ENTRY_SEGMENT_SS, ENTRY_SEGMENT_DS,
                                    ENTRY_SEGMENT_ES, ENTRY_SEGMENT_FS, ENTRY_SEGMENT_GS};
    struct entry_verdict v = ENTRY_PASSES;
    for (unsigned i = 0; i < sizeof(order) && v.check == WHB_CHECK_NONE; i++) {
        enum entry_segment_name segment = (enum entry_segment_name)order[i];
        if (segment != ENTRY_SEGMENT_CS && !usable(s, segment)) {
            continue;
        }
        v = check_type(s, segment);
        if (v.check == WHB_CHECK_NONE && (s->segment[segment].access_rights & ACCESS_S) == 0) {
            v = wrong(WHB_CHECK_NOT_SYSTEM, segment);
        }
    }
    v = v.check == WHB_CHECK_NONE ? check_privilege(s) : v;
    for (unsigned i = 0; i < sizeof(order) && v.check == WHB_CHECK_NONE; i++) {
        enum entry_segment_name segment = (enum entry_segment_name)order[i];
        if (segment == ENTRY_SEGMENT_CS || usable(s, segment)) {
            v = check_rights(s, segment);
        }
    }
    return v;
}

static struct entry_verdict check_system(const struct entry_state *s, enum entry_segment_name i)
{
    if ((s->segment[i].access_rights & ACCESS_S) != 0) {
        return wrong(WHB_CHECK_SYSTEM, i);
    }
    return check_rights(s, i);
}

static struct entry_verdict check_task_and_ldt(const struct entry_state *s)
{
    uint32_t type = type_of(&s->segment[ENTRY_SEGMENT_TR]);
    if (!usable(s, ENTRY_SEGMENT_TR)) {
        return wrong(WHB_CHECK_TASK_USABLE, ENTRY_SEGMENT_TR);
    }
    if (type != TYPE_TSS_BUSY && (s->ia32e || type != TYPE_TSS16_BUSY)) {
        return wrong(WHB_CHECK_TASK_TYPE, ENTRY_SEGMENT_TR);
    }
    struct entry_verdict v = check_system(s, ENTRY_SEGMENT_TR);
    if (v.check != WHB_CHECK_NONE || !usable(s, ENTRY_SEGMENT_LDTR)) {
        return v;
    }
    if (type_of(&s->segment[ENTRY_SEGMENT_LDTR]) != TYPE_LDT) {
        return wrong(WHB_CHECK_LDT_TYPE, ENTRY_SEGMENT_LDTR);
    }
    return check_system(s, ENTRY_SEGMENT_LDTR);
}

struct entry_verdict entry_check_segments(const struct entry_state *s)
{
    static struct entry_verdict (*const checks[])(const struct entry_state *) = {check_selectors, check_bases};
    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct entry_verdict v = checks[i](s);
        if (v.check != WHB_CHECK_NONE) {
            return v;
        }
    }
    struct entry_verdict v = is_v86(s) ? check_v86(s) : check_code_and_data(s);
    return v.check != WHB_CHECK_NONE ? v : check_task_and_ldt(s);
}
