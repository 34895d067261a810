/* SPDX-License-Identifier: MIT */
/*
 * Instructions at the page of a guest's local APIC that the hypervisor does not decode (docs/apic.md): emulated here,
 * inside a run. The VP's run page belongs to the run all the while, so its registers go by hypercall.
 */
#include "root/lib/hypercall.h"
#include "root/lib/smp.h"
#include "root/lib/string.h"
#include "root/libwhv/client.h"
#include "root/libwhv/emulator_state.h"

#define PAGE 4096u
#define REGISTER_SPACING 16u /* bytes from one register to the next, each of 4 bytes (SDM vol. 3A, 11.4.1) */
#define REGISTER_SIZE 4u

struct access {
    uint64_t handle;
    uint32_t index;
    bool recorded; /* a write made an exit record */
};

/* Bytes of any registers: each is read once, the gaps are 0. */
static enum whb_status read_registers(const struct access *a, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    uint32_t known = PAGE;
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t at = (offset + i) % PAGE, of = at - at % REGISTER_SPACING;
        if (of != known) {
            enum whb_status status = whb_call(WHB_CALL_APIC_ACCESS, a->handle, a->index, of, 0, 0, &value);
            if (status != WHB_OK) {
                return status;
            }
            known = of;
        }
        bytes[i] = at - of < REGISTER_SIZE ? (uint8_t)(value >> 8 * (at - of)) : 0;
    }
    return WHB_OK;
}

static enum whb_status write_register(struct access *a, uint32_t offset, const uint8_t *bytes, uint32_t size)
{
    uint32_t value;
    uint64_t answer = 0;
    if (size != REGISTER_SIZE || offset % REGISTER_SPACING != 0) {
        return WHB_OK;
    }
    memcpy(&value, bytes, sizeof(value));
    enum whb_status status = whb_call(WHB_CALL_APIC_ACCESS, a->handle, a->index, offset, 1, value, &answer);
    a->recorded |= answer == WHB_APIC_RECORD;
    return status;
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    struct access *a = context;
    uint32_t offset = info->GpaAddress % PAGE;
    bool write = info->Direction != 0;
    if (info->GpaAddress - offset == WHB_APIC_PAGE) {
        return whb_hresult(write ? write_register(a, offset, info->Data, info->AccessSize)
                                 : read_registers(a, offset, info->Data, info->AccessSize));
    }
    return whb_hresult(whb_call(write ? WHB_CALL_GPA_WRITE : WHB_CALL_GPA_READ, a->handle, info->GpaAddress,
                                (uintptr_t)info->Data, info->AccessSize, 0, NULL));
}

/* INS and OUTS exit as port accesses, before their memory is looked at. */
static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    (void)context;
    (void)info;
    return E_INVALIDARG;
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    const struct access *a = context;
    return whb_hresult(
        whb_call(WHB_CALL_VP_GET_REGISTERS, a->handle, a->index, (uintptr_t)names, (uintptr_t)values, count, NULL));
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    const struct access *a = context;
    return whb_hresult(
        whb_call(WHB_CALL_VP_SET_REGISTERS, a->handle, a->index, (uintptr_t)names, (uintptr_t)values, count, NULL));
}

static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *result, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    const struct access *a = context;
    struct whb_translation answer = {0};
    enum whb_status status =
        whb_call(WHB_CALL_TRANSLATE_GVA, a->handle, a->index, gva, (uint32_t)flags, (uintptr_t)&answer, NULL);
    *result = (WHV_TRANSLATE_GVA_RESULT_CODE)answer.code;
    *gpa = answer.gpa;
    return whb_hresult(status);
}

/* One a CPU, made when it is first needed, and kept: an attempt never waits for another CPU's. */
static WHV_EMULATOR_HANDLE emulator_of_cpu(void)
{
    static const WHV_EMULATOR_CALLBACKS callbacks = {
        sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
    };
    static WHV_EMULATOR_HANDLE emulators[ROOT_MAX_CPUS];
    WHV_EMULATOR_HANDLE *emulator = &emulators[root_cpu() % ROOT_MAX_CPUS];
    if (*emulator == NULL && WHvEmulatorCreateEmulator(&callbacks, emulator) == S_OK) {
        emulator_by_elements(*emulator);
    }
    return *emulator;
}

/* The record that a write made was of the moment of the write: the instruction is finished since. */
static const WHV_RUN_VP_EXIT_CONTEXT *finished(const struct access *a, const struct whb_run_page *page,
                                               WHV_RUN_VP_EXIT_CONTEXT *room)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRip, WHvX64RegisterRflags};
    WHV_REGISTER_VALUE values[2];
    memset(values, 0, sizeof(values));
    memcpy(room, page->record, sizeof(*room));
    if (FAILED(whb_hresult(
            whb_call(WHB_CALL_VP_GET_REGISTERS, a->handle, a->index, (uintptr_t)names, (uintptr_t)values, 2, NULL)))) {
        return room;
    }
    room->VpContext.Rip = values[0].Reg64;
    room->VpContext.Rflags = values[1].Reg64;
    return room;
}

const WHV_RUN_VP_EXIT_CONTEXT *client_answer_apic(uint64_t handle, uint32_t index, const struct whb_run_page *page,
                                                  WHV_RUN_VP_EXIT_CONTEXT *room)
{
    struct access a = {.handle = handle, .index = index};
    WHV_EMULATOR_HANDLE emulator = emulator_of_cpu();
    WHV_EMULATOR_STATUS status = {0};
    memcpy(room, page->record, sizeof(*room)); /* a write may make another */
    if (emulator != NULL) {
        (void)WHvEmulatorTryMmioEmulation(emulator, &a, &room->VpContext, &room->MemoryAccess, &status);
    }
    if (!status.EmulationSuccessful) {
        return client_unsupported_apic(page, room);
    }
    return a.recorded ? finished(&a, page, room) : NULL;
}
