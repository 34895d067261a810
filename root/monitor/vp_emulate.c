/* SPDX-License-Identifier: MIT */
/* Memory and string port accesses, by the instruction emulator. */
#include "root/lib/format.h"
#include "root/lib/string.h"
#include "root/monitor/crash.h"
#include "root/monitor/vp_exits.h"

#define WHY 200u

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *io)
{
    struct machine_vp *vp = context;
    machine_lock(vp->machine);
    if (io->Direction != 0) {
        bus_write(&vp->machine->ports, io->Port, io->AccessSize, io->Data);
    } else {
        io->Data = (UINT32)bus_read(&vp->machine->ports, io->Port, io->AccessSize);
    }
    machine_unlock(vp->machine);
    return S_OK;
}

/* An access of a size that is no power of two, or one that crosses a page of devices, goes byte by byte. */
static void device_access(struct bus *bus, WHV_EMULATOR_MEMORY_ACCESS_INFO *access)
{
    uint32_t size = access->AccessSize, step = size == 2 || size == 4 || size == 8 ? size : 1;
    for (uint32_t i = 0; i < size; i += step) {
        uint64_t value = 0;
        if (access->Direction != 0) {
            memcpy(&value, access->Data + i, step);
            bus_write(bus, access->GpaAddress + i, step, value);
        } else {
            value = bus_read(bus, access->GpaAddress + i, step);
            memcpy(access->Data + i, &value, step);
        }
    }
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *access)
{
    struct machine_vp *vp = context;
    struct machine *m = vp->machine;
    uint8_t *ram = guest_memory_at(&m->memory, access->GpaAddress, access->AccessSize);
    const uint8_t *rom = machine_rom_at(m, access->GpaAddress, access->AccessSize);
    if (ram != NULL) {
        memcpy(access->Direction != 0 ? ram : access->Data, access->Direction != 0 ? access->Data : ram,
               access->AccessSize);
    } else if (rom != NULL) {
        if (access->Direction == 0) {
            memcpy(access->Data, rom, access->AccessSize);
        }
    } else {
        machine_lock(m);
        device_access(&m->mmio, access);
        machine_unlock(m);
    }
    return S_OK;
}

static HRESULT get_registers(void *context, const WHV_REGISTER_NAME *names, UINT32 count, WHV_REGISTER_VALUE *values)
{
    const struct machine_vp *vp = context;
    return WHvGetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, count, values);
}

static HRESULT set_registers(void *context, const WHV_REGISTER_NAME *names, UINT32 count,
                             const WHV_REGISTER_VALUE *values)
{
    const struct machine_vp *vp = context;
    return WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, count, values);
}

static HRESULT translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                         WHV_TRANSLATE_GVA_RESULT_CODE *code, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    const struct machine_vp *vp = context;
    WHV_TRANSLATE_GVA_RESULT result;
    HRESULT hr = WHvTranslateGva(vp->machine->partition, vp->index, gva, flags, &result, gpa);
    *code = result.ResultCode;
    return hr;
}

bool vp_create_emulator(struct machine_vp *vp)
{
    WHV_EMULATOR_CALLBACKS callbacks;
    memset(&callbacks, 0, sizeof(callbacks));
    callbacks.Size = sizeof(callbacks);
    callbacks.WHvEmulatorIoPortCallback = on_port;
    callbacks.WHvEmulatorMemoryCallback = on_memory;
    callbacks.WHvEmulatorGetVirtualProcessorRegisters = get_registers;
    callbacks.WHvEmulatorSetVirtualProcessorRegisters = set_registers;
    callbacks.WHvEmulatorTranslateGvaPage = translate;
    return WHvEmulatorCreateEmulator(&callbacks, &vp->emulator) == S_OK;
}

static void check_done(struct machine_vp *vp, WHV_EMULATOR_STATUS status, uint64_t address)
{
    struct whb_emulator_report report;
    char why[WHY];
    if (status.EmulationSuccessful) {
        return;
    }
    (void)whb_emulator_report(vp->emulator, &report);
    (void)snprintf(why, sizeof(why), "an access to %llxh cannot be finished (emulator status %xh, instruction: %s)",
                   (unsigned long long)address, status.AsUINT32,
                   report.instruction[0] != 0 ? report.instruction : "not known");
    crash_report(vp, why);
}

void vp_emulate_memory(struct machine_vp *vp)
{
    WHV_EMULATOR_STATUS status;
    const WHV_MEMORY_ACCESS_CONTEXT *access = &vp->record.MemoryAccess;
    if (access->AccessInfo.AccessType == WHvMemoryAccessExecute) {
        crash_report(vp, "it executes where there is no memory");
        return;
    }
    if (vp_rom_write(vp)) {
        return;
    }
    (void)WHvEmulatorTryMmioEmulation(vp->emulator, vp, &vp->record.VpContext, access, &status);
    check_done(vp, status, access->Gpa);
}

void vp_emulate_port(struct machine_vp *vp)
{
    WHV_EMULATOR_STATUS status;
    const WHV_X64_IO_PORT_ACCESS_CONTEXT *io = &vp->record.IoPortAccess;
    (void)WHvEmulatorTryIoEmulation(vp->emulator, vp, &vp->record.VpContext, io, &status);
    check_done(vp, status, io->PortNumber);
}
