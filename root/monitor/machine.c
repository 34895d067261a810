/* SPDX-License-Identifier: MIT */
#include "root/monitor/machine.h"

#include "root/devices/scale.h"
#include "root/lib/format.h"
#include "root/lib/string.h"
#include "root/monitor/host.h"
#include "root/monitor/machine_devices.h"
#include "root/monitor/vp_exits.h"

#define VECTOR_MF 16u
#define NS_PER_MS 1000000ull
#define GUEST_RIGHTS (WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute)
#define LEAF_KVM 0x40000000u
#define LEAF_KVM_FEATURES 0x40000001u
#define KVM_FEATURE_NOP_IO_DELAY 2u /* no port 80H write after each port access is needed */
#define LEAF_TSC 0x15u
#define LEAF_FREQUENCY 0x16u

void machine_lock(struct machine *m)
{
    while (__atomic_exchange_n(&m->lock, 1, __ATOMIC_ACQUIRE) != 0) {
        host_pause();
    }
}

void machine_unlock(struct machine *m)
{
    __atomic_store_n(&m->lock, 0, __ATOMIC_RELEASE);
}

uint64_t machine_now(void *machine)
{
    const struct machine *m = machine;
    return scale(host_tsc() - m->tsc_begin, NS_PER_MS, host_tsc_khz());
}

uint64_t machine_tsc_at(const struct machine *m, uint64_t ns)
{
    return m->tsc_begin + scale_up(ns, host_tsc_khz(), NS_PER_MS);
}

const uint8_t *machine_rom_at(const struct machine *m, uint64_t gpa, uint64_t size)
{
    uint64_t begin = m->firmware.base;
    if (m->rom == NULL || gpa < begin || gpa - begin >= m->firmware.size || size > m->firmware.size - (gpa - begin)) {
        return NULL;
    }
    return m->rom + (gpa - begin);
}

enum machine_end machine_state(const struct machine *m)
{
    return (enum machine_end)__atomic_load_n(&m->end, __ATOMIC_ACQUIRE);
}

