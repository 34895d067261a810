/* SPDX-License-Identifier: MIT */
/*
 * XSAVE images: from the standard form, which the hypervisor has, to the compacted one, which WHP's clients get (SDM
 * vol. 1, 13.4.3). Pure. By the processor's own XSAVEC it cannot be done: Bochs 2.7's stores another layout.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define XSAVE_STANDARD_MAX 4096u

struct xsave_form_component {
    uint32_t size, offset; /* bytes; the offset is that in the standard form */
    bool align64;          /* starts at a multiple of 64 in the compacted form */
};

struct xsave_form {
    uint64_t components;                       /* those that the image has room for, as in XCR0; x87 and SSE always */
    struct xsave_form_component component[63]; /* from 2 on */
};

/* What CPUID leaf 0DH says of a component in EAX, EBX, ECX. */
struct xsave_form_component xsave_form_component(uint32_t eax, uint32_t ebx, uint32_t ecx);

/* Bytes of a compacted image with all components. */
uint32_t xsave_compacted_size(const struct xsave_form *form);

/*
 * The compacted image, xsave_compacted_size bytes, of a standard one of XSAVE_STANDARD_MAX bytes. All components have
 * their room (XCOMP_BV); those that are not present (XSTATE_BV) are zero.
 */
void xsave_compact(const struct xsave_form *form, const uint8_t *standard, uint8_t *compacted);
