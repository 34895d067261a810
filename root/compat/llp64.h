/* SPDX-License-Identifier: MIT */
/*
 * Included before all else in clients and in root/compat: the 64-bit types are long long, as on Windows, so that
 * UINT64, uint64_t and unsigned long long are one type there.
 */
#pragma once

#undef __INT64_TYPE__
#undef __UINT64_TYPE__
#define __INT64_TYPE__ long long int
#define __UINT64_TYPE__ long long unsigned int
