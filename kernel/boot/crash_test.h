/* SPDX-License-Identifier: MIT */
/* Failures on purpose, for the tests of the crash report. */
#pragma once

#include "kernel/boot/options.h"

/* Fails as the crash-test= option says; returns for CRASH_TEST_NONE. On a stack with a guard page, IDT and TSS loaded.
 */
void crash_test_run(enum crash_test kind);
