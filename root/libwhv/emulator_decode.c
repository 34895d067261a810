/* SPDX-License-Identifier: MIT */
/*
 * The decoder, by capstone: it and emulator_names.c alone include it. Capstone says how long the instruction is, which
 * one, and what its operands are; prefixes are looked at here, because it does not tell all of them in every mode.
 */
#include "root/libwhv/emulator_decode.h"

#include <capstone/capstone.h> /* with <stdlib.h>, which is root/lib/heap.h here */

#include "root/lib/string.h"
#include "root/libwhv/emulator_names.h"

#define REX_W 8u
#define OPCODE_TWO_BYTES 0x0fu
#define OPCODE_GROUP_5 0xffu
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct emulator_decoder {
    csh handle;
    cs_insn *decoded;
    enum emulator_mode mode;
};

/* What the bytes before the opcode say, and the opcode's first two bytes. */
struct prefixes {
    bool operand_size, address_size, repe, repne;
    uint8_t rex, opcode, second;
    uint8_t segment; /* EMULATOR_NO_REGISTER: none */
};

static uint32_t create_lock;

static cs_mode mode_of(enum emulator_mode mode)
{
    return mode == EMULATOR_64_BIT ? CS_MODE_64 : mode == EMULATOR_32_BIT ? CS_MODE_32 : CS_MODE_16;
}

/* Capstone fills tables of its own, some shared, at the first instruction: that happens here, under the lock. */
static bool open_and_warm(struct emulator_decoder *d)
{
    const uint8_t nop = 0x90;
    struct emulator_instruction ignored;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &d->handle) != CS_ERR_OK) {
        return false;
    }
    d->mode = EMULATOR_64_BIT;
    if (cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK) {
        d->decoded = cs_malloc(d->handle);
    }
    return d->decoded != NULL && emulator_decode(d, EMULATOR_64_BIT, &nop, 1, &ignored);
}

static void close_handle(struct emulator_decoder *d)
{
    if (d->decoded != NULL) {
        cs_free(d->decoded, 1);
    }
    if (d->handle != 0) {
        cs_close(&d->handle);
    }
    free(d);
}

struct emulator_decoder *emulator_decoder_create(void)
{
    struct emulator_decoder *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return NULL;
    }
    while (__atomic_exchange_n(&create_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        __builtin_ia32_pause();
    }
    bool ready = open_and_warm(d);
    __atomic_store_n(&create_lock, 0, __ATOMIC_RELEASE);
    if (!ready) {
        close_handle(d);
        return NULL;
    }
    return d;
}

void emulator_decoder_destroy(struct emulator_decoder *decoder)
{
    close_handle(decoder);
}

static bool take_segment(struct prefixes *p, uint8_t byte, enum emulator_mode mode)
{
    static const uint8_t bytes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    for (unsigned i = 0; i < COUNT(bytes); i++) {
        if (byte == bytes[i]) {
            if (mode != EMULATOR_64_BIT || i >= EMULATOR_FS) { /* the others mean nothing there */
                p->segment = (uint8_t)i;
            }
            return true;
        }
    }
    return false;
}

static bool take_prefix(struct prefixes *p, uint8_t byte, enum emulator_mode mode)
{
    switch (byte) {
    case 0x66:
        p->operand_size = true;
        return true;
    case 0x67:
        p->address_size = true;
        return true;
    case 0xf0:
        return true;
    case 0xf2:
    case 0xf3:
        p->repne = byte == 0xf2;
        p->repe = byte == 0xf3;
        return true;
    default:
        return take_segment(p, byte, mode);
    }
}

/* SDM vol. 2A, 2.1.1 and 2.2.1: REX counts only right before the opcode. */
static struct prefixes look_at_prefixes(const uint8_t *bytes, size_t count, enum emulator_mode mode)
{
    struct prefixes p = {.segment = EMULATOR_NO_REGISTER};
    size_t at = 0;
    while (at < count && take_prefix(&p, bytes[at], mode)) {
        at++;
    }
    if (mode == EMULATOR_64_BIT && at < count && (bytes[at] & 0xf0) == 0x40) {
        p.rex = bytes[at++];
    }
    p.opcode = at < count ? bytes[at] : 0;
    p.second = at + 1 < count ? bytes[at + 1] : 0;
    return p;
}

/* EIZ and RIZ stand for an index that is none. */
static bool address_register(unsigned id, uint8_t *number)
{
    struct emulator_operand o = {0};
    if (id == X86_REG_INVALID || id == X86_REG_EIZ || id == X86_REG_RIZ) {
        *number = EMULATOR_NO_REGISTER;
        return true;
    }
    if (id == X86_REG_RIP || id == X86_REG_EIP) {
        *number = EMULATOR_RIP;
        return true;
    }
    if (!emulator_take_register(id, &o) || o.kind != EMULATOR_REGISTER) {
        return false;
    }
    *number = o.number;
    return true;
}

