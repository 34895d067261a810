/* SPDX-License-Identifier: MIT */
/* A memory access that the WHv emulator finishes. */
#include "root/bench/guest.h"

BENCH_CODE(mmio);

static struct guest guest;
static WHV_EMULATOR_HANDLE emulator;
static WHV_EMULATOR_STATUS status;

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    (void)context;
    (void)info;
    return E_NOTIMPL;
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    (void)context;
    memset(info->Data, 0x5a, info->AccessSize);
    return S_OK;
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    (void)context;
    return WHvGetVirtualProcessorRegisters(guest.partition, 0, names, count, values);
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    (void)context;
    return WHvSetVirtualProcessorRegisters(guest.partition, 0, names, count, values);
}

static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *code, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    WHV_TRANSLATE_GVA_RESULT result;
    (void)context;
    HRESULT hr = WHvTranslateGva(guest.partition, 0, gva, flags, &result, gpa);
    *code = result.ResultCode;
    return hr;
}

static const WHV_EMULATOR_CALLBACKS callbacks = {
    sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
};

static void emulate_and_run(void *arg)
{
    (void)arg;
    if (WHvEmulatorTryMmioEmulation(emulator, NULL, &guest.record.VpContext, &guest.record.MemoryAccess, &status) ==
        S_OK) {
        guest_run(&guest);
    }
}

static enum bench_verdict judge(void *arg)
{
    (void)arg;
    if (!status.EmulationSuccessful) {
        return BENCH_FAILED;
    }
    return guest_judge(&guest, WHvRunVpExitReasonMemoryAccess);
}

static void measure(const char *name)
{
    const struct bench_work work = {NULL, emulate_and_run, judge, NULL};
    guest_run(&guest);
    if (guest_judge(&guest, WHvRunVpExitReasonMemoryAccess) == BENCH_GOOD) {
        bench_measure(name, &work);
    } else {
        bench_failed(name, "the first run", guest.hr);
    }
}

static void emulate(const char *name, bool apic)
{
    const struct guest_options options = {.apic = apic};
    if (!guest_wants(name, apic) || !guest_create(&guest, name, &options)) {
        return;
    }
    HRESULT hr = WHvEmulatorCreateEmulator(&callbacks, &emulator);
    if (FAILED(hr)) {
        bench_failed(name, "WHvEmulatorCreateEmulator", hr);
    } else {
        if (GUEST_LOAD(&guest, 0, mmio) && guest_set(&guest, 0, WHvX64RegisterRbx, GUEST_DEVICE)) {
            measure(name);
        }
        (void)WHvEmulatorDestroyEmulator(emulator);
    }
    guest_destroy(&guest);
}

void bench_emulator(void)
{
    emulate("run_vp_mmio_emulated", false);
    emulate("run_vp_mmio_emulated_apic", true);
}