void machine_end(struct machine *m, enum machine_end how)
{
    uint32_t expected = MACHINE_RUNS;
    if (!__atomic_compare_exchange_n(&m->end, &expected, (uint32_t)how, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        return;
    }
    for (uint32_t i = 0; i < m->config->cpus; i++) {
        (void)WHvCancelRunVirtualProcessor(m->partition, i, 0);
    }
}

void machine_send_nmi(struct machine *m)
{
    WHV_INTERRUPT_CONTROL control;
    memset(&control, 0, sizeof(control));
    control.Type = WHvX64InterruptTypeNmi;
    (void)WHvRequestInterrupt(m->partition, &control, sizeof(control));
}

static void say(struct machine *m, bool debug, const char *format, va_list args)
{
    char text[256];
    int used = snprintf(text, sizeof(text), "[%s] ", m->config->name);
    (void)vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
    host_log(debug, text);
}

void machine_say(struct machine *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(m, false, format, args);
    va_end(args);
}

void machine_debug(struct machine *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(m, true, format, args);
    va_end(args);
}

static bool set_property(struct machine *m, WHV_PARTITION_PROPERTY_CODE code, const void *value, uint32_t size)
{
    return SUCCEEDED(WHvSetPartitionProperty(m->partition, code, value, size));
}

static void put_signature(WHV_X64_CPUID_RESULT *r, const char name[12])
{
    memcpy(&r->Ebx, name, 4);
    memcpy(&r->Ecx, name + 4, 4);
    memcpy(&r->Edx, name + 8, 4);
}

/*
 * KVM's signature, with one of its features, unless the guest's description says otherwise: Linux uses x2APIC mode
 * without interrupt remapping only under hypervisors it knows, and SeaBIOS looks for fw_cfg only there. Leaf 15H says
 * that the TSC's and the APIC timer's clock is one (vmm/apic/model/apic_timer.c), so no guest needs to measure either.
 */
static bool set_cpuid(struct machine *m)
{
    WHV_X64_CPUID_RESULT list[4];
    uint32_t count = 2, khz = host_tsc_khz();
    memset(list, 0, sizeof(list));
    list[0].Function = LEAF_TSC;
    list[0].Eax = 1;
    list[0].Ebx = 1;
    list[0].Ecx = khz <= UINT32_MAX / 1000 ? khz * 1000 : 0;
    list[1].Function = LEAF_FREQUENCY;
    list[1].Eax = khz / 1000;
    list[1].Ebx = khz / 1000;
    if (m->config->kvm_signature) {
        list[2].Function = LEAF_KVM;
        list[2].Eax = LEAF_KVM_FEATURES;
        put_signature(&list[2], "KVMKVMKVM\0\0\0");
        list[3].Function = LEAF_KVM_FEATURES;
        list[3].Eax = KVM_FEATURE_NOP_IO_DELAY;
        count = 4;
    }
    return set_property(m, WHvPartitionPropertyCodeCpuidResultList, list, count * (uint32_t)sizeof(list[0]));
}

/*
 * No XSAVEC: that of Bochs 2.7 writes another layout than XRSTOR reads, so that Linux lost registers of its processes.
 * XSAVEOPT does the same for a guest.
 */
static bool hide_xsavec(struct machine *m)
{
    WHV_CAPABILITY capability;
    if (FAILED(WHvGetCapability(WHvCapabilityCodeProcessorXsaveFeatures, &capability, sizeof(capability), NULL))) {
        return false;
    }
    WHV_PROCESSOR_XSAVE_FEATURES features = capability.ProcessorXsaveFeatures;
    features.XsaveCompSupport = 0;
    return set_property(m, WHvPartitionPropertyCodeProcessorXsaveFeatures, &features, sizeof(features));
}

static bool set_properties(struct machine *m)
{
    uint32_t count = m->config->cpus;
    WHV_X64_LOCAL_APIC_EMULATION_MODE apic =
        m->config->x2apic ? WHvX64LocalApicEmulationModeX2Apic : WHvX64LocalApicEmulationModeXApic;
    WHV_EXTENDED_VM_EXITS exits;
    memset(&exits, 0, sizeof(exits));
    exits.X64MsrExit = 1;
    exits.X64ApicWriteLint0ExitTrap = 1; /* the 8259 pair's interrupt may get through now: root/monitor/lint0.h */
    exits.X64ApicWriteSvrExitTrap = 1;
    exits.ExceptionExit = 1;
    const uint64_t exceptions = 1u << VECTOR_MF; /* root/monitor/vp_ferr.c */
    return set_property(m, WHvPartitionPropertyCodeProcessorCount, &count, sizeof(count)) &&
           set_property(m, WHvPartitionPropertyCodeLocalApicEmulationMode, &apic, sizeof(apic)) &&
           set_property(m, WHvPartitionPropertyCodeExtendedVmExits, &exits, sizeof(exits)) &&
           set_property(m, WHvPartitionPropertyCodeExceptionExitBitmap, &exceptions, sizeof(exceptions)) &&
           set_cpuid(m) && hide_xsavec(m);
}

static const char *create_memory(struct machine *m)
{
    uint64_t size = m->config->memory;
    m->memory.low_size = size < GUEST_LOW_MAX ? size : GUEST_LOW_MAX;
    m->memory.high_size = size - m->memory.low_size;
    m->memory.low = host_alloc_memory(m->memory.low_size);
    m->memory.high = m->memory.high_size == 0 ? NULL : host_alloc_memory(m->memory.high_size);
    if (m->memory.low == NULL || (m->memory.high == NULL && m->memory.high_size != 0)) {
        return "the machine has not enough free memory in one piece for the memory= it asks for";
    }
    if (FAILED(WHvMapGpaRange(m->partition, m->memory.low, 0, m->memory.low_size, GUEST_RIGHTS)) ||
        (m->memory.high != NULL &&
         FAILED(WHvMapGpaRange(m->partition, m->memory.high, GUEST_HIGH_BASE, m->memory.high_size, GUEST_RIGHTS)))) {
        return "the hypervisor has no memory left to map the guest's (heap= on its command line)";
    }
    return NULL;
}

static const char *create_vps(struct machine *m)
{
    for (uint32_t i = 0; i < m->config->cpus; i++) {
        struct machine_vp *vp = &m->vps[i];
        vp->machine = m;
        vp->index = i;
        if (FAILED(WHvCreateVirtualProcessor(m->partition, i, 0)) || !vp_create_emulator(vp)) {
            return "no memory left for its VPs";
        }
    }
    return NULL;
}

const char *machine_create(struct machine *m, const struct guest_config *config)
{
    memset(m, 0, sizeof(*m));
    m->config = config;
    m->alarm = DEVICE_NEVER;
    if (FAILED(WHvCreatePartition(&m->partition))) {
        return "the hypervisor has no room for another partition";
    }
    if (!set_properties(m) || FAILED(WHvSetupPartition(m->partition))) {
        return "this CPU lacks what a local APIC for guests needs (the VMX preemption timer), or there are too many "
               "VPs";
    }
    m->tsc_begin = host_tsc();
    const char *problem = create_memory(m);
    problem = problem == NULL ? create_vps(m) : problem;
    return problem == NULL ? machine_wire(m) : problem;
}
