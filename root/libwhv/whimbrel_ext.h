/* SPDX-License-Identifier: MIT */
/* What libwhv offers beyond the Windows Hypervisor Platform. */
#pragma once

#include "abi/entry_check.h"
#include "abi/hypercall.h"
#include "abi/run_page.h"
#include "root/libwhv/WinHvPlatform.h"

/* HRESULT_FROM_WIN32(ERROR_RETRY): WHB_ERROR_INTERRUPTED. The VP did not exit; take the interrupt and run again. */
#define WHB_HR_INTERRUPTED ((HRESULT)0x800704d5)

/*
 * New rights for a range that is mapped, in one step: no VP sees part of it. `flags` as in WHvMapGpaRange.
 * WHV_E_GPA_RANGE_NOT_FOUND: part of the range is not mapped, nothing changed.
 */
HRESULT whb_protect_gpa_range(WHV_PARTITION_HANDLE partition, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size,
                              WHV_MAP_GPA_RANGE_FLAGS flags);

/* The VP's run page (abi/run_page.h); NULL if there is no such partition or VP. */
struct whb_run_page *whb_run_page(WHV_PARTITION_HANDLE partition, UINT32 vp_index);

/* The partition's handle in hypercalls. */
uint64_t whb_handle(WHV_PARTITION_HANDLE partition);

/* The HRESULT for a hypercall's status. */
HRESULT whb_hresult(enum whb_status status);

/*
 * Why the VP's last record was UnrecoverableException or InvalidVpRegisterValue; all zero if it was another one.
 * E_POINTER, and the errors of a handle or an index that names no VP.
 */
HRESULT whb_vp_diagnostics(WHV_PARTITION_HANDLE partition, UINT32 vp_index, struct whb_vp_diagnostics *diagnostics);

/* What `check` of struct whb_vp_diagnostics means, in English: "EFER.LMA without CR4.PAE". Never null. */
const char *whb_entry_check_text(uint32_t check);
