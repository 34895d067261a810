/* SPDX-License-Identifier: MIT */
/* What stubs.c puts in the place of the rest of the hypervisor, and how a test sees it. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>

/* The text of the last panic or kernel_stop that a test expected. */
extern char stub_panic_text[256];

/* Used by EXPECT_PANIC alone. A panic that was not announced aborts the test program. */
extern jmp_buf stub_panic_jump;
extern bool stub_panic_expected;

/* Fails the test (cmocka) unless `statement` ends in panic or kernel_stop. */
#define EXPECT_PANIC(statement)                                                                                        \
    do {                                                                                                               \
        stub_panic_expected = true;                                                                                    \
        if (setjmp(stub_panic_jump) == 0) {                                                                            \
            statement;                                                                                                 \
            stub_panic_expected = false;                                                                               \
            fail_msg("no panic in: %s", #statement);                                                                   \
        }                                                                                                              \
    } while (0)
