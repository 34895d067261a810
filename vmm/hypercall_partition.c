/* SPDX-License-Identifier: MIT */
/* Hypercalls on partitions and their properties. */
#include "arch/direct_map.h"
#include "kernel/string.h"
#include "vmm/hypercall_call.h"
#include "vmm/partition_time.h"

enum whb_status call_get_capability(struct call *c)
{
    uint8_t value[64];
    uint64_t size;
    enum whb_status status = capability_get(c->arg[0], value, &size);
    return status != WHB_OK ? status : call_reply(c, c->arg[1], c->arg[2], value, size);
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
    uint8_t value[64];
    uint64_t size;
    enum whb_status status = property_get(p, c->arg[1], value, &size);
    return status != WHB_OK ? status : call_reply(c, c->arg[2], c->arg[3], value, size);
}

enum whb_status call_property_set(struct call *c, struct partition *p)
{
    uint8_t value[PROPERTY_VALUE_MAX];
    uint64_t size = c->arg[3];
    if (size > sizeof(value)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (size != 0) { /* an empty list needs no buffer */
        enum whb_status status = call_check_buffer(c->arg[2], size);
        if (status != WHB_OK) {
            return status;
        }
        memcpy(value, phys_to_virt(c->arg[2]), size);
    }
    return property_set(p, c->arg[1], value, size);
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
