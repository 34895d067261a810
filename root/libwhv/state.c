/* SPDX-License-Identifier: MIT */
/* State of a VP that is no register, and what it shows: local APIC, XSAVE area, CPUID. */
#include "root/lib/cpu.h"
#include "root/lib/hypercall.h"
#include "root/lib/memory.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"
#include "root/libwhv/xsave_form.h"

#define LEAF_XSAVE 0xdu
#define COMPONENTS 63u

/* The root's CPUID names the components that the hypervisor carries, and nothing if the processor has no XSAVE. */
static void learn_form(struct xsave_form *form)
{
    const struct cpu_cpuid leaf = cpu_cpuid(LEAF_XSAVE, 0);
    memset(form, 0, sizeof(*form));
    form->components = leaf.eax | (uint64_t)leaf.edx << 32;
    for (uint32_t i = 2; i < COMPONENTS; i++) {
        if ((form->components >> i & 1u) != 0) {
            const struct cpu_cpuid r = cpu_cpuid(LEAF_XSAVE, i);
            form->component[i] = xsave_form_component(r.eax, r.ebx, r.ecx);
        }
    }
}

static enum whb_status get_xsave(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *buffer, UINT32 size,
                                 uint8_t *standard, uint64_t *needed)
{
    struct xsave_form form;
    uint64_t length = 0;
    enum whb_status status =
        whb_call(WHB_CALL_VP_STATE_GET, whb_handle(partition), index, WHvVirtualProcessorStateTypeXsaveState,
                 (uintptr_t)standard, XSAVE_STANDARD_MAX, &length);
    if (status != WHB_OK) {
        return status;
    }
    memset(standard + length, 0, XSAVE_STANDARD_MAX - length);
    learn_form(&form);
    *needed = xsave_compacted_size(&form);
    if (size < *needed) {
        return WHB_ERROR_BUFFER_TOO_SMALL;
    }
    xsave_compact(&form, standard, buffer);
    return WHB_OK;
}

static HRESULT get_xsave_state(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *buffer, UINT32 size, UINT32 *written)
{
    uint64_t needed = 0;
    uint8_t *standard = root_alloc_pages(1, ROOT_PAGE);
    if (standard == NULL) {
        return E_OUTOFMEMORY;
    }
    enum whb_status status = get_xsave(partition, index, buffer, size, standard, &needed);
    root_free_page(standard);
    return client_sized(status, needed, written);
}

HRESULT WHvGetVirtualProcessorState(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_VIRTUAL_PROCESSOR_STATE_TYPE type,
                                    VOID *buffer, UINT32 size, UINT32 *written)
{
    uint64_t value = 0;
    if (buffer == NULL && size != 0) {
        return E_POINTER;
    }
    if (type == WHvVirtualProcessorStateTypeXsaveState) {
        return get_xsave_state(partition, index, buffer, size, written);
    }
    /* Clients ask for the size with a null buffer of size 0; an address that the root owns does no harm then. */
    void *room = buffer != NULL ? buffer : (void *)&value;
    enum whb_status status =
        whb_call(WHB_CALL_VP_STATE_GET, whb_handle(partition), index, (uint32_t)type, (uintptr_t)room, size, &value);
    return client_sized(status, value, written);
}

HRESULT WHvSetVirtualProcessorState(WHV_PARTITION_HANDLE partition, UINT32 index, WHV_VIRTUAL_PROCESSOR_STATE_TYPE type,
                                    const VOID *buffer, UINT32 size)
{
    if (buffer == NULL) {
        return E_POINTER;
    }
    if (type == WHvVirtualProcessorStateTypeXsaveState && size > XSAVE_STANDARD_MAX) {
        size = XSAVE_STANDARD_MAX; /* no component lies beyond; the image's form is the hypervisor's to read */
    }
    return whb_hresult(
        whb_call(WHB_CALL_VP_STATE_SET, whb_handle(partition), index, (uint32_t)type, (uintptr_t)buffer, size, NULL));
}

HRESULT WHvGetVirtualProcessorInterruptControllerState(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *state,
                                                       UINT32 size, UINT32 *written)
{
    return WHvGetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size, written);
}

HRESULT WHvSetVirtualProcessorInterruptControllerState(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *state,
                                                       UINT32 size)
{
    return WHvSetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size);
}

HRESULT WHvGetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *state,
                                                        UINT32 size, UINT32 *written)
{
    return WHvGetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size, written);
}

HRESULT WHvSetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *state,
                                                        UINT32 size)
{
    return WHvSetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeInterruptControllerState2, state,
                                       size);
}

HRESULT WHvGetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE partition, UINT32 index, VOID *buffer, UINT32 size,
                                         UINT32 *written)
{
    return WHvGetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeXsaveState, buffer, size, written);
}

HRESULT WHvSetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE partition, UINT32 index, const VOID *buffer, UINT32 size)
{
    return WHvSetVirtualProcessorState(partition, index, WHvVirtualProcessorStateTypeXsaveState, buffer, size);
}

HRESULT WHvGetVirtualProcessorCpuidOutput(WHV_PARTITION_HANDLE partition, UINT32 index, UINT32 eax, UINT32 ecx,
                                          WHV_CPUID_OUTPUT *output)
{
    if (output == NULL) {
        return E_POINTER;
    }
    return whb_hresult(whb_call(WHB_CALL_CPUID_OUTPUT, whb_handle(partition), index, eax | (uint64_t)ecx << 32,
                                (uintptr_t)output, 0, NULL));
}
