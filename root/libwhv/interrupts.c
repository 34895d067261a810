/* SPDX-License-Identifier: MIT */
/* Interrupts through the emulated local APICs, doorbells. */
#include "root/lib/hypercall.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

HRESULT WHvRequestInterrupt(WHV_PARTITION_HANDLE partition, const WHV_INTERRUPT_CONTROL *interrupt, UINT32 size)
{
    uint64_t words[2];
    if (interrupt == NULL) {
        return E_POINTER;
    }
    if (size != sizeof(words)) {
        return E_INVALIDARG;
    }
    memcpy(words, interrupt, sizeof(words));
    return whb_hresult(whb_call(WHB_CALL_INTERRUPT, whb_handle(partition), words[0], words[1], 0, 0, NULL));
}

HRESULT WHvRegisterPartitionDoorbellEvent(WHV_PARTITION_HANDLE partition, const WHV_DOORBELL_MATCH_DATA *match,
                                          HANDLE event)
{
    if (match == NULL || event == NULL) {
        return E_POINTER;
    }
    return whb_hresult(
        whb_call(WHB_CALL_DOORBELL_ADD, whb_handle(partition), (uintptr_t)match, (uintptr_t)event, 0, 0, NULL));
}

HRESULT WHvUnregisterPartitionDoorbellEvent(WHV_PARTITION_HANDLE partition, const WHV_DOORBELL_MATCH_DATA *match)
{
    if (match == NULL) {
        return E_POINTER;
    }
    return whb_hresult(whb_call(WHB_CALL_DOORBELL_REMOVE, whb_handle(partition), (uintptr_t)match, 0, 0, 0, NULL));
}
