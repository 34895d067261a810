/* SPDX-License-Identifier: MIT */
/* Names of files and libraries. Inside root/compat only. */
#pragma once

#include <stddef.h>

/* Behind the last / or \ or : of a path. */
const char *name_last_part(const char *path);
/* UTF-16 as UTF-8, cut to `size` bytes with its zero; of NULL, NULL. */
const char *name_narrow(const wchar_t *name, char *to, size_t size);
