/* SPDX-License-Identifier: MIT */
/* What a FILE is, and the modules as files. Inside root/compat only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/handoff.h"
#include "root/compat/stdio.h"

enum stream_kind { STREAM_FREE, STREAM_INPUT, STREAM_OUTPUT, STREAM_MODULE };

struct compat_stream {
    enum stream_kind kind;
    const struct whb_module *module;
    uint64_t position; /* may be beyond the end */
    int pushed;        /* by ungetc, or EOF */
    bool at_end, failed;
};

/* The module that a path names; NULL: none. */
const struct whb_module *module_find(const char *path);
/* Bytes of a module from a position on, at most `size`; returns how many there were. */
size_t module_read(const struct whb_module *module, uint64_t position, void *to, size_t size);

/* Bytes typed at the console; waits for the first. 0: the end was typed. */
size_t console_input(void *to, size_t size);
