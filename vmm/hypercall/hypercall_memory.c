/* SPDX-License-Identifier: MIT */
/* Hypercalls on guest memory. */
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "vmm/hypercall/hypercall_call.h"
#include "vmm/io_event/doorbell.h"
#include "vmm/io_event/posted.h"

enum whb_status call_gpa_map(struct call *c, struct partition *p)
{
    struct whb_extent *extents = call_scratch(c)->extents;
    uint32_t count = c->arg[2] < WHB_MAP_EXTENTS ? (uint32_t)c->arg[2] : WHB_MAP_EXTENTS;
    if (count == 0 || c->arg[1] % sizeof(uint64_t) != 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = call_fetch(c->arg[1], extents, count * sizeof(*extents));
    return status != WHB_OK ? status : guest_memory_map(p, extents, count, &c->value);
}

enum whb_status call_gpa_unmap(struct call *c, struct partition *p)
{
    return guest_memory_unmap(p, c->arg[1], c->arg[2]);
}

enum whb_status call_gpa_protect(struct call *c, struct partition *p)
{
    return guest_memory_protect(p, c->arg[1], c->arg[2], c->arg[3]);
}

enum whb_status call_gpa_dirty(struct call *c, struct partition *p)
{
    uint64_t pages = c->arg[2] / 4096, bitmap = c->arg[3], room = c->arg[4];
    uint64_t size = pages / 64 * 8 + (pages % 64 != 0 ? 8 : 0);
    if (bitmap == 0) {
        return guest_memory_dirty(p, c->arg[1], c->arg[2], NULL);
    }
    if (bitmap % 8 != 0 || size == 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (room < size) {
        c->value = size;
        return WHB_ERROR_BUFFER_TOO_SMALL;
    }
    enum whb_status status = call_check_buffer(bitmap, size);
    return status != WHB_OK ? status : guest_memory_dirty(p, c->arg[1], c->arg[2], phys_to_virt(bitmap));
}

enum whb_status call_gpa_read(struct call *c, struct partition *p)
{
    uint8_t data[WHB_MAX_GPA_ACCESS];
    enum whb_status status = guest_memory_access(p, c->arg[1], data, c->arg[3], false);
    if (status == WHB_OK) {
        status = call_check_buffer(c->arg[2], c->arg[3]);
    }
    if (status == WHB_OK) {
        memcpy(phys_to_virt(c->arg[2]), data, c->arg[3]);
    }
    return status;
}

enum whb_status call_gpa_write(struct call *c, struct partition *p)
{
    uint8_t data[WHB_MAX_GPA_ACCESS];
    uint64_t size = c->arg[3];
    if (size == 0 || size > sizeof(data)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = call_fetch(c->arg[2], data, size);
    return status != WHB_OK ? status : guest_memory_access(p, c->arg[1], data, size, true);
}

enum whb_status call_doorbell_add(struct call *c, struct partition *p)
{
    WHV_DOORBELL_MATCH_DATA match;
    uint64_t event = c->arg[2];
    enum whb_status status = call_fetch(c->arg[1], &match, sizeof(match));
    if (status == WHB_OK && event % sizeof(struct whb_event) != 0) {
        status = WHB_ERROR_INVALID_ARGUMENT;
    }
    status = status == WHB_OK ? call_check_buffer(event, sizeof(struct whb_event)) : status;
    return status != WHB_OK ? status : doorbell_add(p, &match, event);
}

enum whb_status call_doorbell_remove(struct call *c, struct partition *p)
{
    WHV_DOORBELL_MATCH_DATA match;
    enum whb_status status = call_fetch(c->arg[1], &match, sizeof(match));
    return status != WHB_OK ? status : doorbell_remove(p, &match);
}

enum whb_status call_posted_add(struct call *c, struct partition *p)
{
    return posted_add(p, c->arg[1], c->arg[2]);
}

enum whb_status call_posted_remove(struct call *c, struct partition *p)
{
    return posted_remove(p, c->arg[1], c->arg[2]);
}
