/* SPDX-License-Identifier: MIT */
#include "root/monitor/disassembly.h"

#include <capstone/capstone.h>

#include "root/lib/format.h"

#define LINE 220u
#define BYTES_TEXT 48u

static cs_mode mode_of(uint32_t bits)
{
    return bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
}

static void bytes_text(const cs_insn *i, char *to)
{
    size_t at = 0;
    for (uint16_t n = 0; n < i->size; n++) {
        at += (size_t)snprintf(to + at, BYTES_TEXT - at, "%02x ", i->bytes[n]);
    }
    to[at] = 0;
}

void disassemble(const uint8_t *code, size_t size, uint64_t address, uint32_t bits,
                 void (*put)(void *context, const char *line), void *context)
{
    csh handle;
    char line[LINE], bytes[BYTES_TEXT];
    if (cs_open(CS_ARCH_X86, mode_of(bits), &handle) != CS_ERR_OK) {
        put(context, "(no memory to disassemble it)");
        return;
    }
    cs_insn *instruction = cs_malloc(handle);
    while (instruction != NULL && size != 0) {
        const uint8_t *at = code;
        if (!cs_disasm_iter(handle, &code, &size, &address, instruction)) {
            (void)snprintf(line, sizeof(line), "%16llx  %02x ...: no instruction, or one that is cut",
                           (unsigned long long)address, *at);
            put(context, line);
            break;
        }
        bytes_text(instruction, bytes);
        (void)snprintf(line, sizeof(line), "%16llx  %-30s %s %s", (unsigned long long)instruction->address, bytes,
                       instruction->mnemonic, instruction->op_str);
        put(context, line);
    }
    if (instruction != NULL) {
        cs_free(instruction, 1);
    }
    cs_close(&handle);
}
