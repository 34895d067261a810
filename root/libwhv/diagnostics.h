/* SPDX-License-Identifier: MIT */
/* The parts of whb_vp_diagnostics. Inside libwhv only. */
#pragma once

#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

/* A VP that the caller has (client_enter, client_claim), and that does not run. */
struct vp_of_client {
    uint64_t handle;
    uint32_t index;
    struct whb_run_page *page;
};

static inline const WHV_RUN_VP_EXIT_CONTEXT *client_record(const struct whb_run_page *page)
{
    return (const WHV_RUN_VP_EXIT_CONTEXT *)(const void *)page->record;
}

/* What explains the record whose sequence it has. */
static inline struct whb_vp_diagnostics *client_diagnostics(struct whb_run_page *page)
{
    return (struct whb_vp_diagnostics *)(void *)page->root_room;
}
_Static_assert(sizeof(struct whb_vp_diagnostics) <= sizeof(((struct whb_run_page *)0)->root_room) &&
                   offsetof(struct whb_run_page, root_room) % _Alignof(struct whb_vp_diagnostics) == 0,
               "there is room");

/* Registers of the VP by hypercall. */
enum whb_status diagnostics_get(const struct vp_of_client *vp, const WHV_REGISTER_NAME *names, UINT32 count,
                                WHV_REGISTER_VALUE *values);
enum whb_status diagnostics_set(const struct vp_of_client *vp, const WHV_REGISTER_NAME *names, UINT32 count,
                                const WHV_REGISTER_VALUE *values);

struct entry_verdict;
/* What an entry would be refused for, as far as the VP's registers tell; what the next run does first is not done. */
enum whb_status entry_check_vp(const struct vp_of_client *vp, struct entry_verdict *verdict);

/*
 * A run ended with UnrecoverableException: finds what led to it. The answer's run is as if it had not been: its record
 * in the page is the client's if `*status` is WHB_OK, UnrecoverableException or, if the fault did not come again,
 * another; AGAIN: the VP is to be run again first.
 */
enum triple_fault {
    TRIPLE_FAULT_ENDED,
    TRIPLE_FAULT_AGAIN,
};
enum triple_fault triple_fault_replay(const struct vp_of_client *vp, enum whb_status *status);