static bool take_memory(const cs_x86_op *from, const struct prefixes *p, struct emulator_operand *o)
{
    const uint8_t rsp = 4, rbp = 5;
    o->kind = EMULATOR_MEMORY;
    o->size = from->size;
    o->scale = (uint8_t)from->mem.scale;
    o->displacement = from->mem.disp;
    if (!address_register(from->mem.base, &o->base) || !address_register(from->mem.index, &o->index)) {
        return false;
    }
    o->segment = p->segment;
    if (p->segment == EMULATOR_NO_REGISTER) {
        o->segment = o->base == rsp || o->base == rbp ? EMULATOR_SS : EMULATOR_DS;
    }
    return true;
}

static bool take_operand(const cs_x86_op *from, const struct prefixes *p, struct emulator_operand *o)
{
    switch (from->type) {
    case X86_OP_REG:
        return emulator_take_register(from->reg, o);
    case X86_OP_MEM:
        return take_memory(from, p, o);
    case X86_OP_IMM:
        o->kind = EMULATOR_IMMEDIATE;
        o->size = from->size;
        o->immediate = (uint64_t)from->imm;
        return true;
    default:
        return false;
    }
}

static uint8_t operand_size(const struct prefixes *p, enum emulator_mode mode)
{
    if ((p->rex & REX_W) != 0) {
        return 8;
    }
    if (mode == EMULATOR_16_BIT) {
        return p->operand_size ? 4 : 2;
    }
    return p->operand_size ? 2 : 4;
}

static bool take_string(const struct prefixes *p, enum emulator_mode mode, struct emulator_instruction *out)
{
    static const uint8_t by_opcode[][2] = {
        {0x6c, EMULATOR_INS},  {0x6e, EMULATOR_OUTS}, {0xa4, EMULATOR_MOVS}, {0xa6, EMULATOR_CMPS},
        {0xaa, EMULATOR_STOS}, {0xac, EMULATOR_LODS}, {0xae, EMULATOR_SCAS},
    };
    for (unsigned i = 0; i < COUNT(by_opcode); i++) {
        if ((p->opcode & 0xfe) == by_opcode[i][0]) {
            out->operation = by_opcode[i][1];
            out->size = (p->opcode & 1) == 0 ? 1 : operand_size(p, mode);
            if (p->opcode < 0x70 && out->size == 8) {
                out->size = 4; /* ports have no 8-byte access */
            }
            out->segment = p->segment == EMULATOR_NO_REGISTER ? EMULATOR_DS : p->segment;
            out->repeat = p->repne ? EMULATOR_REPNE : p->repe ? EMULATOR_REPE : EMULATOR_ONCE;
            return true;
        }
    }
    return false;
}

/* FFH /3 and /5 (SDM vol. 2A, appendix A.4, group 5): Capstone 5 names them as it names the near ones. */
static uint8_t far_branch(const struct prefixes *p)
{
    uint8_t extension = p->second >> 3 & 7u;
    if (p->opcode != OPCODE_GROUP_5 || (extension != 3 && extension != 5)) {
        return EMULATOR_UNSUPPORTED;
    }
    return extension == 3 ? EMULATOR_CALL_FAR : EMULATOR_JMP_FAR;
}

static uint8_t operation_of(unsigned id, const struct prefixes *p)
{
    if (far_branch(p) != EMULATOR_UNSUPPORTED) {
        return far_branch(p);
    }
    if (p->opcode == OPCODE_TWO_BYTES && (p->second & 0xf0) == 0x90) {
        return EMULATOR_SETCC;
    }
    if (p->opcode == OPCODE_TWO_BYTES && (p->second & 0xf0) == 0x40) {
        return EMULATOR_CMOVCC;
    }
    return emulator_operation_of(id);
}

static bool take_operands(const cs_x86 *x, const struct prefixes *p, struct emulator_instruction *out)
{
    if (x->op_count > EMULATOR_OPERANDS) {
        return false;
    }
    out->operands = x->op_count;
    for (unsigned i = 0; i < x->op_count; i++) {
        if (!take_operand(&x->operands[i], p, &out->operand[i])) {
            return false;
        }
    }
    out->size = x->op_count == 0 ? 0 : out->operand[0].size;
    return true;
}

/* Near branches and the stack have 8 bytes in 64-bit mode, pushes and pops also 2 (SDM vol. 1, 6.2.5). */
static void take_stack_size(const struct prefixes *p, enum emulator_mode mode, struct emulator_instruction *out)
{
    bool branch = out->operation != EMULATOR_PUSH && out->operation != EMULATOR_POP;
    out->size = operand_size(p, mode);
    if (mode == EMULATOR_64_BIT) {
        out->size = p->operand_size && !branch ? 2 : 8;
    }
    if (out->operand[0].kind == EMULATOR_MEMORY) {
        out->operand[0].size = out->size;
    }
}

