/* SPDX-License-Identifier: MIT */
/* The top of the hypervisor. */
#pragma once

#include <stdint.h>

/* First C code: arch/boot/boot.S comes here. */
_Noreturn void vmm_main(uint32_t mbi_pa, uint64_t load_base);
