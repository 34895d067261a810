/* SPDX-License-Identifier: MIT */
#include "vmm/vp/translate.h"

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"

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

bool translate_new_pdptes(const struct vp *vp, uint64_t cr3, uint64_t pdpte[4])
{
    const uint64_t size = 4 * sizeof(pdpte[0]);
    return guest_memory_read(vp->partition, cr3 & 0xffffffe0u, pdpte, size) == size;
}

static bool uses_pdptes(const struct gva_walk_state *w)
{
    return (w->cr0 & CR0_PG) != 0 && (w->cr4 & CR4_PAE) != 0 && (w->efer & EFER_LMA) == 0;
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

/* The guest's tables allow the access; what its memory allows at the address they give is another question. */
static uint32_t code_of_page(const struct partition *p, uint64_t gpa, uint64_t flags)
{
    struct ept_leaf leaf;
    if (!ept_lookup(&p->ept, gpa, &leaf)) {
        return WHvTranslateGvaResultGpaUnmapped;
    }
    bool no_read = (flags & WHvTranslateGvaFlagValidateRead) != 0 && (leaf.rights & EPT_READ) == 0;
    bool no_execute = (flags & WHvTranslateGvaFlagValidateExecute) != 0 && (leaf.rights & EPT_EXECUTE) == 0;
    if (no_read || no_execute) {
        return WHvTranslateGvaResultGpaNoReadAccess;
    }
    bool no_write = (flags & WHvTranslateGvaFlagValidateWrite) != 0 && (leaf.rights & EPT_WRITE) == 0;
    return no_write ? WHvTranslateGvaResultGpaNoWriteAccess : WHvTranslateGvaResultSuccess;
}

static uint64_t gpa_of(enum gva_result result, uint64_t gpa)
{
    if (result == GVA_TABLE_UNMAPPED || result == GVA_TABLE_READ_ONLY) {
        return WHB_NO_GPA;
    }
    return result == GVA_OK ? gpa : 0;
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
    bool lost = vp_pending(vp, PENDING_PDPTES) != 0 && !translate_new_pdptes(vp, w.cr3, w.pdpte) && uses_pdptes(&w);
    w.ac = (vmcs_readnw(VMCS_GUEST_RFLAGS) & RFLAGS_AC) != 0;
    w.ac = (w.ac || (flags & WHvTranslateGvaFlagOverrideSmap) != 0) && (flags & WHvTranslateGvaFlagEnforceSmap) == 0;
    w.exempt = (flags & WHvTranslateGvaFlagPrivilegeExempt) != 0;
    uint64_t gpa = 0;
    guest_memory_pin(vp->partition);
    enum gva_result walked = lost ? GVA_TABLE_UNMAPPED : walk_accesses(&w, gva, flags, &gpa);
    *out = (struct whb_translation){
        .code = walked == GVA_OK ? code_of_page(vp->partition, gpa, flags) : code_of(walked),
        .gpa = gpa_of(walked, gpa),
    };
    guest_memory_unpin();
    return WHB_OK;
}