static bool take_pointer(const struct prefixes *p, enum emulator_mode mode, struct emulator_instruction *out)
{
    unsigned which = out->operation == EMULATOR_LOAD_POINTER ? 1 : 0;
    static const uint8_t by_opcode[][2] = {{0xb2, EMULATOR_SS}, {0xb4, EMULATOR_FS}, {0xb5, EMULATOR_GS}};
    out->size = operand_size(p, mode);
    out->operand[which].size = out->size;
    out->segment = p->opcode == 0xc4 ? EMULATOR_ES : EMULATOR_DS;
    for (unsigned i = 0; i < COUNT(by_opcode) && p->opcode == OPCODE_TWO_BYTES; i++) {
        out->segment = p->second == by_opcode[i][0] ? by_opcode[i][1] : out->segment;
    }
    return out->operands == which + 1 && out->operand[which].kind == EMULATOR_MEMORY;
}

/* Sizes that capstone does not tell, or not in all versions alike. False: a form that is not known. */
static bool take_sizes(const struct prefixes *p, enum emulator_mode mode, struct emulator_instruction *out)
{
    struct emulator_operand *first = &out->operand[0];
    switch ((enum emulator_operation)out->operation) {
    case EMULATOR_PUSH:
    case EMULATOR_POP:
        if (first->kind != EMULATOR_REGISTER) {
            take_stack_size(p, mode, out);
        }
        return out->operands == 1 && out->size >= 2;
    case EMULATOR_CALL:
    case EMULATOR_JMP:
        take_stack_size(p, mode, out);
        return out->operands == 1 && first->kind != EMULATOR_IMMEDIATE;
    case EMULATOR_RET:
        take_stack_size(p, mode, out);
        return p->opcode == 0xc2 || p->opcode == 0xc3;
    case EMULATOR_CALL_FAR:
    case EMULATOR_JMP_FAR:
    case EMULATOR_LOAD_POINTER:
        return take_pointer(p, mode, out);
    case EMULATOR_XLAT:
        out->size = 1;
        out->segment = p->segment == EMULATOR_NO_REGISTER ? EMULATOR_DS : p->segment;
        return true;
    case EMULATOR_MOV:
        out->operation = first->kind == EMULATOR_SEGMENT_REGISTER ? EMULATOR_MOV_SEGMENT : EMULATOR_MOV;
        return true;
    case EMULATOR_SMSW:
        if (first->kind == EMULATOR_MEMORY) {
            out->size = first->size = 2;
        }
        return true;
    default:
        return true;
    }
}

static void translate(const cs_insn *insn, const struct prefixes *p, enum emulator_mode mode,
                      struct emulator_instruction *out)
{
    if (take_string(p, mode, out)) {
        return;
    }
    out->operation = operation_of(insn->id, p);
    if (out->operation == EMULATOR_SETCC || out->operation == EMULATOR_CMOVCC) {
        out->condition = p->second & 0xf;
    }
    out->aligned = emulator_wants_alignment(insn->id);
    if (!take_operands(&insn->detail->x86, p, out) || !take_sizes(p, mode, out)) {
        out->operation = EMULATOR_UNSUPPORTED;
    }
}

static void join_text(char *to, const char *mnemonic, const char *operands)
{
    size_t at = 0;
    for (; *mnemonic != '\0' && at < EMULATOR_TEXT - 2; at++) {
        to[at] = *mnemonic++;
    }
    if (*operands != '\0') {
        to[at++] = ' ';
    }
    for (; *operands != '\0' && at < EMULATOR_TEXT - 1; at++) {
        to[at] = *operands++;
    }
    to[at] = '\0';
}

static bool disassemble(struct emulator_decoder *d, enum emulator_mode mode, const uint8_t *bytes, size_t count)
{
    uint64_t address = 0;
    const uint8_t *code = bytes;
    size_t size = count < EMULATOR_MAX_LENGTH ? count : EMULATOR_MAX_LENGTH;
    if (mode != d->mode) {
        cs_option(d->handle, CS_OPT_MODE, (size_t)mode_of(mode));
        d->mode = mode;
    }
    return cs_disasm_iter(d->handle, &code, &size, &address, d->decoded);
}

bool emulator_decode(struct emulator_decoder *d, enum emulator_mode mode, const uint8_t *bytes, size_t count,
                     struct emulator_instruction *out)
{
    memset(out, 0, sizeof(*out));
    if (!disassemble(d, mode, bytes, count)) {
        return false;
    }
    struct prefixes p = look_at_prefixes(bytes, count, mode);
    out->length = (uint8_t)d->decoded->size;
    out->address_size = (uint8_t)mode;
    if (p.address_size) {
        out->address_size = mode == EMULATOR_32_BIT ? 2 : 4;
    }
    translate(d->decoded, &p, mode, out);
    return true;
}

void emulator_text(struct emulator_decoder *d, enum emulator_mode mode, const uint8_t *bytes, size_t count,
                   char text[EMULATOR_TEXT])
{
    text[0] = '\0';
    if (count != 0 && disassemble(d, mode, bytes, count)) {
        join_text(text, d->decoded->mnemonic, d->decoded->op_str);
    }
}
