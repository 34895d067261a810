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

/* The page begins with the registers in the order of their names. */
_Static_assert(offsetof(struct whb_run_page, gpr) == 0 &&
                   offsetof(struct whb_run_page, rip) == 8 * WHvX64RegisterRip &&
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
        bits |= 1u << ((uint32_t)names[i] & 31);
    }
    return any > 31 || count == 0 ? UINT32_MAX : bits;
}

/* The hypervisor's answer. BUSY, as it would be, while another CPU's call has the registers. */
static HRESULT ask(enum whb_call call, WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                   UINT32 count, const WHV_REGISTER_VALUE *values)
{
    return whb_hresult(
        whb_call(call, whb_handle(partition), index, (uintptr_t)names, (uintptr_t)values, count, NULL));
}

/* Of a VP whose page this call could not have, or that has none: it runs, or is not there. */
static HRESULT ask_anyway(enum whb_call call, WHV_PARTITION_HANDLE partition, UINT32 index,
                          const WHV_REGISTER_NAME *names, UINT32 count, const WHV_REGISTER_VALUE *values)
{
    const struct client_partition *client = client_of_vp(partition, index);
    if (client != NULL && __atomic_load_n(&client->uses[index], __ATOMIC_RELAXED) == CLIENT_CLAIMED) {
        return WHV_E_INVALID_VP_STATE;
    }
    return ask(call, partition, index, names, count, values);
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

HRESULT WHvGetVirtualProcessorRegisters(WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                                        UINT32 count, WHV_REGISTER_VALUE *values)
{
    struct client_partition *client = client_of_vp(partition, index);
    HRESULT hr = S_OK;
    if (names == NULL || values == NULL) {
        return E_POINTER;
    }
    if (client == NULL || !client_claim(client, index)) {
        return ask_anyway(WHB_CALL_VP_GET_REGISTERS, partition, index, names, count, values);
    }
    struct whb_run_page *page = client->pages[index];
    uint32_t bits = bits_of(names, count);
    if (page != NULL && (bits & ~(page->valid | page->dirty)) == 0) {
        read_page(page, names, count, values);
    } else {
        if (page != NULL && (bits & ~WHB_RUN_ALL) == 0) {
            page->wanted |= bits & WHB_RUN_RSP; /* such a client will ask again */
        }
        hr = ask(WHB_CALL_VP_GET_REGISTERS, partition, index, names, count, values);
    }
    client_release(client, index);
    return hr;
}

HRESULT WHvSetVirtualProcessorRegisters(WHV_PARTITION_HANDLE partition, UINT32 index, const WHV_REGISTER_NAME *names,
                                        UINT32 count, const WHV_REGISTER_VALUE *values)
{
    struct client_partition *client = client_of_vp(partition, index);
    HRESULT hr = S_OK;
    if (names == NULL || values == NULL) {
        return E_POINTER;
    }
    if (client == NULL || !client_claim(client, index)) {
        return ask_anyway(WHB_CALL_VP_SET_REGISTERS, partition, index, names, count, values);
    }
    struct whb_run_page *page = client->pages[index];
    uint32_t bits = bits_of(names, count);
    if (page != NULL && (bits & ~WHB_RUN_ALL) == 0) {
        write_page(page, names, count, values);
        if ((bits & COPIES) != 0) {
            __atomic_fetch_or(&page->dirty, bits & COPIES, __ATOMIC_RELEASE);
        }
    } else {
        hr = ask(WHB_CALL_VP_SET_REGISTERS, partition, index, names, count, values);
    }
    client_release(client, index);
    return hr;
}
