/* SPDX-License-Identifier: MIT */
/* The emulator's way to guest memory: segment checks, translation by pages, the memory callback. */
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define TYPE_EXPAND_DOWN 4u
#define TYPE_WRITABLE_OR_READABLE 2u
#define TYPE_CODE 8u
#define OFFSET(address) ((address) & (EMULATOR_PAGE - 1))

/* SDM vol. 3A, 5.3: the last byte against the limit. In an expand-down segment the bytes above the limit are valid. */
static bool within_limit(const WHV_X64_SEGMENT_REGISTER *s, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;
    bool expand_down = s->NonSystemSegment && (s->SegmentType & (TYPE_CODE | TYPE_EXPAND_DOWN)) == TYPE_EXPAND_DOWN;
    if (expand_down) {
        return offset > s->Limit && last <= (s->Default ? 0xffffffffu : 0xffffu);
    }
    return last <= s->Limit;
}

/* In real and virtual-8086 mode the type does not matter. */
static bool type_allows(const struct emulation *e, const WHV_X64_SEGMENT_REGISTER *s, enum emulator_access access)
{
    const uint64_t rflags_vm = 1u << 17;
    bool code = (s->SegmentType & TYPE_CODE) != 0, right = (s->SegmentType & TYPE_WRITABLE_OR_READABLE) != 0;
    if (!e->vp->ExecutionState.Cr0Pe || (e->rflags & rflags_vm) != 0) {
        return true;
    }
    if (!s->Present) {
        return false;
    }
    if ((access & EMULATOR_WRITE) != 0 && (code || !right)) {
        return false;
    }
    return !code || right;
}

bool emulator_linear(struct emulation *e, enum emulator_segment segment, uint64_t offset, unsigned size,
                     enum emulator_access access, uint64_t *linear)
{
    const WHV_X64_SEGMENT_REGISTER *s = &e->segment[segment];
    enum emulator_vector vector = segment == EMULATOR_SS ? EXCEPTION_SS : EXCEPTION_GP;
    if (e->mode == EMULATOR_64_BIT) {
        *linear = offset + (segment >= EMULATOR_FS ? s->Base : 0);
        return (emulator_canonical(e, *linear) && emulator_canonical(e, *linear + size - 1)) ||
               emulator_fault(e, vector, 0, *linear);
    }
    *linear = (s->Base + offset) & 0xffffffffu;
    return (within_limit(s, offset, size) && type_allows(e, s, access)) || emulator_fault(e, vector, 0, *linear);
}

static WHV_TRANSLATE_GVA_FLAGS rights_of(enum emulator_access access)
{
    unsigned rights = (access & EMULATOR_READ) != 0 ? WHvTranslateGvaFlagValidateRead : 0u;
    rights |= (access & EMULATOR_WRITE) != 0 ? WHvTranslateGvaFlagValidateWrite : 0u;
    return (WHV_TRANSLATE_GVA_FLAGS)rights;
}

static void remember(struct emulation *e, uint64_t gva, uint64_t gpa, uint32_t rights)
{
    e->translation[e->translations++ % EMULATOR_TRANSLATIONS] = (struct emulator_translation){gva, gpa, rights};
}

void emulator_know_page(struct emulation *e, uint64_t gva, uint64_t gpa, enum emulator_access access)
{
    remember(e, gva - OFFSET(gva), gpa - OFFSET(gpa), (uint32_t)rights_of(access));
}

/*
 * The guest's tables allow the access, and its memory does not: a device, or ROM, which the memory callback knows. No
 * address with such a code means that one of the tables could not be reached.
 */
static bool is_for_callback(WHV_TRANSLATE_GVA_RESULT_CODE code, WHV_GUEST_PHYSICAL_ADDRESS gpa)
{
    return gpa != WHB_NO_GPA &&
           (code == WHvTranslateGvaResultGpaUnmapped || code == WHvTranslateGvaResultGpaNoReadAccess ||
            code == WHvTranslateGvaResultGpaNoWriteAccess);
}

/* The accessed and dirty bits of the guest's tables are set, as by the access itself. */
static bool ask(struct emulation *e, uint64_t gva, uint64_t page, uint32_t rights, uint64_t *gpa)
{
    WHV_TRANSLATE_GVA_FLAGS flags = (WHV_TRANSLATE_GVA_FLAGS)(rights | WHvTranslateGvaFlagSetPageTableBits);
    WHV_TRANSLATE_GVA_RESULT_CODE code = WHvTranslateGvaResultPageNotPresent;
    WHV_GUEST_PHYSICAL_ADDRESS found = WHB_NO_GPA;
    if (FAILED(e->emulator->callbacks.WHvEmulatorTranslateGvaPage(e->context, page, flags, &code, &found))) {
        e->status.TranslateGvaPageCallbackFailed = 1;
        return false;
    }
    if (code != WHvTranslateGvaResultSuccess && !is_for_callback(code, found)) {
        return emulator_translation_fault(e, gva, rights, code);
    }
    if (OFFSET(found) != 0) {
        e->status.TranslateGvaPageCallbackGpaIsNotAligned = 1;
        return false;
    }
    *gpa = found;
    return true;
}

