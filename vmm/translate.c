/* SPDX-License-Identifier: MIT */
#include "vmm/translate.h"

#include "abi/whv.h"
#include "arch/cpu.h"
#include "arch/vmcs.h"
#include "vmm/partition.h"
#include "vmm/vmm_state.h"

#define ACCESSES                                                                                                       \
    (WHvTranslateGvaFlagValidateRead | WHvTranslateGvaFlagValidateWrite | WHvTranslateGvaFlagValidateExecute)
#define KNOWN                                                                                                          \
    (ACCESSES | WHvTranslateGvaFlagPrivilegeExempt | WHvTranslateGvaFlagSetPageTableBits |                             \
     WHvTranslateGvaFlagEnforceSmap | WHvTranslateGvaFlagOverrideSmap)

static bool read_guest_word(void *context, uint64_t gpa, uint64_t *value)
{
    return guest_memory_read(context, gpa, value, sizeof(*value)) == sizeof(*value);
}

static bool set_guest_bits(void *context, uint64_t gpa, uint32_t bits)
{
    return guest_memory_set_bits(context, gpa, bits);
}

void translate_state(const struct vp *vp, struct gva_walk_state *w)
{
    *w = (struct gva_walk_state){
        .cr0 = vmcs_readnw(VMCS_GUEST_CR0),
        .cr3 = vmcs_readnw(VMCS_GUEST_CR3),
        .cr4 = vmcs_readnw(VMCS_GUEST_CR4),
        .efer = vmcs_read64(VMCS_GUEST_EFER),
        .pdpte = {vmcs_read64(VMCS_GUEST_PDPTE0), vmcs_read64(VMCS_GUEST_PDPTE1), vmcs_read64(VMCS_GUEST_PDPTE2),
                  vmcs_read64(VMCS_GUEST_PDPTE3)},
        .user = ((vmcs_read32(VMCS_GUEST_SS_ACCESS) >> 5) & 3u) == 3u,
        .read = read_guest_word,
        .ctx = vp->partition,
        .max_physical_bits = vmm.physical_bits,
    };
}

static uint32_t code_of(enum gva_result result)
{
    switch (result) {
    case GVA_OK:
        return WHvTranslateGvaResultSuccess;
    case GVA_PROTECTION:
        return WHvTranslateGvaResultPrivilegeViolation;
    case GVA_RESERVED_BIT:
        return WHvTranslateGvaResultInvalidPageTableFlags;
    case GVA_TABLE_UNMAPPED:
        return WHvTranslateGvaResultGpaUnmapped;
    case GVA_TABLE_READ_ONLY:
        return WHvTranslateGvaResultGpaNoWriteAccess;
    default:
        return WHvTranslateGvaResultPageNotPresent;
    }
}

/* First without touching the tables, so that no bit is set for an access that a later check forbids. */
static enum gva_result walk_accesses(struct gva_walk_state *w, uint64_t gva, uint64_t flags, uint64_t *gpa)
{
    const struct {
        uint64_t flag;
        enum gva_access access;
    } rows[] = {
        {WHvTranslateGvaFlagValidateRead, GVA_READ},
        {WHvTranslateGvaFlagValidateExecute, GVA_EXECUTE},
        {WHvTranslateGvaFlagValidateWrite, GVA_WRITE},
    };
    enum gva_result result = GVA_OK;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]) && result == GVA_OK; i++) {
        if ((flags & rows[i].flag) != 0) {
            result = gva_walk(w, gva, rows[i].access, gpa);
        }
    }
    if ((flags & ACCESSES) == 0) {
        w->exempt = true;
        result = gva_walk(w, gva, GVA_READ, gpa);
    }
    if (result == GVA_OK && (flags & WHvTranslateGvaFlagSetPageTableBits) != 0) {
        w->set_bits = set_guest_bits;
        result = gva_walk(w, gva, (flags & WHvTranslateGvaFlagValidateWrite) != 0 ? GVA_WRITE : GVA_READ, gpa);
    }
    return result;
}

enum whb_status translate_gva(const struct vp *vp, uint64_t gva, uint64_t flags, struct whb_translation *out)
{
    if ((flags & ~(uint64_t)KNOWN) != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    struct gva_walk_state w;
    translate_state(vp, &w);
    w.ac = (vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_AC) != 0;
    w.ac = (w.ac || (flags & WHvTranslateGvaFlagOverrideSmap) != 0) && (flags & WHvTranslateGvaFlagEnforceSmap) == 0;
    w.exempt = (flags & WHvTranslateGvaFlagPrivilegeExempt) != 0;
    uint64_t gpa = 0;
    guest_memory_pin(vp->partition);
    *out = (struct whb_translation){.code = code_of(walk_accesses(&w, gva, flags, &gpa))};
    guest_memory_unpin();
    out->gpa = out->code == WHvTranslateGvaResultSuccess ? gpa : 0;
    return WHB_OK;
}
