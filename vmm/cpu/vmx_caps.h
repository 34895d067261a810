/* SPDX-License-Identifier: MIT */
/* What the hypervisor asks of a processor's VMX. */
#pragma once

#include "arch/vmx/vmx.h"

/* Why a machine cannot run the hypervisor: one sentence for its owner. */
#define VMX_SENTENCE_SIZE 200u

/*
 * Reads the capabilities of the calling CPU. False: `sentence` (VMX_SENTENCE_SIZE bytes) says what is missing and what
 * to change in the firmware or on the QEMU command line. Writes IA32_FEATURE_CONTROL if firmware left it unlocked.
 */
bool vmx_caps_read(struct vmx_caps *caps, char *sentence);

/* Pure: controls for a root VP and for a guest VP. False: `sentence` names a required control that the CPU lacks. */
bool vmx_controls_root(const struct vmx_caps *caps, struct vmx_controls *out, char *sentence);
bool vmx_controls_guest(const struct vmx_caps *caps, struct vmx_controls *out, char *sentence);

/* Name of the first capability in which two CPUs differ, or NULL. */
const char *vmx_caps_difference(const struct vmx_caps *a, const struct vmx_caps *b);
