/* SPDX-License-Identifier: MIT */
/* Hypercalls on partitions and their properties. */
#include "kernel/core/spinlock.h"
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/hypercall/partition_life.h"
#include "vmm/vp/vp_time.h"

enum whb_status call_get_capability(struct call *c)
{
    uint8_t answer[64];
    uint64_t size;
    enum whb_status status = capability_get(c->arg[0], answer, &size);
    return status != WHB_OK ? status : call_reply(c, c->arg[1], c->arg[2], answer, size);
}

enum whb_status call_partition_create(struct call *c)
{
    return partition_create(&c->value);
}

enum whb_status call_partition_setup(struct call *c)
{
    return partition_setup(c->arg[0]);
}

enum whb_status call_partition_delete(struct call *c)
{
    return partition_delete(c->arg[0]);
}

enum whb_status call_property_get(struct call *c, struct partition *p)
{
    uint8_t answer[64];
    uint64_t size;
    enum whb_status status = property_get(p, c->arg[1], answer, &size);
    return status != WHB_OK ? status : call_reply(c, c->arg[2], c->arg[3], answer, size);
}

enum whb_status call_property_set(struct call *c, struct partition *p)
{
    uint8_t *value = call_scratch(c)->property;
    uint64_t size = c->arg[3];
    if (size > PROPERTY_VALUE_MAX) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    /* An empty list needs no buffer. */
    enum whb_status status = size == 0 ? WHB_OK : call_fetch(c->arg[2], value, size);
    status = status == WHB_OK ? property_set(p, c->arg[1], value, size) : status;
    if (status == WHB_OK) {
        vp_pend_all(p, PENDING_POLICY); /* for those that run now; the call has not returned yet */
    }
    return status;
}

enum whb_status call_time_suspend(struct call *c, struct partition *p)
{
    (void)c;
    return partition_time_suspend(p);
}

enum whb_status call_time_resume(struct call *c, struct partition *p)
{
    (void)c;
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    partition_time_resume(p);
    return WHB_OK;
}

enum whb_status call_partition_reset(struct call *c, struct partition *p)
{
    (void)c;
    return partition_reset(p);
}
