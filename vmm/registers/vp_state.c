/* SPDX-License-Identifier: MIT */
#include "vmm/registers/vp_state.h"

#include "abi/whv.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "vmm/apic/apic.h"
#include "vmm/registers/xsave_image.h"
#include "vmm/vp/switch.h"

#define MXCSR_MASK_AT 28u
#define MXCSR_MASK_DEFAULT 0xffbfu /* if the CPU names none (SDM vol. 1, 11.6.6) */
#define XSAVE_AREA_ALIGN64 2u

static struct xsave_format format;

static uint32_t read_mxcsr_mask(void)
{
    static uint8_t image[512] __attribute__((aligned(16)));
    uint32_t mask;
    __asm__ volatile("fxsave64 %0" : "=m"(image));
    memcpy(&mask, image + MXCSR_MASK_AT, sizeof(mask));
    return mask != 0 ? mask : MXCSR_MASK_DEFAULT;
}

void vp_state_init(void)
{
    format.components = switch_xcr0_supported();
    format.mxcsr_mask = read_mxcsr_mask();
    format.size = XSAVE_LEGACY_SIZE;
    for (uint32_t i = 2; i < 63; i++) {
        if ((format.components >> i & 1u) == 0) {
            continue;
        }
        struct cpuid_result r = cpuid(0xd, i);
        format.component[i] = (struct xsave_component){r.eax, r.ebx, (r.ecx & XSAVE_AREA_ALIGN64) != 0};
        uint32_t end = r.eax + r.ebx;
        format.size = end > format.size ? end : format.size;
    }
}

enum whb_status vp_state_get(struct vp *vp, uint64_t type, void *block, uint64_t *size)
{
    if (type == WHvVirtualProcessorStateTypeInterruptControllerState2) {
        if (!vp->apic_on) {
            return WHB_ERROR_NOT_SUPPORTED;
        }
        apic_state_get(vp, block);
        *size = VP_STATE_MAX;
        return WHB_OK;
    }
    if (type != WHvVirtualProcessorStateTypeXsaveState) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    switch_fpu_put(this_cpu(), vp);
    memcpy(block, vp->extended_state, format.size);
    *size = format.size;
    return WHB_OK;
}

enum whb_status vp_state_set(struct vp *vp, uint64_t type, const void *block, uint64_t size, uint8_t *image)
{
    if (type == WHvVirtualProcessorStateTypeInterruptControllerState2) {
        return vp->apic_on ? apic_state_set(vp, block, size) : WHB_ERROR_NOT_SUPPORTED;
    }
    if (type != WHvVirtualProcessorStateTypeXsaveState) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (!xsave_image_take(&format, block, size, image)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    switch_fpu_put(this_cpu(), vp);
    memcpy(vp->extended_state, image, XSAVE_IMAGE_MAX);
    return WHB_OK;
}
