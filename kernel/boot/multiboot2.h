/* SPDX-License-Identifier: MIT */
/* What the loader passes: the multiboot2 boot information, parsed into plain structures. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernel/memory/boot_info.h"

/* Enough for any information block of a real loader; larger ones are refused. Bytes. */
#define MB2_MAX_SIZE (1u << 20)

enum mb2_status {
    MB2_OK,
    MB2_BAD_SIZE,         /* the block's size is impossible or more than `limit` */
    MB2_BAD_TAG,          /* a tag is shorter than its contents or runs past the block */
    MB2_NO_END,           /* the block ends without an end tag */
    MB2_BAD_STRING,       /* a command line is not terminated within its tag */
    MB2_BAD_MEMORY_MAP,   /* the memory map's entry size does not fit */
    MB2_NO_MEMORY_MAP,    /* there is no memory map */
    MB2_TOO_MANY_RANGES,  /* more than BOOT_MAX_RANGES, before or after overlaps are resolved */
    MB2_BAD_MODULE,       /* a module ends before it starts */
    MB2_TOO_MANY_MODULES, /* more than BOOT_MAX_MODULES */
    MB2_STATUS_COUNT,
};

/*
 * Parses the information block at `info`, of which at most `limit` bytes may be read, into *out. Unknown tags are
 * skipped; of tags that may occur once the last counts. The block needs no alignment. On failure *out holds what was
 * parsed before, to be used for nothing but the serial options in its command line.
 */
enum mb2_status mb2_parse(const void *info, size_t limit, struct boot_info *out);

/* A sentence for the console. Never NULL, also for numbers that are no status. */
const char *mb2_status_text(enum mb2_status status);
