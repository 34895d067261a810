/* SPDX-License-Identifier: MIT */
/* Code bytes as text, by capstone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `bits` 16, 32 or 64. Gives a line for each instruction; what is no instruction ends it with a line that says so. */
void disassemble(const uint8_t *code, size_t size, uint64_t address, uint32_t bits,
                 void (*put)(void *context, const char *line), void *context);
