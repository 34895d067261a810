/* SPDX-License-Identifier: MIT */
/*
 * Registers of virtual processors. A call that names only what the run page holds costs no hypercall: after an exit the
 * page has the general registers, RIP and RFLAGS, and RSP once it was asked for; what is set there is taken at the next
 * run, or by a hypercall that looks at the VP before. A call with any other name goes to the hypervisor as a whole.
 */
#include <stdbool.h>

#include "root/lib/hypercall.h"
#include "root/libwhv/client.h"
#include "root/libwhv/whimbrel_ext.h"

#define COPIES (WHB_RUN_RSP | WHB_RUN_RIP | WHB_RUN_RFLAGS)
#define ASK_SET 1u
#define ASK_CLAIMED 2u

/* The page begins with the registers in the order of their names. */
_Static_assert(offsetof(struct whb_run_page, gpr) == 0 && offsetof(struct whb_run_page, rip) == 8 * WHvX64RegisterRip &&
                   offsetof(struct whb_run_page, rflags) == 8 * WHvX64RegisterRflags,
               "registers by name");
_Static_assert(WHvX64RegisterRax == 0 && WHB_RUN_ALL == (2u << WHvX64RegisterRflags) - 1, "registers by name");

static inline uint64_t *page_register(struct whb_run_page *page, WHV_REGISTER_NAME name)
{
    return (uint64_t *)page + name;
}

/* Bit n for name n. With a name above 31, or none at all, it is more than the page ever holds. */
static inline uint32_t bits_of(const WHV_REGISTER_NAME *names, UINT32 count)
{
    uint32_t bits = 0, any = 0;
    for (UINT32 i = 0; i < count; i++) {
        any |= (uint32_t)names[i];
        __asm__("btsl %1, %0" : "+r"(bits) : "r"(names[i]) : "cc"); /* of the name modulo 32 */
    }
    return any > 31 || count == 0 ? UINT32_MAX : bits;
}

/*
 * The hypervisor's answer, kept out of the short way's code. `claimed`: the caller has the run page, which is given
 * back here. If another call has it, the answer is what the hypervisor's would be while it has the VP.
 */
static __attribute__((noinline)) HRESULT ask(WHV_PARTITION_HANDLE partition, UINT32 index,
                                             const WHV_REGISTER_NAME *names, UINT32 count, uintptr_t values,
                                             uint32_t how)
{
    struct whb_run_page *page = client_page(partition, index);
    enum whb_call call = (how & ASK_SET) != 0 ? WHB_CALL_VP_SET_REGISTERS : WHB_CALL_VP_GET_REGISTERS;
    if (names == NULL || values == 0) {
        return E_POINTER;
    }
    if ((how & ASK_CLAIMED) == 0 && page != NULL &&
        __atomic_load_n(&page->root_own, __ATOMIC_RELAXED) == CLIENT_CLAIMED) {
        return WHV_E_INVALID_VP_STATE;
    }
    enum whb_status status = whb_call(call, whb_handle(partition), index, (uintptr_t)names, values, count, NULL);
    if ((how & ASK_CLAIMED) != 0) {
        client_release(page);
    }
    return whb_hresult(status);
}

/* Of the values only their bytes may be touched: a client's array may lack the type's alignment of 16. */
static inline void read_page(struct whb_run_page *page, const WHV_REGISTER_NAME *names, UINT32 count, void *values)
{
    for (UINT32 i = 0; i < count; i++) {
        uint64_t value[2] = {*page_register(page, names[i]), 0};
        __builtin_memcpy((uint8_t *)values + i * sizeof(value), value, sizeof(value));
    }
}

static inline void write_page(struct whb_run_page *page, const WHV_REGISTER_NAME *names, UINT32 count,
                              const void *values)
{
    for (UINT32 i = 0; i < count; i++) {
        const uint8_t *value = (const uint8_t *)values + i * sizeof(WHV_REGISTER_VALUE);
        __builtin_memcpy(page_register(page, names[i]), value, sizeof(uint64_t));
    }
}

static inline void make_dirty(struct whb_run_page *page, uint32_t bits)
{
    if ((bits & COPIES) != 0) {
        __atomic_fetch_or(&page->dirty, bits & COPIES, __ATOMIC_RELEASE);
    }
}

HRESULT WHvGetVirtualProcessorRegisters(WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                                        UINT32 count, WHV_REGISTER_VALUE *values)
{
    struct whb_run_page *page = client_page(partition, index);
    if (page == NULL || names == NULL || values == NULL || !client_claim(page)) {
        return ask(partition, index, names, count, (uintptr_t)values, 0);
    }
    uint32_t bits = bits_of(names, count);
    if ((bits & ~(page->valid | page->dirty)) != 0) {
        if ((bits & ~WHB_RUN_ALL) == 0) {
            page->wanted |= bits & WHB_RUN_RSP; /* such a client will ask again */
        }
        return ask(partition, index, names, count, (uintptr_t)values, ASK_CLAIMED);
    }
    read_page(page, names, count, values);
    client_release(page);
    return S_OK;
}

/* A client that waits for an interrupt window sets it before each run. What is no value, the hypervisor refuses. */
static inline bool is_notifications(const WHV_REGISTER_NAME *names, UINT32 count, const WHV_REGISTER_VALUE *values)
{
    const uint64_t all = 0x3f; /* WHV_DELIVERABILITY_NOTIFICATIONS_REGISTER */
    uint64_t value;
    if (count != 1 || *names != WHvRegisterDeliverabilityNotifications) {
        return false;
    }
    __builtin_memcpy(&value, values, sizeof(value));
    return (value & ~all) == 0;
}

static __attribute__((noinline)) HRESULT set_any(WHV_PARTITION_HANDLE partition, UINT32 index,
                                                 const WHV_REGISTER_NAME *names, UINT32 count,
                                                 const WHV_REGISTER_VALUE *values)
{
    struct whb_run_page *page = client_page(partition, index);
    if (page == NULL || names == NULL || values == NULL || !client_claim(page)) {
        return ask(partition, index, names, count, (uintptr_t)values, ASK_SET);
    }
    if (is_notifications(names, count, values)) {
        __builtin_memcpy(&page->notifications, values, sizeof(page->notifications));
        __atomic_fetch_or(&page->dirty, WHB_RUN_NOTIFICATIONS, __ATOMIC_RELEASE);
        client_release(page);
        return S_OK;
    }
    uint32_t bits = bits_of(names, count);
    if ((bits & ~WHB_RUN_ALL) != 0) {
        return ask(partition, index, names, count, (uintptr_t)values, ASK_SET | ASK_CLAIMED);
    }
    write_page(page, names, count, values);
    make_dirty(page, bits);
    client_release(page);
    return S_OK;
}

/* One register alone, as RIP after most exits, is worth a way of its own. */
HRESULT WHvSetVirtualProcessorRegisters(WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                                        UINT32 count, const WHV_REGISTER_VALUE *values)
{
    struct whb_run_page *page;
    if (count != 1 || (page = client_page(partition, index)) == NULL || names == NULL || values == NULL ||
        (uint32_t)*names > WHvX64RegisterRflags || !client_claim(page)) {
        return set_any(partition, index, names, count, values);
    }
    write_page(page, names, 1, values);
    make_dirty(page, 1u << *names);
    client_release(page);
    return S_OK;
}
