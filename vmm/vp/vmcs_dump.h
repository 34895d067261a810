/* SPDX-License-Identifier: MIT */
/* The crash report's part about the guest. */
#pragma once

/* Prints the VMCS that is current on this CPU, if it is in VMX operation and has one. Touches nothing. */
void vmcs_dump(void);
