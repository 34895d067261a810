/* SPDX-License-Identifier: MIT */
#include "root/libwhv/client.h"

#include "root/lib/memory.h"
#include "root/lib/string.h"
#include "root/libwhv/whimbrel_ext.h"

struct client_partition clients[WHB_MAX_PARTITIONS];

HRESULT client_check_vp(WHV_PARTITION_HANDLE partition, UINT32 index)
{
    if (!client_knows(whb_handle(partition))) {
        return E_HANDLE;
    }
    return whb_run_page(partition, index) == NULL ? WHV_E_VP_DOES_NOT_EXIST : S_OK;
}

bool client_enter_too(struct whb_run_page *page)
{
    uint32_t uses;
    do {
        uses = __atomic_load_n(&page->root_own, __ATOMIC_RELAXED);
        if (uses >= CLIENT_CLAIMED - 1) {
            return false;
        }
    } while (!client_change(page, uses, uses + 1));
    return true;
}

HRESULT client_sized(enum whb_status status, uint64_t size, UINT32 *written)
{
    if (written != NULL && (status == WHB_OK || status == WHB_ERROR_BUFFER_TOO_SMALL)) {
        *written = (UINT32)size;
    }
    return whb_hresult(status);
}

const WHV_RUN_VP_EXIT_CONTEXT *client_unsupported_apic(const struct whb_run_page *page, WHV_RUN_VP_EXIT_CONTEXT *room)
{
    const uint64_t apic_access = 44; /* the VMX exit reason (SDM vol. 3D, appendix C) */
    const WHV_RUN_VP_EXIT_CONTEXT *from = (const WHV_RUN_VP_EXIT_CONTEXT *)(const void *)page->record;
    WHV_VP_EXIT_CONTEXT vp = from->VpContext;
    memset(room, 0, sizeof(*room));
    room->ExitReason = WHvRunVpExitReasonUnsupportedFeature;
    room->VpContext = vp;
    room->UnsupportedFeature.FeatureCode = WHvUnsupportedFeatureIntercept;
    room->UnsupportedFeature.FeatureParameter = apic_access;
    return room;
}

void client_partition_created(uint64_t handle)
{
    clients[client_slot(handle)].handle = handle;
}

void client_partition_deleted(uint64_t handle)
{
    struct client_partition *partition = &clients[client_slot(handle)];
    partition->handle = 0;
    for (uint32_t i = 0; i < WHB_MAX_VPS; i++) {
        if (partition->pages[i] != NULL) {
            root_free_page(partition->pages[i]);
            partition->pages[i] = NULL;
        }
    }
}
