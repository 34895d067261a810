/* SPDX-License-Identifier: MIT */
#pragma once

#ifdef __cplusplus
extern "C" {
#else
#define static_assert _Static_assert
#endif

/* Says what and where, and ends the program with 3. */
__attribute__((noreturn)) void compat_assert_failed(const char *condition, const char *file, unsigned line);

#ifdef __cplusplus
}
#endif

#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) ((condition) ? (void)0 : compat_assert_failed(#condition, __FILE__, __LINE__))
#endif