/* The GPA of the byte at `gva`. */
static bool translate(struct emulation *e, uint64_t gva, uint32_t rights, uint64_t *gpa)
{
    uint64_t page = gva - OFFSET(gva), found = 0;
    for (unsigned i = 0; i < e->translations && i < EMULATOR_TRANSLATIONS; i++) {
        const struct emulator_translation *t = &e->translation[i];
        if (t->gva == page && (t->rights & rights) == rights) {
            *gpa = t->gpa + OFFSET(gva);
            return true;
        }
    }
    if (!ask(e, gva, page, rights, &found)) {
        return false;
    }
    remember(e, page, found, rights);
    *gpa = found + OFFSET(gva);
    return true;
}

/* Outside 64-bit mode linear addresses have 32 bits. */
static uint64_t wrap(const struct emulation *e, uint64_t linear)
{
    return e->mode == EMULATOR_64_BIT ? linear : linear & 0xffffffffu;
}

bool emulator_prepare(struct emulation *e, uint64_t linear, unsigned size, enum emulator_access access)
{
    uint32_t rights = (uint32_t)rights_of(access);
    uint64_t gpa;
    if (!translate(e, linear, rights, &gpa)) {
        return false;
    }
    uint64_t second = linear - OFFSET(linear) + EMULATOR_PAGE;
    return (OFFSET(linear) + size <= EMULATOR_PAGE || translate(e, wrap(e, second), rights, &gpa)) &&
           emulator_check_alignment(e, linear, size);
}

static unsigned piece_size(uint64_t linear, unsigned left)
{
    unsigned in_page = (unsigned)(EMULATOR_PAGE - OFFSET(linear)), piece = 8;
    while (piece > left || piece > in_page) {
        piece /= 2;
    }
    return piece;
}

static bool access_piece(struct emulation *e, uint64_t linear, uint32_t rights, uint8_t *data, unsigned size,
                         bool write)
{
    WHV_EMULATOR_MEMORY_ACCESS_INFO info = {0};
    if (!translate(e, linear, rights, &info.GpaAddress)) {
        return false;
    }
    info.Direction = write ? 1 : 0;
    info.AccessSize = (uint8_t)size;
    if (write) {
        memcpy(info.Data, data, size);
    }
    if (FAILED(e->emulator->callbacks.WHvEmulatorMemoryCallback(e->context, &info))) {
        e->status.MemoryCallbackFailed = 1;
        return false;
    }
    if (!write) {
        memcpy(data, info.Data, size);
    }
    return true;
}

bool emulator_read(struct emulation *e, uint64_t linear, void *data, unsigned size)
{
    uint8_t *bytes = data;
    if (!emulator_prepare(e, linear, size, EMULATOR_READ)) {
        return false;
    }
    emulator_watch(e, linear, size, false);
    while (size > 0) {
        unsigned piece = piece_size(linear, size);
        if (!access_piece(e, linear, WHvTranslateGvaFlagValidateRead, bytes, piece, false)) {
            return false;
        }
        bytes += piece;
        size -= piece;
        linear = wrap(e, linear + piece);
    }
    return true;
}

bool emulator_write(struct emulation *e, uint64_t linear, const void *data, unsigned size)
{
    uint8_t copy[16];
    const uint8_t *from = data;
    if (!emulator_prepare(e, linear, size, EMULATOR_WRITE)) {
        return false;
    }
    emulator_watch(e, linear, size, true);
    while (size > 0) {
        unsigned piece = piece_size(linear, size);
        memcpy(copy, from, piece);
        if (!access_piece(e, linear, WHvTranslateGvaFlagValidateWrite, copy, piece, true)) {
            return false;
        }
        from += piece;
        size -= piece;
        linear = wrap(e, linear + piece);
    }
    return true;
}

static bool access_system(struct emulation *e, uint64_t linear, uint32_t rights, uint8_t *bytes, unsigned size,
                          bool write)
{
    while (size > 0) {
        unsigned piece = piece_size(linear, size);
        if (!access_piece(e, linear, rights | WHvTranslateGvaFlagPrivilegeExempt, bytes, piece, write)) {
            return false;
        }
        bytes += piece;
        size -= piece;
        linear = wrap(e, linear + piece);
    }
    return true;
}

bool emulator_read_system(struct emulation *e, uint64_t linear, void *data, unsigned size)
{
    return access_system(e, wrap(e, linear), WHvTranslateGvaFlagValidateRead, data, size, false);
}

bool emulator_write_system(struct emulation *e, uint64_t linear, void *data, unsigned size)
{
    return access_system(e, wrap(e, linear), WHvTranslateGvaFlagValidateWrite, data, size, true);
}

unsigned emulator_fetch(struct emulation *e, unsigned skip, uint8_t *bytes, unsigned size)
{
    uint64_t linear = e->rip + skip + (e->mode == EMULATOR_64_BIT ? 0 : e->segment[EMULATOR_CS].Base);
    unsigned got = 0;
    while (got < size) {
        uint64_t at = wrap(e, linear + got);
        unsigned piece = piece_size(at, size - got);
        if (!access_piece(e, at, WHvTranslateGvaFlagValidateExecute, bytes + got, piece, false)) {
            break;
        }
        got += piece;
    }
    return got;
}
